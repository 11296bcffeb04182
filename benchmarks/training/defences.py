"""Defences compared by what is proved: verified accuracy over eps, beside what attacks say.

    python -m benchmarks.training.defences --data FOLDER [--set rotten] [--eps 0.005,0.01,0.02,0.04] [--samples 100]
    python -m benchmarks.training.defences --quick

A vanilla RNN of 32 units with the same frozen word vectors for every defence, trained for ``--train-eps``. Verified is
the share of all samples that ``certify`` proves by the zonotope, all words disturbed together; attacked the share that
is answered rightly at every point that FGSM, or PGD of ten steps, finds. A defence that raises the second number
without the first has shown nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import nn

from benchmarks.data.texts import FILES
from benchmarks.training.variants import GLOVE, Task, made_up, task, variant, with_own_vectors
from certrnn.training import Architecture, Ball, Examples, Settings, evaluate, from_onnx
from certrnn.training.attack import gradient_sign
from certrnn.training.layers import vectors_of
from certrnn.training.losses.loss import cross_entropies

DEFENCES = ("none", "fgsm-at", "pgd-at", "ibp-vt", "cert-rnn-vt", "crown-ibp", "sabr", "distill")


def fgsm_accuracy(module: nn.Module, examples: Examples, eps: float) -> float:
    """Share that FGSM leaves right."""
    right = 0
    for x, y in examples.in_order(64):
        vectors, network = vectors_of(module, x)
        vectors = vectors.detach()
        found = gradient_sign(network, vectors, y, Ball(eps).box(module, vectors), cross_entropies)
        with torch.no_grad():
            right += int(((network(found).argmax(1) == y) & (network(vectors).argmax(1) == y)).sum())
    return right / len(examples)


def rows(given: Task, asked: argparse.Namespace) -> list[str]:
    """Lines of the table: a defence and an eps each."""
    chosen = given.test.take(range(min(asked.samples, len(given.test))))
    lines = []
    for defence in DEFENCES:
        settings = Settings(
            defence, asked.train_eps, asked.epochs, rate=asked.rate, freeze=True, ramp=0.5 * asked.epochs
        )
        one = variant(given, Architecture("rnn", 32), settings, asked.cache)
        module = from_onnx(one.model.network.path).eval()
        for eps in asked.eps:
            proved = one.model.certify(
                list(chosen.x), chosen.y, eps, frames="all", method="zonotope", attack=False
            )
            verified = sum(row.verdict == "certified" for row in proved) / len(chosen)
            fgsm = fgsm_accuracy(module, chosen, eps)
            pgd = evaluate(module, chosen, lambda x, e=eps: Ball(e), None).attacked
            numbers = " | ".join(f"{100 * share:.1f} %" for share in (one.accuracy, fgsm, pgd, verified))
            lines.append(f"| {given.name} | {defence} | {eps:g} | {numbers} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.defences", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real data")
    parser.add_argument("--cache", type=Path, default=Path("defences-cache"), help="where networks are kept")
    parser.add_argument("--set", default="rotten")
    parser.add_argument("--eps", default="0.005,0.01,0.02,0.04")
    parser.add_argument("--train-eps", type=float, default=0.02)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--limit", type=int, help="training texts")
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--quick", action="store_true", help="a task of no data, in seconds")
    asked = parser.parse_args()
    asked.eps = [float(eps) for eps in asked.eps.split(",")]
    if asked.quick:
        asked.samples, asked.epochs, asked.rate, asked.eps = 10, 3, 0.01, [0.05]
        given = made_up()
    else:
        if asked.data is None:
            parser.error("name the folder of real data with --data, or run --quick")
        lacking = [f for f in (*FILES[asked.set], GLOVE) if not (asked.data / f).is_file()]
        if lacking:
            parser.error(f"missing in {asked.data} (--data): {', '.join(lacking)}")
        plain, first = task(asked.data, asked.set, asked.limit, 5, 25), Settings(epochs=6, rate=asked.rate)
        given = with_own_vectors(plain, Architecture("rnn", 32), first, asked.cache)
    head = "| set | defence | eps | clean accuracy | FGSM accuracy | PGD accuracy | verified accuracy |"
    table = "\n".join([head, "|---|---|---|---|---|---|---|", *rows(given, asked)]) + "\n"
    print(table)
    if asked.out is not None:
        asked.out.write_text(table, encoding="utf-8")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
