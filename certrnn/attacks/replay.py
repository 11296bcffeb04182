"""Replaying violations in onnxruntime, on the very numbers that the model file is fed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from certrnn.arrays import to_numpy, to_tensor
from certrnn.attacks.attack import select, verify
from certrnn.attacks.smallest import Ball, Smallest
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

PUSHES: tuple[float, ...] = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""How much farther from the center a violation is moved, in turn, until onnxruntime confirms it."""


class Replayable(Protocol):
    """A model that another program can run, as :class:`certrnn.io.onnx.OnnxModel`."""

    def run_onnxruntime(self, x: np.ndarray, /) -> np.ndarray:
        """Scores (N, C) of sequences (N, frames, features) in the file's own final output; with one score, class 1 is
        ``score > 0``."""
        ...


@dataclass(frozen=True, eq=False)
class Replay:
    """Sequences as they were fed to the model, (B, frames, features), and whether they count.

    ``confirmed`` (B,) says that the sequence is made of the model's own input numbers, lies in its region in exact
    arithmetic, violates the specification in float64, and that onnxruntime predicts another class than the label, or
    breaks the specification where no class is asked for.
    ``reasons`` has a line for each row that is not confirmed, else "".
    """

    x: torch.Tensor
    confirmed: torch.Tensor
    reasons: tuple[str, ...]


def replay(
    model: Replayable,
    graph: Graph,
    region: Region,
    spec: Spec,
    x: torch.Tensor,
    labels: torch.Tensor | None,
    precision: Any = np.float32,
    target: int | None = None,
) -> Replay:
    """Feed violations to onnxruntime, rounded towards the center so that they stay inside their regions.

    Where float64 and onnxruntime differ, the sequence lies at the decision boundary: it is moved a little farther
    from the center, inside its region, and dropped if that does not help.

    Args:
        region: B regions.
        spec: B specifications.
        x: (B, frames, features) violations in float64.
        labels: (B,) the classes that the model must predict; None where the specification itself is what its scores
            must keep to.
        precision: the number type of the model's input.
        target: the class that must come out; None for any but the label.
    """
    out = round_inwards(x, region.center, precision)
    confirmed = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    seen = confirmed.clone()
    for push in PUSHES:
        left = (~confirmed).nonzero().flatten()
        if not left.numel():
            break
        part, center = region.select(left), region.center[left]
        moved = x[left] if push == 0 else part.project(center + (1.0 + push) * (x[left] - center))
        moved = round_inwards(moved, center, precision)
        valid = verify(graph, part, select(spec, left), moved).success
        seen[left] |= valid
        if bool(valid.any()):
            hits, fed = left[valid], moved[valid]
            own = None if labels is None else labels[hits]
            wrong = _violated(model, fed, own, target, select(spec, hits))
            confirmed[hits[wrong]] = True
            out[hits[wrong]] = fed[wrong]
    return Replay(out, confirmed, _reasons(region, out, confirmed, seen, precision))


def replay_smallest(
    model: Replayable,
    graph: Graph,
    ball: Ball,
    spec: Spec,
    smallest: Smallest,
    labels: torch.Tensor | None,
    precision: Any = np.float32,
    target: int | None = None,
) -> tuple[Smallest, Replay]:
    """The smallest eps whose violations onnxruntime confirms, at most a thousandth above those given; inf elsewhere."""
    violated = smallest.eps.isfinite()
    rows = torch.arange(len(violated), device=violated.device)
    # room to be pushed, and to be rounded at the distance reached
    room = torch.where(violated, smallest.eps * (1.0 + 2.0 * PUSHES[-1]), 0.0)
    done = replay(model, graph, ball(rows, room), spec, smallest.x, labels, precision, target)
    center = ball(rows, torch.zeros_like(room)).center
    tight = torch.minimum(ball(rows, room).distance(done.x), room)
    inside = ball(rows, tight).contains(done.x)
    eps = torch.where(inside, tight, room)
    confirmed = done.confirmed & violated
    eps = torch.where(confirmed, eps, torch.inf)
    return Smallest(eps, torch.where(confirmed[:, None, None], done.x, center)), done


def round_inwards(x: torch.Tensor, center: torch.Tensor, precision: Any) -> torch.Tensor:
    """``x`` in the numbers of ``precision``, each next to ``x`` on the side of ``center``; the nearest at the center.

    >>> x, zero = torch.tensor([[[0.1, -0.1]]], dtype=torch.float64), torch.zeros(1, 1, 2, dtype=torch.float64)
    >>> bool((round_inwards(x, zero, np.float32).abs() <= 0.1).all())
    True
    """
    exact, middle = to_numpy(x), to_numpy(center)
    with np.errstate(over="ignore"):  # beyond the largest number: infinite, and stepped back below
        nearest = exact.astype(precision)
    inward = np.sign(middle - exact)
    outside = (exact - nearest.astype(np.float64)) * inward > 0
    stepped = np.nextafter(nearest, np.copysign(np.inf, inward).astype(precision))
    return to_tensor(np.where(outside, stepped, nearest), x)


def answers(scores: np.ndarray) -> np.ndarray:
    """Classes (N,) of scores (N, C): the largest, or for one score class 1 where it is positive; -1 where one is no
    finite number."""
    classes = (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)
    return np.where(np.isfinite(scores).all(axis=1), classes, -1)


def _violated(
    model: Replayable, x: torch.Tensor, labels: torch.Tensor | None, target: int | None, spec: Spec
) -> torch.Tensor:
    """(N,) bool: finite scores that predict another class than the label, and the target where there is one; without
    labels, scores that break the specification."""
    scores = np.asarray(model.run_onnxruntime(to_numpy(x)), dtype=np.float64)
    if labels is None:
        margins = spec.margins(torch.from_numpy(scores).to(x.device))
        return (margins.amin(dim=1) < 0) & torch.isfinite(margins).all(dim=1)
    classes = answers(scores)
    wrong = (classes != to_numpy(labels)) & (classes >= 0)
    if target is not None:
        wrong &= classes == target
    return torch.from_numpy(wrong).to(x.device)


def _reasons(
    region: Region, x: torch.Tensor, confirmed: torch.Tensor, seen: torch.Tensor, precision: Any
) -> tuple[str, ...]:
    name = np.dtype(precision).name
    still = [t for t in range(region.center.shape[1]) if t not in region.frames]
    inexact = (x[:, still] != region.center[:, still]).flatten(1).any(dim=1)
    out = []
    for row in range(len(confirmed)):
        if bool(confirmed[row]):
            out.append("")
        elif bool(inexact[row]):
            out.append(f"an undisturbed frame is not made of {name} numbers; round the data to {name} first")
        elif not bool(seen[row]):
            out.append(f"no {name} sequence near it is a violation inside the region")
        else:
            out.append("onnxruntime predicts the label still: the sequence lies at the decision boundary")
    return tuple(out)
