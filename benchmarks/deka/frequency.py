"""Deka et al., section V.A: telling sine waves apart by their period, with a GRU of two hidden units.

    python -m benchmarks.deka.frequency --out FOLDER [--samples 200] [--weights FILE.npz]

Trains the network (a minute or two; ``--weights`` keeps and reuses it), runs all attacks on signals of both classes,
writes Figures 3 to 9 as PNG into FOLDER, and prints Table I with our figures beside the paper's, and how the run time
grows with the length of the sequence (a fitted exponent: 1 is linear).
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.deka.figures import draw
from benchmarks.deka.signals import (
    ATTACKS,
    EPS,
    FRAMES,
    LENGTHS,
    Measured,
    graph,
    measure,
    signals,
    weights_of,
)
from certrnn.attacks import CausalAttack
from certrnn.domains import evaluate
from certrnn.specs import label_spec

PAPER = {"gradient": ("***", "***", "*"), "fixed point": ("*", "***", "***"), "dynamic": ("**", "**", "***")}
"""Table I: stars for compute time, attack strength and l2 norm (more is better)."""


def exponent(attack: CausalAttack, weights: dict[str, np.ndarray]) -> tuple[float, list[float]]:
    """How seconds grow with the length of the sequence, as a power, and the seconds of 8 signals at each length."""
    network, seconds = graph(weights, 3), []
    for length in LENGTHS:
        x = signals(8, 0, 7, length)
        online = attack.start(network, 0.15, label_spec(torch.zeros(8, dtype=torch.int64), 2))
        start = time.process_time()
        for t in range(length):
            online.step(x[:, t])
        seconds.append(time.process_time() - start)
    return float(np.polyfit(np.log(LENGTHS), np.log(seconds), 1)[0]), seconds


def table(results: dict[tuple[str, int, float], Measured], exponents: dict[str, float]) -> str:
    """Table I: our figures, and the paper's stars."""
    lines = [
        "attack       class  eps    success  |d|_2   ms a signal",
        *(
            f"{name:12} {label:5}  {eps:<5}  {100 * m.success:5.1f} %  {m.size:5.2f}  {1e3 * m.seconds:8.2f}"
            for (name, label, eps), m in results.items()
        ),
        "",
        "Table I      ms a signal (paper)  success (paper)  |d|_2 (paper)  exponent of the length (1 is linear)",
    ]
    means = {
        n: np.mean([(m.seconds, m.success, m.size) for (k, *_), m in results.items() if k == n], axis=0)
        for n in ATTACKS
    }
    for name, (seconds, success, size) in means.items():
        cells = (
            f"{1e3 * seconds:.2f} ({PAPER[name][0]})",
            f"{100 * success:.1f} % ({PAPER[name][1]})",
            f"{size:.2f} ({PAPER[name][2]})",
        )
        lines.append(f"{name:12} {cells[0]:20} {cells[1]:16} {cells[2]:14} {exponents[name]:.2f}")
    ratio = means["fixed point"][0] / means["dynamic"][0]
    lines.append(f"the dynamic fixed point is {ratio:.1f} times as fast as the fixed point (paper: over 4)")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures")
    parser.add_argument("--weights", type=Path, default=None, help="npz to keep the trained weights in")
    parser.add_argument("--samples", type=int, default=100, help="signals of each class")
    parser.add_argument("--steps", type=int, default=1200, help="training steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    weights = weights_of(options.weights, options.steps, options.seed)
    network = graph(weights, FRAMES)
    print(f"# {platform.processor() or platform.machine()}, one thread, {time.strftime('%F')}")
    test = [signals(1000, label, 1) for label in (0, 1)]
    right = [float((evaluate(network, x).argmax(dim=1) == c).double().mean()) for c, x in enumerate(test)]
    print(f"test accuracy {100 * np.mean(right):.1f} % (paper: about 97 %)")
    if not all(right):
        raise SystemExit("a class is never answered right: train longer, with --steps")
    results = {}
    for name, attack in ATTACKS.items():
        for label in (0, 1):
            for eps in EPS:
                x = test[label][: options.samples]
                results[name, label, eps] = measure(attack, network, x, label, eps)
    print(table(results, {name: exponent(attack, weights)[0] for name, attack in ATTACKS.items()}))
    for file in draw(network, weights, results, options.out):
        print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
