"""Deka et al., section V.A: sine waves, the GRU of two hidden units that tells them apart, and attacks on it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from certrnn.attacks import CausalAttack, Confidence, DynamicFixedPoint, FixedPoint, GradientSign
from certrnn.cells import GruCell, unroll
from certrnn.domains import evaluate
from certrnn.ir import Graph, GraphBuilder
from certrnn.specs import label_spec

FRAMES, INTERVAL, HIDDEN = 100, 0.1, 2


def signals(count: int, label: int, seed: int, frames: int = FRAMES) -> torch.Tensor:
    """(count, frames, 1) sine waves: period in (5, 6) for class 0, in (0, 5) or (6, 100) for class 1; any phase."""
    rng = np.random.default_rng([seed, label])
    if label == 0:
        period = rng.uniform(5, 6, count)
    else:
        period = rng.uniform(0, 99, count)
        period = np.where(period < 5, period, period + 1)
    time_ = INTERVAL * np.arange(frames)[None] + rng.uniform(0, 1, count)[:, None] * period[:, None]
    return torch.from_numpy(np.sin(2 * np.pi * time_ / period[:, None]))[..., None]


class Discriminator(torch.nn.Module):
    """A GRU with two hidden units and a linear layer on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(1, HIDDEN, batch_first=True)
        self.head = torch.nn.Linear(HIDDEN, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(x)[0][:, -1])


def trained(steps: int, seed: int) -> Discriminator:
    """Trained on fresh signals with cross-entropy, both classes equally often."""
    torch.manual_seed(seed)
    network = Discriminator()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=steps)
    labels = torch.cat([torch.zeros(128), torch.ones(128)]).long()
    for step in range(steps):
        x = torch.cat([signals(128, c, 10_000 + step) for c in (0, 1)]).float()
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            print(f"  step {step}: loss {loss.item():.3f}", file=sys.stderr, flush=True)
    return network


def graph(weights: dict[str, np.ndarray], frames: int) -> Graph:
    """The trained network on sequences of one length. torch stacks its gates r, z, n; cells take z, r, n."""
    order = np.concatenate(
        [np.arange(HIDDEN, 2 * HIDDEN), np.arange(HIDDEN), np.arange(2 * HIDDEN, 3 * HIDDEN)]
    )
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    parts = [weights[f"gru.{name}"].astype(np.float64)[order] for name in names]
    cell = GruCell.of(parts[0], parts[1], parts[2], parts[3], linear_before_reset=True)
    builder = GraphBuilder()
    states = unroll(builder, cell, [builder.input(t, 1) for t in range(frames)], (None,))
    last = states[-1][0]
    assert last is not None
    weight, bias = (
        torch.from_numpy(weights[f"head.{name}"].astype(np.float64)) for name in ("weight", "bias")
    )
    return builder.build(builder.affine(weight, bias, last))


@dataclass(frozen=True)
class Measured:
    """One attack on the signals of one class: perturbed signals, and what they cost and achieve."""

    x: torch.Tensor
    success: float
    size: float
    seconds: float


def measure(attack: CausalAttack, network: Graph, x: torch.Tensor, label: int, eps: float) -> Measured:
    """Attack signals (N, T, 1) of one class; successes count among those that the network answered rightly."""
    right = evaluate(network, x).argmax(dim=1) == label
    x = x[right]
    spec = label_spec(torch.full((len(x),), label), 2)
    online = attack.start(network, eps, spec)
    start = time.process_time()
    moved = torch.stack([online.step(x[:, t]) for t in range(x.shape[1])], dim=1)
    seconds = (time.process_time() - start) / len(x)
    success = float((evaluate(network, moved).argmax(dim=1) != label).double().mean())
    return Measured(moved, success, float((moved - x).flatten(1).norm(dim=1).mean()), seconds)


ATTACKS: dict[str, CausalAttack] = {
    "gradient": GradientSign(Confidence()),
    "fixed point": FixedPoint(alpha=1.0),
    "dynamic": DynamicFixedPoint(alpha=1.0),
}
EPS = (0.05, 0.15, 0.3, 0.5)
LENGTHS = (50, 100, 200, 400, 800)


def weights_of(file: Path | None, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Those of the file; trained, and written there, where it does not exist."""
    if file is not None and file.is_file():
        return dict(np.load(file, allow_pickle=False))
    print(f"training for {steps} steps", file=sys.stderr)
    found = {name: value.numpy() for name, value in trained(steps, seed).state_dict().items()}
    if file is not None:
        np.savez(file, **found)  # pyright: ignore[reportArgumentType]
    return found
