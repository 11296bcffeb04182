"""A comparison as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrnn.report.columns import Strip, fitted
from certrnn.report.curve_table import shortened
from certrnn.report.escape import visible
from certrnn.report.files import exported
from certrnn.report.spoken import short
from certrnn.report.violin import violin_picture
from certrnn.results.comparison import Comparison, Group, UTest
from certrnn.results.curve import Share
from certrnn.results.figures import ABSENT, LONGEST, exact, lower, near, percent, percent_lower, upper
from certrnn.results.paired import Paired

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class CompareReport:
    """A comparison, printed and as files."""

    comparison: Comparison

    def content(self, kind: str) -> bytes:
        """A file of ``kind`` png, svg or json."""
        table = exported(self.comparison, kind)
        if table is not None:
            return table
        if kind == "json":
            return self.comparison.to_json().encode("utf-8")
        return violin_picture(self.comparison, kind)

    def show(self, console: Console) -> None:
        """Print the groups, the tests and the notes."""
        from rich.text import Text

        if not self.comparison.groups:
            console.print("no sample has the rows of every method yet", soft_wrap=True)
        for path, digest in dict.fromkeys((g.results.path, g.results.sha256) for g in self.comparison.groups):
            console.print(Text(f"{visible(path)} (sha256 {digest[:12]})", "bold"), soft_wrap=True)
        if self.comparison.groups:
            console.print(fitted(_groups(self.comparison), console.width))
            over = f"{_over(self.comparison)}; seconds a row are the method's alone"
            console.print(Text(over), soft_wrap=True)
        for line in dict.fromkeys(line for g in self.comparison.groups for line in short(g.results.question)):
            console.print(Text(visible(line)), soft_wrap=True)
        if self.comparison.tests:
            console.print()
            console.print(fitted(_tests(self.comparison.tests), console.width))
            console.print(
                Text(
                    "two-sided, not adjusted for their number; more often: share of pairs where the first is larger; "
                    "+/-/=: samples of which the first certifies more, less, the same"
                ),
                soft_wrap=True,
            )
        for note in self.comparison.notes:
            console.print(Text(f"note: {visible(note)}", "yellow"), soft_wrap=True)


def _groups(comparison: Comparison) -> list[Strip]:
    def strip(title: str, show: Callable[[Group], str], rank: int) -> Strip:
        return Strip(title, tuple(show(group) for group in comparison.groups), rank)

    names = tuple(shortened(visible(g.results.path)) for g in comparison.groups)
    right = _right(comparison)
    return [
        Strip("model", names, numeric=False, folds=True),
        Strip("method", tuple(g.method for g in comparison.groups), numeric=False),
        *([strip(right, lambda g: _of(g.clean, percent), 6)] if right else []),
        strip("mean eps", lambda g: _eps(g.mean, g), 0),
        strip("std", lambda g: near(g.deviation), 2),
        strip("median", lambda g: _eps(g.median, g), 5),
        strip("share", lambda g: lower(g.share), 4),
        Strip("s/row", tuple(near(g.seconds_a_row) for g in comparison.groups), 1, least=LONGEST),
        *(
            strip(f"verified at {exact(e)}", lambda g, e=e: _of(g.verified(e), percent_lower), 3)
            for e in comparison.eps
        ),
    ]


def _eps(value: float | None, group: Group) -> str:
    """A mean or median; where nothing is certified, that it lies below all that was tried."""
    return f"< {upper(group.floor)}" if value == 0.0 and group.floor else lower(value)


def _of(share: Share, shown: Callable[[int, int], str]) -> str:
    """A share and what it is counted of."""
    return f"{shown(share.count, max(1, share.samples))} ({share.count} of {share.samples})"


def _right(comparison: Comparison) -> str:
    """What the share of samples that are right undisturbed is called; "" where that says nothing."""
    if any(group.results.specification for group in comparison.groups):
        return "holds undisturbed"
    return "accuracy" if all(group.results.labelled for group in comparison.groups) else ""


def _over(comparison: Comparison) -> str:
    """What the columns are counted over."""
    shares = [name for name in (_right(comparison), "verified" if comparison.eps else "") if name]
    of = comparison.groups[0].results.of_samples(len(comparison.groups[0].samples))
    counted = f"{' and '.join(shares)}: of {of}; " if shares else ""
    right = "that hold undisturbed" if _right(comparison).startswith("holds") else "answered right"
    return f"{counted}certified eps: over those {right}; share: of the attack's eps, where there is one"


def _tests(tests: Sequence[UTest]) -> list[Strip]:
    def names(test: UTest) -> tuple[str, str, str]:
        """What both have in common, and what tells them apart."""
        first, second = ((shortened(visible(g.results.path)), g.method) for g in (test.first, test.second))
        same = int(first[0] != second[0])
        return first[same], first[1 - same], second[1 - same]

    named = list(zip(*map(names, tests), strict=True))
    return [
        *(
            Strip(title, cells, numeric=False, folds=True)
            for title, cells in zip(("of", "first", "second"), named, strict=True)
        ),
        Strip("Mann-Whitney U", tuple(f"{test.u:.6g}" for test in tests), 1),
        Strip("p", tuple(_p(test.p) for test in tests), 3),
        Strip("more often", tuple(percent(test.effect) for test in tests), 4),
        *_paired([test.paired for test in tests]),
    ]


def _paired(tests: Sequence[Paired | None]) -> list[Strip]:
    """Sample by sample: of how many the first certifies more, less and the same, and the tests of that."""
    if not any(tests):
        return []
    counts = (ABSENT if t is None else f"{t.first}/{t.second}/{t.ties}" for t in tests)
    return [
        Strip("+/-/= by sample", tuple(counts)),
        Strip("Wilcoxon p", tuple(ABSENT if t is None else _p(t.wilcoxon) for t in tests)),
        Strip("sign p", tuple(ABSENT if t is None else _p(t.sign) for t in tests)),
    ]


def _p(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2e}"
