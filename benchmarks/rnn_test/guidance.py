"""Does guidance raise the metric that it is guided by? Figure 7 of RNN-Test, for the language model.

Boosting and the random strategy beside replacement by chance, over many runs of the same windows and the same changed
frames. Windows for which no other word was found along the gradient are changed by chance, so that all methods change
equally many.

    python -m benchmarks.rnn_test.guidance --data FOLDER --cache FOLDER [--size ..] [--windows 61] [--runs 10]
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.rnn_test.tables import BASELINE, Bench, Method, asked, bench, title
from certrnn.coverage import METRICS
from certrnn.model import Model
from certrnn.testing.guided import GuidedOutcome
from certrnn.testing.measure import longest, recorded

GUIDES = ("hs", "cs", "gate-i", "gate-f", "gate-o", "gate-n", "dx")
SMALL = 0.05


def covered(model: Model, outcome: GuidedOutcome, guide: str, runs: int) -> np.ndarray:
    """(runs,) the coverage of a run's changed inputs, averaged over the two boundary sections where there are any."""
    found = []
    for run in range(runs):
        words = [one.words for one in outcome.inputs if one.run == run and one.words is not None]
        sequences = model.sequences(np.stack(words))
        steps = longest(model.network, [sequences])
        shares = recorded(model.network, sequences, {guide: METRICS[guide]}, steps)[guide].coverage()
        found.append(float(np.mean(shares[[0, -1]])))
    return np.array(found)


def p_value(one: np.ndarray, other: np.ndarray) -> float:
    """Of the one-sided paired test of Wilcoxon: that ``one`` is not the larger."""
    from scipy.stats import wilcoxon

    return 1.0 if np.array_equal(one, other) else float(wilcoxon(one, other, alternative="greater").pvalue)


def compare(one: Bench) -> None:
    """Print a line for each metric."""
    chance = one.outcome(BASELINE)
    print("| guide | chance | boost | p | random | p | found by boost | by random |")
    print("|---|---|---|---|---|---|---|---|")
    for guide in GUIDES:
        base = covered(one.model, chance, guide, one.runs)
        cells = [guide, f"{100 * base.mean():.2f} %"]
        rates = []
        for strategy in ("boost", "random"):
            method = Method(f"{guide}, {strategy}", guide=guide, strategy=strategy)
            outcome = one.outcome(method, fill=True)
            mine = covered(one.model, outcome, guide, one.runs)
            p = p_value(mine, base)
            cells += [f"{100 * mine.mean():.2f} %", f"{p:.4f}{' *' if p < SMALL else ''}"]
            rates.append(f"{100 * outcome.results.figures.oriented:.1f} %")
        print(f"| {' | '.join([*cells, *rates])} |", flush=True)


def main() -> int:
    """Print the comparison."""
    told = asked(__doc__)
    one = bench(told)
    print(title(told, one, "Coverage of the guiding metric"), "", sep="\n")
    compare(one)
    return 0


if __name__ == "__main__":
    sys.exit(main())
