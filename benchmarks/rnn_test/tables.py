"""What the tables of RNN-Test's language model share: methods, their figures, and how each stands against chance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import certrnn
from benchmarks.rnn_test.language_model import END, given, options, trained
from certrnn.model import Model
from certrnn.quality import Interval, paired
from certrnn.results.guided import Figures, GuidedRow
from certrnn.testing.guided import GuidedOutcome, guided_search
from certrnn.testing.search import NONE, GuidedSearch

WINDOWS = 61
"""Windows of ten words that the paper attacks, as its rates show: they are n / 183, three runs of 61."""
RUNS = 3


@dataclass(frozen=True)
class Method:
    """A line of a table: its name in the paper, and its orientation and guide here."""

    name: str
    orientation: str = NONE
    guide: str = NONE
    strategy: str = "boost"


@dataclass(frozen=True)
class Paper:
    """The paper's figures of a line: pp_i, pp, gen_rate in percent and l2; None where it states none."""

    pp_i: float
    pp: float
    generated: float | None = None
    l2: float | None = None


BASELINE = Method("baseline (by chance)")


@dataclass(frozen=True, eq=False)
class Bench:
    """The model, the windows that are attacked, and how often."""

    model: Model
    x: np.ndarray
    y: np.ndarray
    runs: int
    seed: int
    barred: frozenset[int]

    def outcome(self, method: Method, fill: bool = False) -> GuidedOutcome:
        """What a method finds; what it does not is changed by chance where ``fill`` is set."""
        search = GuidedSearch(
            method.orientation,
            method.guide,
            method.strategy,
            runs=self.runs,
            seed=self.seed,
            fill=fill,
            barred=self.barred,
        )
        print(f"searching: {method.name}", file=sys.stderr, flush=True)
        return guided_search(self.model, self.x, self.y, search)

    def rows(self, method: Method) -> tuple[GuidedRow, ...]:
        """The rows of a method."""
        return self.outcome(method).results.rows


def asked(doc: str | None, arguments: Sequence[tuple[str, dict]] = ()) -> argparse.Namespace:
    """The options of a table."""
    parser = options(doc)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="windows of ten words; 0 for all")
    parser.add_argument("--runs", type=int, default=RUNS)
    for name, told in arguments:
        parser.add_argument(name, **told)
    return given(parser)


def bench(told: argparse.Namespace) -> Bench:
    """The model, trained where it is missing, and the first windows of the test part."""
    file, text = trained(told.data, told.cache, told.size, told.seed)
    x, y = text.windows("test")
    count = told.windows or len(x)
    barred = frozenset({text.vocabulary.index(END)})
    return Bench(certrnn.load(Path(file)), x[:count], y[:count], told.runs, told.seed, barred)


def against(rows: Sequence[GuidedRow], chance: Sequence[GuidedRow], what: str) -> Interval:
    """The difference of a figure (``pp`` or ``pp_i``) to chance, with windows drawn with replacement, the same for
    both; all runs of a window stay together."""
    windows = sorted({row.sample for row in rows})
    place = {window: k for k, window in enumerate(windows)}
    sides = []
    for some in (rows, chance):
        cost, asked_, each = (np.zeros(len(windows)) for _ in range(3))
        for row in some:
            cost[place[row.sample]] += row.cost_after
            asked_[place[row.sample]] += row.asked
            each[place[row.sample]] += np.exp(row.cost_after / row.asked)
        runs = len(some) / len(windows)
        sides.append((cost, asked_, each / runs))

    def figure(side: tuple[np.ndarray, np.ndarray, np.ndarray]):
        cost, count, each = side
        if what == "pp":
            return lambda drawn: float(np.exp(cost[drawn].sum() / count[drawn].sum()))
        return lambda drawn: float(each[drawn].mean())

    return paired(figure(sides[0]), figure(sides[1]), len(windows))


HEAD = (
    "| method | pp_i | paper | pp | paper | gen_rate | paper | l2 | paper | pp less that of chance (95 %) |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def line(
    name: str, rows: Sequence[GuidedRow], chance: Sequence[GuidedRow] | None, paper: Paper | None
) -> str:
    """A line of a table, the paper's figures beside ours."""
    found = Figures.of(rows)
    beside = "" if chance is None else spoken(against(rows, chance, "pp"))
    told = paper or Paper(float("nan"), float("nan"))
    cells = [
        name,
        shown(found.pp_i),
        shown(told.pp_i),
        shown(found.pp),
        shown(told.pp),
        f"{100 * found.generated:.1f} %",
        "" if told.generated is None else f"{told.generated:.2f} %",
        shown(found.l2),
        shown(told.l2),
        beside,
    ]
    return f"| {' | '.join(cells)} |"


def original(rows: Sequence[GuidedRow], paper: Paper) -> str:
    """The line of the unchanged windows."""
    found = Figures.of(rows)
    cells = ["original", shown(found.pp_i_before), shown(paper.pp_i), shown(found.pp_before), shown(paper.pp)]
    return f"| {' | '.join(cells)} | | | | | |"


def shown(value: float | None) -> str:
    """A number with two decimals, or nothing."""
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"


def spoken(found: Interval) -> str:
    """A difference and its interval.

    >>> spoken(Interval(1.5, -0.25, 3.0, 0.1))
    '+1.50 [-0.25, +3.00]'
    """
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def title(told: argparse.Namespace, one: Bench, what: str) -> str:
    """What a table is of."""
    first = (
        f"{what}: model {told.size} (sha256 {one.model.sha256[:12]}), {len(one.x)} windows x {one.runs} runs"
    )
    return f"{first}, seed {one.seed}. Inputs for which nothing was found count as they are."
