"""Table I of RNN-Test: orientations on the language model, beside words replaced by chance.

python -m benchmarks.rnn_test.table1 --data FOLDER --cache FOLDER [--size paper|small|quick] [--windows 61] [--runs 3]
"""

from __future__ import annotations

import sys

from benchmarks.rnn_test.tables import BASELINE, HEAD, Method, Paper, asked, bench, line, original, title

ORIGINAL = Paper(355.11, 157.76)
CHANCE = Paper(554.04, 253.20, 100.0)
METHODS = {
    Method("cost", "cost"): Paper(603.78, 245.05, 95.94, 28.43),
    Method("decision", "decision"): Paper(584.86, 252.39, 94.30, 30.96),
    Method("state", "state"): Paper(618.19, 275.08, 100.0, 82.14),
    Method("state, indices as in the authors' code", "state-swapped"): None,
}


def main() -> int:
    """Print the table."""
    told = asked(__doc__)
    one = bench(told)
    chance = one.rows(BASELINE)
    print(title(told, one, "Table I"), "", HEAD, sep="\n")
    print(original(chance, ORIGINAL))
    print(line(BASELINE.name, chance, None, CHANCE))
    every = []
    for method, paper in METHODS.items():
        rows = one.rows(method)
        print(line(method.name, rows, chance, paper), flush=True)
        if paper is not None:
            every += rows
    print(line("average of the three", every, chance, Paper(602.28, 257.51, 96.75, 47.18)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
