"""Deka et al., section V.A: telling sine waves apart by their period, with a GRU of two hidden units.

    python -m benchmarks.deka.frequency --out FOLDER [--samples 200] [--weights FILE.npz]

Trains the network (a minute or two; ``--weights`` keeps and reuses it), runs all attacks on signals of both classes,
writes Figures 3 to 9 as PNG into FOLDER, and prints Table I with our figures beside the paper's, and how the run time
grows with the length of the sequence (a fitted exponent: 1 is linear).
"""

from __future__ import annotations

import argparse
import platform
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
PAPER = {"gradient": ("***", "***", "*"), "fixed point": ("*", "***", "***"), "dynamic": ("**", "**", "***")}
"""Table I: stars for compute time, attack strength and l2 norm (more is better)."""


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
    results = {}
    for name, attack in ATTACKS.items():
        for label in (0, 1):
            for eps in EPS:
                x = test[label][: options.samples]
                results[name, label, eps] = measure(attack, network, x, label, eps)
    print(table(results, {name: exponent(attack, weights)[0] for name, attack in ATTACKS.items()}))
    from benchmarks.deka.figures import draw

    for file in draw(network, weights, results, options.out):
        print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
