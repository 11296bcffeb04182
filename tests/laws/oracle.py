"""The truth that domains are held to: a graph evaluated in ball arithmetic, 96 digits wide, at exact inputs.

Every number that a ball is compared with is exact, so that a violation reported is a proof; what stays undecided lies
within about 1e-90 of the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint
import numpy as np
import torch
from flint import arb, arb_mat

from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Node, Sum
from transformers_abs import Transformer

flint.ctx.prec = 320


@dataclass(frozen=True, eq=False)
class Points:
    """N sequences ``x + moved`` in exact arithmetic: both (N, frames, features) float64."""

    x: torch.Tensor
    moved: torch.Tensor

    def __len__(self) -> int:
        return len(self.x)

    @staticmethod
    def of(x: torch.Tensor) -> Points:
        """Sequences that are floating-point numbers."""
        return Points(x, torch.zeros_like(x))

    @staticmethod
    def join(parts: Sequence[Points]) -> Points:
        return Points(torch.cat([p.x for p in parts]), torch.cat([p.moved for p in parts]))

    def frame(self, number: int) -> arb_mat:
        """One frame, (features, N)."""
        x, moved = (v[:, number].T for v in (self.x, self.moved))
        pairs = zip(x.flatten().tolist(), moved.flatten().tolist(), strict=True)
        return arb_mat(*x.shape, [arb(a) + arb(b) if b else arb(a) for a, b in pairs])


@dataclass(eq=False)
class Perturbation:
    """Moves every coefficient within its node's ``relative_error``: fully up or down by chance, or anywhere between."""

    rng: np.random.Generator

    def __call__(self, coefficients: list[float], relative_error: float) -> list[arb]:
        """Exact numbers within the share ``relative_error`` of the given ones."""
        if not relative_error:
            return [arb(c) for c in coefficients]
        share = np.where(
            self.rng.random(len(coefficients)) < 0.7,
            self.rng.choice([-1.0, 1.0], len(coefficients)),
            self.rng.uniform(-1.0, 1.0, len(coefficients)),
        )
        moves = (relative_error * arb(s) for s in share.tolist())
        return [arb(c) * (1 + m) for c, m in zip(coefficients, moves, strict=True)]


def _sigmoid(x: arb) -> arb:
    if x >= 0:
        return 1 / (1 + (-x).exp())
    e = x.exp()
    return e / (1 + e)


def _leaky(alpha: float) -> Callable[[arb], arb]:
    return lambda x: x.max(arb(0)) + arb(alpha) * x.min(arb(0))


def _elu(alpha: float) -> Callable[[arb], arb]:
    return lambda x: x.max(arb(0)) + arb(alpha) * x.min(arb(0)).expm1()


def _above(floor: float | None, f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    return f if floor is None else lambda x: f(x.max(arb(floor)))


def _below(ceiling: float | None, f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    return f if ceiling is None else lambda x: f(x.min(arb(ceiling)))


_FAMILIES: dict[str, Callable[[Any], Callable[[arb], arb]]] = {
    "leaky_relu": lambda t: _leaky(t.alpha),
    "elu": lambda t: _elu(t.alpha),
    "step": lambda t: _step(t.inclusive),
    "power": lambda t: lambda x: x**t.exponent,
    "exp": lambda t: _below(t.ceiling, lambda x: x.exp()),
    "log": lambda t: _above(t.floor, lambda x: x.log()),
    "sqrt": lambda t: _above(t.floor, lambda x: x.sqrt()),
    "rsqrt": lambda t: _above(t.floor, lambda x: x.rsqrt()),
    "reciprocal": lambda t: _above(t.floor, lambda x: 1 / x),
}
"""Functions of members with parameters, by name."""


def _step(inclusive: bool) -> Callable[[arb], arb]:
    def step(x: arb) -> arb:
        if x > 0 or (inclusive and x >= 0):
            return arb(1)
        return arb(0) if x < 0 or (not inclusive and x <= 0) else arb(0.5, 0.5)

    return step


def function(transformer: Transformer) -> Callable[..., arb]:
    """The transformer's function on balls, written again from its name."""
    if transformer.name in _FAMILIES:
        return _FAMILIES[transformer.name](transformer)
    return {
        "tanh": lambda x: x.tanh(),
        "sigmoid": _sigmoid,
        "relu": lambda x: x.max(arb(0)),
        "erf": lambda x: x.erf(),
        "gelu": lambda x: x * (-x / arb(2).sqrt()).erfc() / 2,
        "softplus": lambda x: x.max(arb(0)) + (-abs(x)).exp().log1p(),
        "softsign": lambda x: x / (1 + abs(x)),
        "sigmoid_tanh": lambda x, y: _sigmoid(x) * y.tanh(),
        "mul_sigmoid": lambda x, y: x * _sigmoid(y),
        "product": lambda x, y: x * y,
    }[transformer.name]


@dataclass(eq=False)
class Oracle:
    """Values of every node of a graph at N points, (size, N) balls."""

    graph: Graph
    points: Points
    perturb: Perturbation = field(default_factory=lambda: Perturbation(np.random.default_rng(0)))
    values: list[arb_mat] = field(default_factory=list)
    _weights: dict[int, arb_mat] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.graph.nodes:
            self.values.append(self._value(node, [self.values[s] for s in node.sources]))

    @property
    def scores(self) -> arb_mat:
        return self.values[self.graph.output]

    def _value(self, node: Node, sources: list[arb_mat]) -> arb_mat:
        count = len(self.points)
        match node:
            case Input():
                return self.points.frame(node.frame)
            case Constant():
                value = self.perturb(node.value.tolist(), node.relative_error)
                return arb_mat(node.size, count, [v for v in value for _ in range(count)])
            case Affine():
                return self._affine(node, sources[0])
            case Sum():
                weights = self.perturb(list(node.coefficients), node.relative_error)
                return sum(
                    (s * w for s, w in zip(sources[1:], weights[1:], strict=True)), sources[0] * weights[0]
                )
            case Gather():
                rows = [row for s in sources for row in s.tolist()]
                return arb_mat(node.size, count, [x for i in node.index.tolist() for x in rows[i]])
            case Elementwise():
                f = function(node.transformer)
                columns = (s.entries() for s in sources)
                return arb_mat(node.size, count, [f(*x) for x in zip(*columns, strict=True)])

    def _affine(self, node: Affine, source: arb_mat) -> arb_mat:
        count = source.ncols()
        bias = self.perturb(node.bias.tolist(), node.relative_error)
        if node.diagonal:
            weight = self.perturb(node.weight.tolist(), node.relative_error)
            rows = [[w * x + b for x in row] for w, b, row in zip(weight, bias, source.tolist(), strict=True)]
            return arb_mat(node.size, count, [x for row in rows for x in row])
        return self._weight(node) * source + arb_mat(
            node.size, count, [b for b in bias for _ in range(count)]
        )

    def _weight(self, node: Affine) -> arb_mat:
        if node.relative_error:
            return arb_mat(
                *node.weight.shape, self.perturb(node.weight.flatten().tolist(), node.relative_error)
            )
        key = id(node.weight)
        if key not in self._weights:
            self._weights[key] = arb_mat(*node.weight.shape, node.weight.flatten().tolist())
        return self._weights[key]


def rows_at(values: arb_mat, columns: range, rows: torch.Tensor, offset: torch.Tensor) -> arb_mat:
    """``rows @ value + offset`` for the given columns: rows (K, size), offset (K,); result (K, columns)."""
    part = arb_mat(
        values.nrows(), len(columns), [values[i, j] for i in range(values.nrows()) for j in columns]
    )
    shift = [arb(o) for o in offset.tolist() for _ in columns]
    return arb_mat(*rows.shape, rows.flatten().tolist()) * part + arb_mat(len(rows), len(columns), shift)


def rounded(values: arb_mat) -> np.ndarray:
    """Floating-point numbers within one unit in the last place of the balls, for filters only."""
    return np.array([float(x) for x in values.entries()]).reshape(values.nrows(), values.ncols())
