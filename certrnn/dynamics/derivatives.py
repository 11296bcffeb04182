"""Ranges of the first derivatives of the functions that cells are made of, rounded outward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import transformers_abs as ta
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains.rounding import outward
from certrnn.errors import Unsupported
from transformers_abs.bivariate import SeparableProduct

Range = tuple[torch.Tensor, torch.Tensor]
"""(lower, upper), one shape."""


def partials(transformer: ta.Transformer, arguments: list[Range]) -> list[Range]:
    """Enclosures of the partial derivatives over boxes, one an argument.

    Of a function with a kink (relu) these are its generalised derivatives, which enclose every difference quotient.

    Raises:
        Unsupported: nothing is known of the function's derivatives.
    """
    match transformer:
        case ta.Tanh():
            return [_slope("tanh", *arguments[0])]
        case ta.Sigmoid():
            return [_slope("sigmoid", *arguments[0])]
        case ta.Relu():
            return [_kink(0.0, *arguments[0])]
        case ta.LeakyRelu(alpha=alpha):
            return [_kink(alpha, *arguments[0])]
        case SeparableProduct(factors=factors):
            values = [_VALUES[f](*a) for f, a in zip(factors, arguments, strict=True)]
            slopes = [_slope(f, *a) for f, a in zip(factors, arguments, strict=True)]
            return [_product(slopes[0], values[1]), _product(values[0], slopes[1])]
    raise Unsupported("enclosing derivatives", "the function's derivatives are known", transformer.name)


def _ranged(function: ta.Transformer, lower: torch.Tensor, upper: torch.Tensor) -> Range:
    finite = torch.isfinite(lower) & torch.isfinite(upper)
    left, right = (to_numpy(torch.where(finite, t, 0.0).reshape(1, -1)) for t in (lower, upper))
    enclosure = function.range(ta.Region(np.ascontiguousarray(left), np.ascontiguousarray(right)))
    low, high = (to_tensor(r.reshape(lower.shape), lower) for r in (enclosure.lower, enclosure.upper))
    return torch.where(finite, low, -torch.inf), torch.where(finite, high, torch.inf)


def _tanh(lower: torch.Tensor, upper: torch.Tensor) -> Range:
    low, high = _ranged(ta.TANH, lower, upper)
    return low.clamp(-1.0, 1.0), high.clamp(-1.0, 1.0)


def _sigmoid(lower: torch.Tensor, upper: torch.Tensor) -> Range:
    low, high = _ranged(ta.SIGMOID, lower, upper)
    return low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)


def _identity(lower: torch.Tensor, upper: torch.Tensor) -> Range:
    return lower, upper


_VALUES: dict[str, Callable[[torch.Tensor, torch.Tensor], Range]] = {
    "identity": _identity,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
}


def _slope(factor: str, lower: torch.Tensor, upper: torch.Tensor) -> Range:
    """Both S-shaped slopes are even and fall with ``|x|``: the extremes lie at the ends of the range of ``|x|``."""
    if factor == "identity":
        one = torch.ones_like(lower)
        return one, one
    largest = torch.maximum(lower.abs(), upper.abs())
    across = (lower <= 0) & (upper >= 0)
    smallest = torch.where(across, 0.0, torch.minimum(lower.abs(), upper.abs()))
    return _slope_at(factor, largest)[0], _slope_at(factor, smallest)[1]


def _slope_at(factor: str, x: torch.Tensor) -> Range:
    """The slope at points ``x >= 0``: ``(1 - t)(1 + t)`` or ``s(x) s(-x)``."""
    if factor == "tanh":
        low, high = _tanh(x, x)
        ends = outward(1.0 - high, 1.0 - low)
        others = outward(1.0 + low, 1.0 + high)
    else:
        ends, others = _sigmoid(x, x), _sigmoid(-x, -x)
    lower, upper = outward(ends[0].clamp_min(0.0) * others[0].clamp_min(0.0), ends[1] * others[1])
    return lower.clamp_min(0.0), upper


def _kink(alpha: float, lower: torch.Tensor, upper: torch.Tensor) -> Range:
    one, left = torch.ones_like(lower), torch.full_like(lower, alpha)
    low, high = torch.minimum(one, left), torch.maximum(one, left)
    low = torch.where(lower > 0, one, torch.where(upper < 0, left, low))
    return low, torch.where(lower > 0, one, torch.where(upper < 0, left, high))


def _product(a: Range, b: Range) -> Range:
    products = torch.stack([a[i] * b[j] for i in (0, 1) for j in (0, 1)])
    return outward(products.amin(dim=0), products.amax(dim=0))
