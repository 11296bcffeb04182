"""Differentiable linear enclosures of scalar functions on boxes: slopes, and the middle and radius that follow.

``f(x_1, ..) = sum_k slopes[k] x_k + center -+ radius`` on the box, in ordinary floating point, not rounded
outward: what is bounded so proves nothing. Slopes are those of Cert-RNN: the secant for one argument, the corner
fit for two (Theorems 4.2 and 4.3). Computed in float64, whatever the number type of the box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from certrnn.arrays import to_numpy, to_tensor
from certrnn.training.bounds import kernels
from certrnn.training.bounds.kernels import IDENTITY, SIGMOID, TANH

Box = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Planes:
    """All tensors have the shape of the box."""

    slopes: tuple[Tensor, ...]
    center: Tensor
    radius: Tensor


class _Fit(torch.autograd.Function):
    """Fitted numbers (K, ..) of box ends (M, ..) by a kernel that also gives their derivatives."""

    @staticmethod
    def forward(ctx: Any, fit: Callable[..., None], kinds: tuple[int, ...], ends: Tensor) -> Tensor:  # type: ignore[override]
        box = ends.detach().double().reshape(len(ends), -1)
        count = 1 + len(ends) // 2 + 1
        fitted, jacobian = box.new_empty(count, box.shape[1]), box.new_empty(count, *box.shape)
        arrays = [to_numpy(tensor.cpu()) for tensor in (box, fitted, jacobian)]
        fit(*kinds, *arrays)
        ctx.jacobian = arrays[2]
        return to_tensor(arrays[1], box).reshape(count, *ends.shape[1:]).to(ends.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:  # type: ignore[override]
        upstream = to_numpy(gradient.double().reshape(len(gradient), -1).contiguous())
        result = torch.empty(ctx.jacobian.shape[1:], dtype=torch.float64).numpy()
        kernels.pull_back(ctx.jacobian, upstream, result)
        return None, None, to_tensor(result, gradient).reshape(-1, *gradient.shape[1:]).to(gradient.dtype)


def _relu(box: Box) -> Planes:
    """Secant slope; the residual lies between 0 and ``-slope * lower`` where the interval crosses zero."""
    lower, upper = box
    crossing = (lower < 0) & (upper > 0)
    width = torch.where(crossing, upper - lower, torch.ones_like(upper))
    slope = torch.where(crossing, upper / width, (lower >= 0).to(upper.dtype))
    half = torch.where(crossing, -0.5 * slope * lower, torch.zeros_like(lower))
    return Planes((slope,), half, half)


def _fitted(*kinds: int) -> Callable[..., Planes]:
    """The planes of a function of one kind, or of a product of two."""
    fit = kernels.fit_one if len(kinds) == 1 else kernels.fit_two

    def planes(*boxes: Box) -> Planes:
        ends: Any = _Fit.apply(fit, kinds, torch.stack([end for box in boxes for end in box]))
        *slopes, center, radius = ends.unbind()
        return Planes(tuple(slopes), center, radius)

    return planes


FUNCTIONS: dict[str, Callable[..., Planes]] = {
    "tanh": _fitted(TANH),
    "sigmoid": _fitted(SIGMOID),
    "relu": _relu,
    "sigmoid_tanh": _fitted(SIGMOID, TANH),
    "mul_sigmoid": _fitted(IDENTITY, SIGMOID),
}


def relaxed(name: str, boxes: Sequence[Box]) -> Planes:
    """The planes of a function of :meth:`.Propagation.apply` on a box, one (lower, upper) for each argument."""
    return FUNCTIONS[name](*boxes)
