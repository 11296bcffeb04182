"""Training on Deka's conditions: accuracy, Theorem 1 over the certified tube, certified eps and attacked accuracy.

    python -m benchmarks.training.contraction [--epochs 100] [--samples 20] [--hidden 8] [--out FILE] [--quick]

A vanilla RNN on the bundled handwritten digits (8 frames of 8 pixels, 450 images, a tenth held out), trained to
contract (``mu(A) < -gamma`` at the nominal states) or to expand (``mu(-A) < -gamma``), with growing weights of the
penalty. Theorems 1 and 3 are decided by ``certrnn conditions`` over the tube of ``--tube``; certified eps is the
zonotope's, all frames; attacked accuracy is PGD's at ``--attacked``, of ten steps.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from certrnn.certification.conditions import ConditionsQuery
from certrnn.model import load
from certrnn.training import (
    Architecture,
    Ball,
    Examples,
    Run,
    Settings,
    Trained,
    evaluate,
    read_sequences,
    train,
)

CASES = ((0.0, False), (0.3, False), (3.0, False), (3.0, True), (10.0, True))
"""Weights of the penalty, and whether growth is asked for."""


def measured(trained: Trained, heldout: Examples, tube: float, samples: int) -> tuple[int, int, float, float]:
    """Of the first samples: on how many Theorem 1 and Theorem 3 hold, the mean number, and the mean certified eps."""
    few = heldout.take(range(min(samples, len(heldout))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        trained.save(path)
        model = load(path)
        sequences = model.sequences(list(few.x), few.y)
        found = model.ask(sequences, ConditionsQuery((tube,), clip=(0.0, 1.0)))
        radii = model.radius(sequences, frames="all", clip=(0.0, 1.0), method="zonotope", attack=False)
    reports = [report for row in found.rows for report in row.reports]
    findings = [f for report in reports for f in report.findings if f.over == "tube"]
    one, three = ([f for f in findings if f.condition == name] for name in ("Theorem 1", "Theorem 3"))
    numbers = [f.at_most for f in one if f.at_most is not None]
    eps = [row.eps_certified or 0.0 for row in radii if row.verdict != "misclassified"]
    holds = [sum(f.verdict == "holds" for f in some) for some in (one, three)]
    return holds[0], holds[1], float(np.mean(numbers)), float(np.mean(eps)) if eps else 0.0


def rows(asked: argparse.Namespace, cases: Sequence[tuple[float, bool]]) -> list[str]:
    """Lines of the table."""
    examples, heldout = read_sequences("example:digits_heldout").split(0.1, 0)
    lines = []
    for weight, converse in cases:
        settings = Settings(
            "contract", epochs=asked.epochs, rate=0.01, weight=weight, converse=converse, clip=(0.0, 1.0)
        )
        trained = train(Run(examples, heldout, settings, Architecture("rnn", asked.hidden)))
        one, three, number, eps = measured(trained, heldout, asked.tube, asked.samples)
        attacked = [
            evaluate(trained.module, heldout, lambda x, e=e: Ball(e, (0.0, 1.0)), None).attacked
            for e in asked.attacked
        ]
        kind = "expand" if converse else "contract" if weight else "none"
        clean = trained.history[-1].accuracy.clean
        shares = " | ".join(f"{100 * share:.1f} %" for share in attacked)
        count = min(asked.samples, len(heldout))
        held = f"{one} of {count} | {three} of {count}"
        lines.append(
            f"| {kind} | {weight:g} | {100 * clean:.1f} % | {number:.3f} | {held} | {eps:.4f} | {shares} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.contraction", description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=8)
    parser.add_argument("--tube", type=float, default=3e-4, help="eps of the tube")
    parser.add_argument("--attacked", type=float, nargs="+", default=[0.05, 0.1])
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--quick", action="store_true", help="two networks of few epochs, in seconds")
    asked = parser.parse_args()
    cases = CASES
    if asked.quick:
        asked.epochs, asked.samples, cases = 12, 2, (CASES[0], CASES[-1])
    head = "| asked | weight | accuracy | number of Theorem 1 | Theorem 1 holds | Theorem 3 holds | certified eps | "
    head += " | ".join(f"attacked at {eps:g}" for eps in asked.attacked) + " |"
    table = "\n".join([head, "|---" * (7 + len(asked.attacked)) + "|", *rows(asked, cases)]) + "\n"
    print(table)
    if asked.out is not None:
        asked.out.write_text(table, encoding="utf-8")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
