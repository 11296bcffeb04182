"""Defensive distillation hides gradients: attack success by temperature, for attacks that follow the softmax or do not.

    python -m benchmarks.training.distillation [--epochs 100] [--eps 0.1] [--hidden 20] [--seeds 3] [--quick]

A vanilla RNN on the bundled handwritten digits (8 frames of 8 pixels, a tenth held out), distilled at each temperature
and deployed at 1. Success is the share of rightly answered held-out digits that an attack within ``--eps`` turns,
clipped to pixels: FGSM on the float32 softmax loss, FGSM on margins, PGD, and Carlini and Wagner's l-infinity attack.
What is certified stands beside: the zonotope's mean eps in all frames, which does not grow with the temperature.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from certrnn.attacks import FGSM, PGD, Attack, CarliniWagnerLinf
from certrnn.model import load
from certrnn.regions import LinfBall
from certrnn.specs import label_spec
from certrnn.training import Architecture, Run, Settings, read_sequences, train

ATTACKS: dict[str, Attack] = {
    "FGSM, softmax": FGSM(loss="softmax"),
    "FGSM, margins": FGSM(),
    "PGD": PGD(),
    "C&W": CarliniWagnerLinf(),
}
TEMPERATURES = (1.0, 5.0, 10.0, 20.0, 40.0, 100.0)


def row(temperature: float, seed: int, asked: argparse.Namespace) -> list[float]:
    """Accuracy, median margin, success of each attack and mean certified eps of one network."""
    examples, heldout = read_sequences("example:digits_heldout").split(0.1, 0)
    settings = Settings("distill", epochs=asked.epochs, rate=0.03, seed=seed, temperature=temperature)
    trained = train(Run(examples, heldout, settings, Architecture("rnn", asked.hidden)))
    heldout = heldout.take(range(min(asked.samples, len(heldout))))
    with tempfile.TemporaryDirectory() as folder:
        trained.save(Path(folder) / "network.onnx")
        model = load(Path(folder) / "network.onnx")
        x = torch.from_numpy(np.stack(heldout.x)).double()
        graph = model.network.graph(tuple(x.shape[1:]))
        y = torch.from_numpy(heldout.y)
        radii = model.radius(
            list(heldout.x), heldout.y, frames="all", clip=(0, 1), method="zonotope", attack=False
        )
    eps = [r.eps_certified or 0.0 for r in radii if r.verdict != "misclassified"]
    right = torch.tensor([r.verdict != "misclassified" for r in radii])
    spec = label_spec(y, graph.outputs).select(right.nonzero().flatten())
    distance = torch.full((int(right.sum()),), asked.eps, dtype=torch.float64)
    region = LinfBall(x[right], distance, tuple(range(x.shape[1])), (0.0, 1.0))
    with torch.no_grad():
        scores = trained.module(x.float())[right]
    two = scores.topk(2, dim=1).values
    success = [float(attack(graph, region, spec).success.double().mean()) for attack in ATTACKS.values()]
    return [
        float(right.double().mean()),
        float((two[:, 0] - two[:, 1]).median()),
        *success,
        float(np.mean(eps)),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.distillation", description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=20)
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=100, help="held-out digits, at most")
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--quick", action="store_true", help="two temperatures, in seconds")
    asked = parser.parse_args()
    temperatures = TEMPERATURES
    if asked.quick:
        asked.epochs, asked.seeds, asked.samples, temperatures = 40, 1, 10, (1.0, 40.0)
    lines = [
        "| T | accuracy | median margin | " + " | ".join(ATTACKS) + " | certified eps |",
        "|---" * (4 + len(ATTACKS)) + "|",
    ]
    for temperature in temperatures:
        found = np.mean([row(temperature, seed, asked) for seed in range(asked.seeds)], axis=0)
        accuracy, margin, *success, eps = found.tolist()
        shares = " | ".join(f"{100 * share:.1f} %" for share in success)
        lines.append(f"| {temperature:g} | {100 * accuracy:.1f} % | {margin:.3g} | {shares} | {eps:.4f} |")
        print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join(lines) + "\n"
    print(table)
    if asked.out is not None:
        asked.out.write_text(table, encoding="utf-8")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
