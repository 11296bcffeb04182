"""Exact and high-precision arithmetic that the bounds are held to: no tolerance anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import torch

from certrnn.cells import Cell, GruCell, LstmCell, RnnCell

Exact = list[list[Fraction]]


def fractions(matrix: torch.Tensor) -> Exact:
    return [[Fraction(v) for v in row] for row in matrix.tolist()]


def measure_inf(matrix: Exact) -> Fraction:
    return max(row[i] + sum(abs(v) for j, v in enumerate(row) if j != i) for i, row in enumerate(matrix))


def measure_one(matrix: Exact) -> Fraction:
    return measure_inf([list(column) for column in zip(*matrix, strict=True)])


def definite(matrix: Exact) -> bool:
    """Whether an exact symmetric matrix is positive definite: its leading minors are, by Bareiss' elimination."""
    unit = math.lcm(*(v.denominator for row in matrix for v in row))
    rows = [[v.numerator * (unit // v.denominator) for v in row] for row in matrix]
    previous, size = 1, len(rows)
    for k in range(size):
        pivot = rows[k][k]
        if pivot <= 0:
            return False
        for i in range(k + 1, size):
            for j in range(i, size):
                rows[i][j] = (pivot * rows[i][j] - rows[k][i] * rows[k][j]) // previous
        previous = pivot
    return True


def exceeds(bound: float, matrix: Exact) -> bool:
    """Whether ``bound > lambda_max((M + M^T)/2)``: the difference is positive definite. Exact."""
    top, size = Fraction(bound), range(len(matrix))
    return definite(
        [[(top if i == j else 0) - (matrix[i][j] + matrix[j][i]) / 2 for j in size] for i in size]
    )


@dataclass(frozen=True)
class Dual:
    """A number of mpmath and its gradient; mpmath has no types of its own."""

    value: Any
    slope: tuple[Any, ...]

    def __add__(self, other: Dual) -> Dual:
        return Dual(
            self.value + other.value, tuple(a + b for a, b in zip(self.slope, other.slope, strict=True))
        )

    def __mul__(self, other: Dual) -> Dual:
        pairs = zip(self.slope, other.slope, strict=True)
        return Dual(self.value * other.value, tuple(a * other.value + b * self.value for a, b in pairs))

    def scaled(self, factor: float) -> Dual:
        return Dual(factor * self.value, tuple(factor * a for a in self.slope))

    def tanh(self) -> Dual:
        value = mpmath.tanh(self.value)
        return Dual(value, tuple((1 - value**2) * a for a in self.slope))

    def sigmoid(self) -> Dual:
        value = 1 / (1 + mpmath.exp(-self.value))
        return Dual(value, tuple(value * (1 - value) * a for a in self.slope))

    def complement(self) -> Dual:
        return Dual(1 - self.value, tuple(-a for a in self.slope))


def _linear(weight: Sequence[Sequence[float]], values: list[Dual], bias: Sequence[float]) -> list[Dual]:
    zero = (mpmath.mpf(0),) * len(values[0].slope)
    out = []
    for row, offset in zip(weight, bias, strict=True):
        total = Dual(mpmath.mpf(offset), zero)
        for factor, value in zip(row, values, strict=True):
            total = total + value.scaled(factor)
        out.append(total)
    return out


def jacobian(cell: Cell, state: Sequence[float], x: Sequence[float]) -> Any:
    """``[grad_h F, grad_x F]`` of one step, written down from the cells' definitions, to mpmath's precision."""
    count, hidden = len(state) + len(x), cell.hidden
    unit = [tuple(mpmath.mpf(i == j) for j in range(count)) for i in range(count)]
    duals = [Dual(mpmath.mpf(v), unit[i]) for i, v in enumerate([*state, *x])]
    h, frame = duals[:hidden], duals[len(state) :]
    gates = cell.gates  # pyright: ignore[reportAttributeAccessIssue]
    own = _linear(gates.input.tolist(), frame, gates.input_bias.tolist())
    past = _linear(gates.recurrent.tolist(), h, gates.recurrent_bias.tolist())
    both = [a + b for a, b in zip(own, past, strict=True)]
    match cell:
        case RnnCell():
            following = [z.tanh() for z in both]
        case LstmCell():
            i, o, f, g = (both[k * hidden : (k + 1) * hidden] for k in range(4))
            c = duals[hidden : 2 * hidden]
            new = [f[k].sigmoid() * c[k] + i[k].sigmoid() * g[k].tanh() for k in range(hidden)]
            following = [o[k].sigmoid() * new[k].tanh() for k in range(hidden)] + new
        case GruCell():
            following = _gru(cell, h, own, past, both)
        case _:
            raise AssertionError(type(cell))
    return mpmath.matrix([list(d.slope) for d in following])


def _gru(cell: GruCell, h: list[Dual], own: list[Dual], past: list[Dual], both: list[Dual]) -> list[Dual]:
    n = cell.hidden
    update, reset = ([z.sigmoid() for z in both[k * n : (k + 1) * n]] for k in (0, 1))
    if cell.linear_before_reset:
        inner = [r * p for r, p in zip(reset, past[2 * n :], strict=True)]
    else:
        weight, bias = cell.gates.recurrent[2 * n :].tolist(), cell.gates.recurrent_bias[2 * n :].tolist()
        inner = _linear(weight, [r * v for r, v in zip(reset, h, strict=True)], bias)
    candidate = [(a + b).tanh() for a, b in zip(own[2 * n :], inner, strict=True)]
    return [z.complement() * c + z * v for z, c, v in zip(update, candidate, h, strict=True)]


def inside(lower: torch.Tensor, upper: torch.Tensor, exact: Any) -> bool:
    """``lower <= exact <= upper`` entry by entry, (n, m); no tolerance."""
    low, high = lower.tolist(), upper.tolist()
    cells = [(i, j) for i in range(exact.rows) for j in range(exact.cols)]
    return all(mpmath.mpf(low[i][j]) <= exact[i, j] <= mpmath.mpf(high[i][j]) for i, j in cells)
