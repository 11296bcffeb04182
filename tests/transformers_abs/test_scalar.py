"""Scalar kernels: every registered function has one, it computes what the arrays compute, and encloses what it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.transformers_abs import exact, laws, regions
from tests.transformers_abs.mutants import Mutant, mutated
from transformers_abs import (
    ALL,
    BIVARIATE,
    TANH,
    UNIVARIATE,
    Cuts,
    LeakyRelu,
    Region,
    Residual,
    ScalarKernel,
    Secant,
    Tanh,
    Transformer,
)
from transformers_abs.compilation import kernel
from transformers_abs.rounding import TINY, ULP
from transformers_abs.scalar import address

WITHOUT: set[str] = set()
"""Registered functions without a scalar kernel: networks that hold one are propagated by arrays."""

Found = tuple[np.ndarray, Residual, Residual]
"""Slopes, the residual, and the range."""


def relaxed(transformer: Transformer, region: Region) -> Found:
    """What the scalar kernel says of each region."""
    scalar, (arity, count) = transformer.scalar(), region.lower.shape
    assert scalar is not None
    if arity == 1:
        boxes = zip(region.lower[0].tolist(), region.upper[0].tolist(), strict=True)
        rows = np.array([scalar.function(low, high, scalar.parameters) for low, high in boxes]).T
        slopes, below, above, least, most = rows
        at = region.lower, region.upper
        return slopes[None], Residual(below, above, *at), Residual(least, most, *at)
    slopes, (one, other, last, first) = np.empty((2, count)), np.empty((4, count))
    at = np.empty((2, count)), np.empty((2, count))
    unused = Cuts(np.empty((2, count)), np.empty((2, count)), np.empty((6, count)))
    cuts, parameters = region.cuts or unused, tuple(map(float, scalar.parameters))
    given = (region.lower, region.upper), region.cuts is not None, (cuts.center, cuts.scale, cuts.width)
    scalar.function(*given, slopes, (one, other), (last, first), at, parameters)
    return slopes, Residual(one, other, *at), Residual(last, first, *at)


class Relaxed(Transformer):
    """A function with the enclosures that its scalar kernel gives, for the laws of enclosures."""

    def __init__(self, transformer: Transformer, enclosure: Residual) -> None:
        self.name, self.arity, self.enclosure = transformer.name, transformer.arity, enclosure
        for parameter in ("alpha", "exponent", "floor", "ceiling", "inclusive"):
            setattr(self, parameter, getattr(transformer, parameter, None))

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        raise NotImplementedError

    def residual(self, slopes: np.ndarray, region: Region, quadratic: object = None) -> Residual:
        return self.enclosure


def violations(transformer: Transformer, region: Region) -> list[laws.Violation]:
    slopes, residual, range_ = relaxed(transformer, region)
    found = laws.violations(Relaxed(transformer, residual), slopes, region)
    return found + laws.violations(Relaxed(transformer, range_), np.zeros_like(slopes), region)


def clipped(region: Region) -> Region:
    """The boxes with cuts of half their widths in every direction."""
    middle, half = 0.5 * (region.lower + region.upper), 0.5 * (region.upper - region.lower)
    width = np.full((6, middle.shape[1]), 1.0)
    return Region(region.lower, region.upper, Cuts(middle, 1.0 / np.maximum(half, 1e-200), width))


def test_every_registered_function_has_one() -> None:
    assert {t.name for t in ALL if t.scalar() is None} == WITHOUT


@pytest.mark.parametrize("kind", regions.KINDS)
@pytest.mark.parametrize("transformer", UNIVARIATE, ids=repr)
def test_it_encloses_the_function_and_its_residual(transformer: Transformer, kind: str) -> None:
    region = regions.fitted(transformer, regions.boxes(kind, 1, 300, np.random.default_rng(3)))
    assert violations(transformer, region) == []


@pytest.mark.parametrize("kind", ["ordinary", "small", "touches zero", "saturated"])
@pytest.mark.parametrize("transformer", BIVARIATE, ids=repr)
def test_it_encloses_products(transformer: Transformer, kind: str) -> None:
    region = regions.boxes(kind, 2, 40, np.random.default_rng(4))
    assert violations(transformer, region) == []
    slopes, residual, _ = relaxed(transformer, clipped(region))
    assert laws.violations(Relaxed(transformer, residual), slopes, clipped(region)) == []


@pytest.mark.parametrize("kind", regions.KINDS)
@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_it_computes_what_arrays_compute(transformer: Transformer, kind: str) -> None:
    """Slopes up to numpy's own roundings, bounds of the residual for these bit by bit, the range up to a last step."""
    region = regions.fitted(transformer, regions.boxes(kind, transformer.arity, 60, np.random.default_rng(5)))
    slopes, residual, range_ = relaxed(transformer, region)
    middle = np.abs(region.lower) + np.abs(region.upper) + 1.0
    room = 1e-9 * (1.0 + middle) / np.maximum(region.upper - region.lower, 1e-6 * middle)
    assert (np.abs(slopes - Secant()(transformer, region)) <= room * middle.max(axis=0)).all()
    arrays, reach = transformer.residual(slopes, region), transformer.range(region)
    for side in ("lower", "upper"):
        np.testing.assert_array_equal(getattr(residual, side), getattr(arrays, side))
        own, other = getattr(range_, side), getattr(reach, side)
        assert (np.abs(own - other) <= 4.0 * (ULP * np.abs(other) + TINY)).all()


SECANTS, CORNERS = "univariate/_secants.py", "bivariate/_corners.py"
PLANTED = {
    "bounds for another slope": (
        "tanh",
        (SECANTS, "return slope, below, above", "return 1.001 * slope, below, above"),
    ),
    "ends of the residual only": ("sigmoid", (SECANTS, "above, _ = largest(", "above, _ = smallest(")),
    "range not rounded": ("tanh", (SECANTS, "residual_up(kind, at_high, 0.0, high)", "at_high")),
    "kink forgotten": ("relu", (SECANTS, "if low < 0.0 < high", "if high < low")),
    "another slope below zero": ("leaky_relu", (SECANTS, "bounds_at(alpha,", "bounds_at(0.5 * alpha,")),
    "two corners only": ("product", (CORNERS, "min(min(one, two), min(three, four))", "min(one, two)")),
    "a factor's other end": (
        "sigmoid_tanh",
        (CORNERS, "_factor_up(p, high_x, p_high)", "_factor_up(p, low_x, p_low)"),
    ),
}


def planted(package: Any, name: str) -> list[laws.Violation]:
    found: list[laws.Violation] = []
    for transformer in [t for t in package.ALL if t.name == name]:
        count = 300 if transformer.arity == 1 else 12
        for kind in ("ordinary", "small"):
            region = regions.boxes(kind, transformer.arity, count, np.random.default_rng(6))
            slopes, _, range_ = relaxed(transformer, region)
            found += violations(transformer, region) if transformer.arity == 1 else []
            found += laws.violations(Relaxed(transformer, range_), np.zeros_like(slopes), region)
    return found


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_found(error: str, tmp_path: Path) -> None:
    name, edit = PLANTED[error]
    with mutated(tmp_path, Mutant(error, name, (), (edit,))) as package:
        assert planted(package, name), f"{error} survives"


def test_an_unedited_copy_breaks_nothing(tmp_path: Path) -> None:
    with mutated(tmp_path, Mutant("none", "tanh", ())) as package:
        assert [v for name in {name for name, _ in PLANTED.values()} for v in planted(package, name)] == []


class Doubled(Tanh):
    """Twice a tanh: what it inherits as a kernel would be wrong."""

    name = "doubled"

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return 2.0 * super().value(*arguments, xp=xp)


class Renamed(Tanh):
    name = "renamed"


def test_a_class_that_changes_the_function_loses_the_kernel() -> None:
    assert Doubled().scalar() is None
    assert Renamed().scalar() == TANH.scalar()


@kernel
def _two_numbers(low, high, parameters):
    return low, high


@kernel
def _no_parameters(low, high):
    return low, high, low, high, low


@pytest.mark.parametrize("function", [_two_numbers, _no_parameters, lambda low, high, parameters: (low,) * 5])
def test_what_is_no_such_kernel_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="a scalar kernel of arity 1 is a compiled"):
        address(ScalarKernel(function), 1)


def test_parameters_tell_members_apart() -> None:
    one, other = LeakyRelu(0.25).scalar(), LeakyRelu(-2.0).scalar()
    assert one.function is other.function
    assert exact.value(LeakyRelu(0.25), -1.0) == -0.25
    assert relaxed(LeakyRelu(0.25), Region(-np.ones((1, 1)), np.zeros((1, 1))))[0] == pytest.approx(0.25)
    assert relaxed(LeakyRelu(-2.0), Region(-np.ones((1, 1)), np.zeros((1, 1))))[0] == pytest.approx(-2.0)
