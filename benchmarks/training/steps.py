"""What a training step costs with bounds, in multiples of a plain one.

    python -m benchmarks.training.steps [--cells rnn,lstm,gru] [--repeats 30] [--quick]

A step is a forward and a backward pass and Adam's update: 32 samples of 23 words with 50 features, 32 hidden units, two
classes, one thread. Losses alternate in one process, and medians of processor time are compared, which other programs
disturb less than wall time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from certrnn.training import CELLS, Intervals, LastStep, Verified, Zonotopes
from certrnn.training.bounds import Backward
from certrnn.training.losses import FGSMTraining, Loss, PGDTraining, Plain

BATCH, FRAMES, FEATURES, HIDDEN = 32, 23, 50, 32
EPS = 0.01
LOSSES: dict[str, Loss] = {
    "none": Plain(),
    "fgsm-at": FGSMTraining(),
    "pgd-at": PGDTraining(),
    "ibp-vt": Verified(Intervals()),
    "crown-ibp": Verified(Backward()),
    "cert-rnn-vt, memory 1": Verified(Zonotopes(1)),
    "cert-rnn-vt, memory 2": Verified(Zonotopes(2)),
    "cert-rnn-vt, all steps": Verified(Zonotopes(None)),
}


def step_of(cell: str, loss: Loss) -> Callable[[], None]:
    """One step of a network of its own."""
    torch.manual_seed(0)
    network = nn.Sequential(LastStep(CELLS[cell](FEATURES, HIDDEN, batch_first=True)), nn.Linear(HIDDEN, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    x, y = 0.4 * torch.randn(BATCH, FRAMES, FEATURES), torch.randint(0, 2, (BATCH,))

    def step() -> None:
        optimizer.zero_grad()
        loss(network, x, y, EPS).backward()
        optimizer.step()

    return step


def medians(cell: str, losses: dict[str, Loss], repeats: int) -> dict[str, float]:
    """Median processor time of a step in milliseconds, by loss."""
    steps = {name: step_of(cell, loss) for name, loss in losses.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(repeats):
        for name, step in steps.items():
            begun = time.process_time()
            step()
            times[name].append(1e3 * (time.process_time() - begun))
    return {name: float(np.median(some)) for name, some in times.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.steps", description=__doc__)
    parser.add_argument("--cells", default="rnn", help="rnn, lstm, gru, by commas")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="one step of the cheap losses: seconds")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    losses, repeats = LOSSES, asked.repeats
    if asked.quick:
        repeats, losses = 1, {name: LOSSES[name] for name in ("none", "ibp-vt", "cert-rnn-vt, memory 1")}
    print(f"torch {torch.__version__}, one thread, {repeats} steps of each, medians of processor time\n")
    print("| cell | loss | ms a step | times plain |\n|---|---|---|---|")
    for cell in asked.cells.split(","):
        found = medians(cell, losses, repeats)
        for name, milliseconds in found.items():
            print(
                f"| {cell} | {name} | {milliseconds:.2f} | {milliseconds / found['none']:.1f} |", flush=True
            )
    raise SystemExit(0)


if __name__ == "__main__":
    main()
