"""A new function of one file, this one: with a kernel of its own it takes the compiled pass, and is contained in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from certrnn.domains import Zonotopes, propagate
from certrnn.ir import Graph, GraphBuilder
from tests.laws import oracle
from tests.laws.laws import Violation
from tests.laws.networks import numbers, points, region
from tests.laws.test_compiled import violations
from transformers_abs import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.compilation import kernel
from transformers_abs.rounding import TINY, ULP, next_down, next_up


@kernel
def _at(slope, x, sign):
    """``x^2 - slope x``, rounded up or down by ``sign``: three roundings, and underflow of two products."""
    square, product = x * x, slope * x
    difference = square - product
    return difference + sign * ((square + abs(product) + abs(difference)) * 2.0 * ULP + 4.0 * TINY)


@kernel
def _secant(low, high, parameters):
    """``x^2 - slope x`` is largest at the ends, and nowhere less than ``-slope^2 / 4``."""
    slope = low + high
    below = next_down(next_down(-0.25 * (slope * slope)))
    above = max(_at(slope, low, 1.0), _at(slope, high, 1.0))
    return slope, below, above, 0.0, next_up(max(low * low, high * high))


class Square(Transformer):
    """``f(x) = x^2``."""

    name, arity = "square", 1

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return arguments[0] * arguments[0]

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        ends = [x * x - slopes * x for x in (region.lower, region.upper)]
        size = (slopes * slopes + region.lower**2 + region.upper**2) * 1e-14 + 1e-300
        below, above = -0.25 * slopes * slopes - size, np.maximum(*ends) + size
        return Residual(below[0], above[0], region.lower, region.upper)

    def scalar(self) -> ScalarKernel | None:
        return ScalarKernel(_secant)


class SlowSquare(Square):
    """The same without a kernel."""

    name = "slow square"

    def scalar(self) -> ScalarKernel | None:
        return None


@kernel
def _too_narrow(low, high, parameters):
    slope, below, above, least, most = _secant(low, high, parameters)
    return slope, 0.5 * below + 0.5 * above, above, least, most


class WrongSquare(Square):
    """A square whose kernel encloses half of the residual."""

    def scalar(self) -> ScalarKernel | None:
        return ScalarKernel(_too_narrow)


def network(function: Transformer) -> Graph:
    rng, builder = np.random.default_rng(1), GraphBuilder()
    values = [builder.affine(numbers(rng, 4, 2), numbers(rng, 4), builder.input(t, 2)) for t in range(3)]
    squares = [builder.elementwise(function, value) for value in values]
    mixed = builder.affine(numbers(rng, 4, 4), numbers(rng, 4), builder.sum(squares, [1.0, -0.5, 2.0]))
    return builder.build(builder.elementwise(function, mixed))


def broken(function: Transformer, patch: pytest.MonkeyPatch) -> list[Violation]:
    """What leaves the bounds of the compiled pass."""
    real = oracle.function

    def exact(one: Transformer) -> Any:
        return (lambda x: x * x) if isinstance(one, Square) else real(one)

    patch.setattr(oracle, "function", exact)
    rng, graph = np.random.default_rng(2), network(function)
    ball = region(rng, graph, (0, 1, 2), False, (0.0, 1e-9, 0.05, 0.5))
    return violations(oracle.Oracle(graph, points(rng, graph, ball)), ball)


def test_with_a_kernel_it_takes_the_compiled_pass() -> None:
    graph = network(Square())
    ball = region(np.random.default_rng(0), graph, (0, 1, 2), False)
    assert Zonotopes().compiled(graph, ball) is not None


def test_without_a_kernel_it_is_left_to_the_tensors() -> None:
    graph = network(SlowSquare())
    ball = region(np.random.default_rng(0), graph, (0, 1, 2), False)
    assert Zonotopes().compiled(graph, ball) is None


def test_it_is_contained(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken(Square(), monkeypatch) == []


def test_a_wrong_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken(WrongSquare(), monkeypatch) != []


def test_both_paths_agree() -> None:
    graph = network(Square())
    ball = region(np.random.default_rng(0), graph, (0, 1, 2), False, (1e-3, 0.1))
    rows, offset = torch.eye(4).double().expand(ball.batch, 4, 4), torch.zeros(ball.batch, 4).double()
    fast = Zonotopes().compiled(graph, ball)
    assert fast is not None
    run = Zonotopes().start(ball)
    slow = run.lower(propagate(graph, run), rows, offset)
    assert torch.allclose(fast.lower(ball, rows, offset), slow, rtol=1e-3, atol=1e-6)
