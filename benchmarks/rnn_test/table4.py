"""Table IV of RNN-Test: orientations with coverage guidance on the language model, and guidance alone.

python -m benchmarks.rnn_test.table4 --data FOLDER --cache FOLDER [--size paper|small|quick] [--windows 61] [--runs 3]
"""

from __future__ import annotations

import sys

from benchmarks.rnn_test.tables import BASELINE, HEAD, Method, Paper, asked, bench, line, original, title

ORIGINAL = Paper(355.11, 157.76)
CHANCE = Paper(554.04, 253.20, 100.0)
JOINT = {
    Method("cost + gate-o", "cost", "gate-o"): Paper(595.91, 255.73, 96.17, 30.30),
    Method("cost + cs", "cost", "cs"): Paper(575.23, 254.78, 98.36, 34.34),
    Method("decision + cs", "decision", "cs"): Paper(572.99, 260.11, 98.36, 36.04),
    Method("decision + gate-i", "decision", "gate-i"): Paper(602.23, 267.06, 95.08, 32.26),
    Method("state + cs", "state", "cs"): Paper(684.61, 299.60, 100.0, 6210.00),
    Method("state + gate-o", "state", "gate-o"): Paper(671.20, 286.39, 99.45, 1940.97),
}
GUIDES = ("hs", "cs", "gate-i", "gate-f", "gate-o", "gate-n", "dx")


def main() -> int:
    """Print the table."""
    told = asked(__doc__)
    one = bench(told)
    chance = one.rows(BASELINE)
    print(title(told, one, "Table IV"), "", HEAD, sep="\n")
    print(original(chance, ORIGINAL))
    print(line(BASELINE.name, chance, None, CHANCE))
    for method, paper in JOINT.items():
        print(line(method.name, one.rows(method), chance, paper), flush=True)
    every = []
    for guide in GUIDES:
        rows = one.rows(Method(guide, guide=guide))
        print(line(f"{guide} alone", rows, chance, None), flush=True)
        every += rows
    print(line("average of coverage alone", every, chance, Paper(576.69, 232.22, 89.50, 19.47)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
