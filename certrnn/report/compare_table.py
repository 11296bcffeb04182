"""A comparison as people read it in a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrnn.report.compare import Comparison, Group, UTest
from certrnn.report.curve_table import shortened
from certrnn.report.table import asked, number
from certrnn.report.violin import violin_picture
from certrnn.report.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

TEST_TITLES = ["first", "second", "Mann-Whitney U", "p", "more often"]


@dataclass(frozen=True)
class CompareReport:
    """A comparison, printed and as files."""

    comparison: Comparison

    def content(self, kind: str) -> bytes:
        """A file of ``kind`` png, svg or json."""
        if kind == "json":
            return self.comparison.to_json().encode("utf-8")
        return violin_picture(self.comparison, kind)

    def show(self, console: Console) -> None:
        """Print the groups, the tests and the notes."""
        from rich.text import Text

        console.print(
            _table(_titles(self.comparison), [_cells(g, self.comparison) for g in self.comparison.groups])
        )
        console.print(
            Text("over the samples answered right; seconds a row are the method's alone"), soft_wrap=True
        )
        if self.comparison.tests:
            console.print()
            console.print(_table(TEST_TITLES, [_test(test) for test in self.comparison.tests]))
            console.print(
                Text(
                    "two-sided, not adjusted for their number; more often: share of pairs where the first is larger"
                ),
                soft_wrap=True,
            )
        for note in self.comparison.notes:
            console.print(Text(f"note: {visible(note)}", "yellow"), soft_wrap=True)


def _titles(comparison: Comparison) -> list[str]:
    eps = [f"verified at {asked(e)}" for e in comparison.eps]
    return ["model", "method", "accuracy", "mean eps", "std", "median", "share", "s/row", *eps]


def _cells(group: Group, comparison: Comparison) -> list[str]:
    return [
        shortened(visible(group.results.path)),
        group.method,
        f"{100 * group.clean.value:.1f} %",
        number(group.mean),
        number(group.deviation),
        number(group.median),
        number(group.share),
        number(group.seconds_a_row),
        *(f"{100 * group.verified(e).value:.1f} %" for e in comparison.eps),
    ]


def _test(test: UTest) -> list[str]:
    names = [f"{shortened(visible(g.results.path))} {g.method}" for g in (test.first, test.second)]
    return [*names, f"{test.u:.6g}", f"{test.p:.2e}", f"{100 * test.effect:.1f} %"]


def _table(titles: list[str], rows: list[list[str]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    out = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for place, title in enumerate(titles):
        out.add_column(title, justify="left" if place < 2 else "right", overflow="fold")
    for row in rows:
        out.add_row(*(Text(cell) for cell in row))
    return out
