"""Figures 3 to 9 of Deka et al., from the network of ``frequency.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch

from benchmarks.deka import signals as experiment
from certrnn.attacks import (
    CausalAttack,
    CausalSystem,
    Confidence,
    DynamicFixedPoint,
    FixedPoint,
    GradientSign,
    OptimalControl,
)
from certrnn.domains import evaluate
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import label_spec

matplotlib.use("Agg")
COLOURS = ("tab:green", "tab:blue")
AXIS = experiment.INTERVAL * np.arange(experiment.FRAMES)


def draw(
    network: Graph, weights: dict[str, np.ndarray], results: dict[tuple[str, int, float], Any], folder: Path
) -> Iterator[Path]:
    """Write all figures; yields their files."""
    figures = {
        "figure_3": lambda: phases(network, weights),
        "figure_4": lambda: one_attack(network, 0, 0.15),
        "figure_5": lambda: one_attack(network, 1, 0.5),
        "figure_6": lambda: fixed_and_dynamic(network),
        "figure_7": lambda: initial_values(network),
        "figure_8": lambda: optimal(network),
        "figure_9": lambda: comparison(results),
    }
    import matplotlib.pyplot as plt

    for name, make in figures.items():
        figure = make()
        figure.tight_layout()
        file = folder / f"{name}.png"
        figure.savefig(file, dpi=110)
        plt.close(figure)
        yield file


def panels(count: int, title: str) -> tuple[Any, Any]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, count, figsize=(max(6.5, 4.6 * count), 3.6))
    figure.suptitle(title)
    return figure, np.atleast_1d(axes)


def followed(network: Graph, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """States (T - 1, N, 2) and class probabilities (T, N, 2), as if the signal ended at each frame."""
    system, state, states, answers = CausalSystem(network), (), [], []
    for t in range(x.shape[1]):
        answers.append(system.scores(state, x[:, t], t).softmax(dim=1).numpy())
        state = system.advance(t, state, x[:, t])
        states.append(torch.cat(state, dim=1).numpy())
    return np.stack(states[:-1]), np.stack(answers)


def attacked(network: Graph, attack: CausalAttack, x: torch.Tensor, label: int, eps: float) -> torch.Tensor:
    online = attack.start(network, eps, label_spec(torch.full((len(x),), label), 2))
    return torch.stack([online.step(x[:, t]) for t in range(x.shape[1])], dim=1)


def fallen(network: Graph, attack: CausalAttack, label: int, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A signal that the network answers rightly, and a disturbed one that changes the answer (or nearly so)."""
    x = experiment.signals(40, label, 3)
    x = x[evaluate(network, x).argmax(dim=1) == label]
    moved = attacked(network, attack, x, label, eps)
    pick = int(evaluate(network, moved).softmax(dim=1)[:, 1 - label].argmax())
    return x[pick : pick + 1], moved[pick : pick + 1]


def phases(network: Graph, weights: dict[str, np.ndarray]) -> Any:
    figure, (left, right) = panels(2, "Figure 3: states, and confidence in the true class")
    for label in (0, 1):
        states, answers = followed(network, experiment.signals(50, label, 2))
        left.plot(states[..., 0], states[..., 1], color=COLOURS[label], alpha=0.3, lw=0.7)
        right.plot(AXIS, answers[..., label], color=COLOURS[label], alpha=0.3, lw=0.7)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 80), np.linspace(-1, 1, 80)), axis=-1)
    scores = grid @ weights["head.weight"].T.astype(float) + weights["head.bias"]
    share = 1.0 / (1.0 + np.exp(scores[..., 0] - scores[..., 1]))
    lines = left.contour(grid[..., 0], grid[..., 1], share, levels=[0.11, 0.5, 0.99], colors="black")
    left.clabel(lines)
    left.set(xlabel="$h_1$", ylabel="$h_2$", title="green class 0, blue class 1; level sets of class 1")
    right.set(xlabel="time", ylabel="probability of the true class")
    return figure


def one_attack(network: Graph, label: int, eps: float) -> Any:
    x, moved = fallen(network, GradientSign(Confidence()), label, eps)
    nominal, perturbed = followed(network, x)[1][:, 0, label], followed(network, moved)[1][:, 0, label]
    title = f"Figure {4 + label}: gradient sign on class {label}, alpha = {eps}"
    figure, (left, right) = panels(2, title)
    left.plot(AXIS, x[0, :, 0], "tab:green", label=f"nominal: p = {nominal[-1]:.3f}")
    left.plot(AXIS, moved[0, :, 0], "tab:red", label=f"perturbed: p = {perturbed[-1]:.3f}")
    left.set(xlabel="time", ylabel="input")
    left.legend(title=f"probability of class {label}")
    for values, colour in ((nominal, "tab:green"), (perturbed, "tab:red")):
        right.plot(AXIS, (1.0 - values) ** 2, colour)
    right.set(xlabel="time", ylabel="V, which the attack drives up")
    return figure


def fixed_and_dynamic(network: Graph, eps: float = 0.3) -> Any:
    x, fixed = fallen(network, FixedPoint(alpha=1.0), 0, eps)
    dynamic = attacked(network, DynamicFixedPoint(alpha=1.0), x, 0, eps)
    figure, (left, middle, right) = panels(
        3, f"Figure 6: fixed point (16) and dynamic fixed point (18), at most {eps}"
    )
    given, following = (fixed - x)[0, :, 0], (dynamic - x)[0, :, 0]
    left.plot(AXIS, given, "k--", label="fixed point")
    left.plot(AXIS, following, "r", label="dynamic")
    left.set(xlabel="time", ylabel="disturbance")
    left.legend()
    middle.semilogy(AXIS, (given - following).abs().clamp_min(1e-12))
    middle.set(xlabel="time", ylabel="their distance")
    for signal, style in ((x, "g"), (fixed, "k--"), (dynamic, "r")):
        right.plot(AXIS, followed(network, signal)[1][:, 0, 1], style)
    right.set(xlabel="time", ylabel="probability of class 1")
    return figure


def initial_values(network: Graph, eps: float = 0.3, count: int = 1000) -> Any:
    x, _ = fallen(network, DynamicFixedPoint(alpha=1.0), 0, eps)
    start = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (count, 1)))
    attack = DynamicFixedPoint(alpha=1.0, initial=start)
    many = x.expand(count, -1, -1)
    moved = attacked(network, attack, many, 0, eps)
    share = float((evaluate(network, moved).argmax(dim=1) == 1).double().mean())
    figure, (axis,) = panels(1, f"Figure 7: {count} initial values, {100 * share:.1f} % change the answer")
    axis.plot(AXIS[:30], (moved - many)[:, :30, 0].T, color="tab:blue", alpha=0.05)
    axis.set(xlabel="time", ylabel="disturbance")
    return figure


def optimal(network: Graph, eps: float = 0.5) -> Any:
    greedy = GradientSign(Confidence())
    x, moved = fallen(network, greedy, 1, eps)
    region = LinfBall(x, torch.tensor([eps], dtype=torch.float64), tuple(range(experiment.FRAMES)))
    best = OptimalControl(weight=1e-3, limit=400)(network, region, label_spec(torch.tensor([1]), 2)).x
    figure, (left, middle, right) = panels(
        3, f"Figure 8: gradient sign and optimal control on class 1, at most {eps}"
    )
    for signal, style, name in ((x, "g", "nominal"), (moved, "r", "gradient sign"), (best, "k--", "optimal")):
        left.plot(AXIS, signal[0, :, 0], style, label=name)
        right.plot(AXIS, followed(network, signal)[1][:, 0, 1], style)
    left.set(xlabel="time", ylabel="input")
    left.legend()
    for signal, style in ((moved, "tab:blue"), (best, "black")):
        middle.plot(AXIS, (signal - x)[0, :, 0], color=style)
    middle.set(xlabel="time", ylabel="disturbance")
    right.set(xlabel="time", ylabel="probability of class 1")
    return figure


def comparison(results: dict[tuple[str, int, float], Any]) -> Any:
    figure, axes = panels(3, "Figure 9: the three causal attacks")
    for label in (0, 1):
        for name in experiment.ATTACKS:
            found = [results[name, label, eps].success for eps in experiment.EPS]
            axes[label].plot(experiment.EPS, found, "o-", label=name)
        axes[label].set(
            xlabel="largest disturbance", ylabel="success", title=f"class {label}", ylim=(-0.03, 1.03)
        )
        axes[label].legend()
    times = [
        np.mean([m.seconds for (k, *_), m in results.items() if k == name]) for name in experiment.ATTACKS
    ]
    axes[2].bar(list(experiment.ATTACKS), 1e3 * np.array(times))
    axes[2].set(ylabel="ms a signal", title="run time")
    return figure
