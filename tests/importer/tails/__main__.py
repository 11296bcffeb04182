"""``python -m tests.importer.tails COUNT --seed S``: random ends on demand; ``--replay SEED`` shows one case."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.importer.tails.cases import case
from tests.importer.tails.checking import Outcome, check
from tests.importer.tails.meaning import CLEAR


@dataclass
class Tally:
    """Figures of many cases."""

    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    certified: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.cases += 1
        clarity = outcome.made.clarity
        state = "unrunnable" if not outcome.runs else "refused" if outcome.refused else "answered"
        self.kinds[f"{clarity} {state}"] += 1
        if outcome.runs and outcome.refused and clarity == CLEAR:
            self.reasons[outcome.reason] += 1
        self.verdicts.update(outcome.verdicts)
        self.certified += outcome.certified
        self.wrong += [f"{outcome.made}: {complaint}" for complaint in outcome.complaints]

    @property
    def refused_share(self) -> float:
        """Of the cases that onnxruntime runs and that are clear."""
        refused, answered = self.kinds[f"{CLEAR} refused"], self.kinds[f"{CLEAR} answered"]
        return refused / max(refused + answered, 1)

    def __str__(self) -> str:
        lines = [f"{self.cases} cases; " + ", ".join(f"{n} {kind}" for kind, n in sorted(self.kinds.items()))]
        lines.append(f"refused among clear: {self.refused_share:.3f}; certified rows: {self.certified}")
        lines.append(f"queries: {dict(self.verdicts)}")
        lines += [f"  {n:5} {reason}" for reason, n in self.reasons.most_common(40)]
        return "\n".join([*lines, f"wrong: {len(self.wrong)}", *self.wrong])


def tallied(seeds: Iterable[int], show: bool = False) -> Tally:
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            outcome = check(case(seed), Path(folder))
            tally.add(outcome)
            for complaint in outcome.complaints if show else ():
                print(f"{outcome.made}: {complaint}", flush=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.importer.tails", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=int)
    asked = parser.parse_args()
    if asked.replay is not None:
        return _replayed(asked.replay)
    tally = tallied(range(asked.seed, asked.seed + asked.count), show=True)
    print(tally)
    return bool(tally.wrong)


def _replayed(seed: int) -> int:
    made = case(seed)
    print(made, made.meaning, sep="\n")
    for node in made.proto.graph.node:
        attributes = {
            a.name: "tensor" if a.HasField("t") else a.ints or a.i or a.f or a.s for a in node.attribute
        }
        print(" ", node.op_type, list(node.input), list(node.output), attributes)
    with tempfile.TemporaryDirectory() as folder:
        outcome = check(made, Path(folder))
    print(f"runs: {outcome.runs}; refused: {outcome.refused}; {outcome.complaints}")
    return bool(outcome.complaints)


if __name__ == "__main__":
    sys.exit(main())
