"""Each planted error in the univariate enclosures breaks the containment law that guards the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.transformers_abs import laws, regions
from tests.transformers_abs.mutants import Mutant, mutated

S_SHAPED = "univariate/s_shaped.py"
PIECEWISE = "univariate/piecewise.py"
CELLS = "univariate/_cells.py"
ROUNDING = "rounding.py"

NO_STEP = (
    (ROUNDING, "x + (abs(x) * ULP + TINY)", "x"),
    (ROUNDING, "x - (abs(x) * ULP + TINY)", "x"),
)
TRUST_LIBM = (
    (ROUNDING, "TANH_ULPS: float = 4.0", "TANH_ULPS: float = -1.0"),
    (ROUNDING, "SIGMOID_ULPS: float = 6.0", "SIGMOID_ULPS: float = -1.0"),
)
ONE_ULP_IN = (
    (ROUNDING, "x + (abs(x) * ULP + TINY)", "x - abs(x) * ULP"),
    (ROUNDING, "x - (abs(x) * ULP + TINY)", "x + abs(x) * ULP"),
)
# A touching point off by a share is sound as long as the tangent's tilt is paid for.
ROUGH_ROOT = (
    (
        S_SHAPED,
        "return z if kind == TANH_KIND else 2.0 * z",
        "return 1.001 * (z if kind == TANH_KIND else 2.0 * z)",
    ),
)

SMOOTH = "univariate/_smooth.py"
TOUCHES_ASIDE = (SMOOTH, "within(touch(k, slope, parameters), start, stop)", "0.9 * start + 0.1 * stop")

MUTANTS = (
    Mutant(
        "end of a section forgotten",
        "elu",
        ("ordinary",),
        ((SMOOTH, "if stop < right:", "if stop > right:"),),
    ),
    Mutant(
        "tangent aside believed, below",
        "softplus",
        ("ordinary",),
        (TOUCHES_ASIDE, (SMOOTH, "next_down(other - depth)", "next_down(other)")),
    ),
    Mutant(
        "tangent aside believed, above",
        "log",
        ("ordinary",),
        (TOUCHES_ASIDE, (SMOOTH, "next_up(other + depth)", "next_up(other)")),
    ),
    Mutant(
        "concave taken for convex",
        "gelu",
        ("wide", "ordinary"),
        (("univariate/gelu.py", "(-1.0, 1.0, -1.0)", "(1.0, 1.0, 1.0)"),),
    ),
    Mutant(
        "a floor that is no end of a section",
        "reciprocal",
        ("ordinary",),
        (("univariate/reciprocal.py", "return parameters[0], np.inf", "return -np.inf, np.inf"),),
    ),
    Mutant(
        "exponential believed to the last place",
        "exp",
        ("ordinary", "point"),
        (
            (
                "univariate/exp.py",
                "return value, max(0.0, next_down(value - error)),",
                "return value, value,",
            ),
            *NO_STEP,
        ),
    ),
    Mutant(
        "curvature taken from the other end",
        "softplus",
        ("wide", "ordinary"),
        ((SMOOTH, "(most if sign > 0.0 else -least)", "(least if sign > 0.0 else -most)"),),
        True,
    ),
    Mutant(
        "peak of the curvature missed",
        "erf",
        ("wide", "ordinary"),
        (("univariate/erf.py", "if near <= 0.7072 and far >= 0.7071:", "if False:"),),
        True,
    ),
    Mutant(
        "range of a function that turns taken from the ends",
        "power",
        ("wide", "ordinary"),
        ((SMOOTH, "if sign * signs[k] >= 0.0 or trend != 0.0:", "if True:"),),
        True,
    ),
    Mutant("no outward step", "leaky_relu", ("ordinary",), NO_STEP),
    Mutant("one ulp inward", "relu", ("ordinary",), ONE_ULP_IN),
    Mutant("no rounding and libm trusted", "tanh", ("ordinary", "point"), NO_STEP + TRUST_LIBM),
    Mutant("libm trusted and one ulp inward", "sigmoid", ("point",), ONE_ULP_IN + TRUST_LIBM),
    Mutant(
        "tangent correction dropped above",
        "tanh",
        ("ordinary",),
        (*ROUGH_ROOT, (S_SHAPED, "if rise > 0.0:", "if False:")),
    ),
    Mutant(
        "tangent correction dropped below",
        "sigmoid",
        ("ordinary",),
        (*ROUGH_ROOT, (S_SHAPED, "if fall > 0.0:", "if False:")),
    ),
    Mutant(
        "derivative of tanh used for sigmoid",
        "sigmoid",
        ("ordinary",),
        (
            (S_SHAPED, "return z if kind == TANH_KIND else 2.0 * z", "return 1.6 * z"),
            (S_SHAPED, "    e = np.exp(-abs(x))\n", "    e = np.exp(-2.0 * abs(x))\n"),
        ),
    ),
    Mutant(
        "left end forgotten",
        "sigmoid",
        ("ordinary",),
        ((S_SHAPED, "if left < 0.0 and best > bound:", "if False:"),),
    ),
    Mutant(
        "box clipped at 20",
        "tanh",
        ("wide",),
        ((S_SHAPED, "left = lower[i]", "left = max(lower[i], -20.0)"),),
    ),
    Mutant("kink forgotten", "relu", ("ordinary",), ((PIECEWISE, "if left < 0.0 < right:", "if False:"),)),
    Mutant(
        "left slope on both sides",
        "leaky_relu",
        ("ordinary",),
        ((PIECEWISE, "(1.0 if x > 0.0 else alpha)", "alpha"),),
    ),
    Mutant(
        "quadratic's sign flipped",
        "tanh",
        ("ordinary",),
        ((CELLS, "rest = product + square", "rest = product - square"),),
        True,
    ),
    Mutant(
        "Taylor remainder dropped",
        "tanh",
        ("ordinary", "wide"),
        ((CELLS, "curvature = (high if sign > 0.0 else -low) * reach * reach", "curvature = 0.0"),),
        True,
    ),
    Mutant(
        "curvature taken at the flatter end",
        "tanh",
        ("wide",),
        ((CELLS, "max(psi_w, psi_v)", "min(psi_w, psi_v)"),),
        True,
    ),
    Mutant(
        "curvature bound misses its peak",
        "tanh",
        ("wide", "ordinary"),
        ((CELLS, "if w <= 0.5774 and v >= 0.5773:", "if False:"),),
        True,
    ),
    Mutant(
        "only the last cell counts",
        "sigmoid",
        ("wide",),
        ((CELLS, "total = max(total, bound)", "total = bound"),),
        True,
    ),
    Mutant(
        "best sample returned as bound",
        "tanh",
        ("ordinary",),
        ((CELLS, "return total, witness", "return best, witness"),),
        True,
    ),
    Mutant(
        "square of a tiny steepness",
        "relu",
        ("extreme",),
        (
            (
                CELLS,
                "next_up(0.5 * next_up(steepness * next_up(steepness / -bend)))",
                "steepness * steepness / (-2.0 * bend) * (1.0 + 8.0 * ULP) + TINY",
            ),
        ),
        True,
    ),
    Mutant(
        "underflow of the quadratic's products forgotten",
        "relu",
        ("extreme",),
        (
            (CELLS, "16.0 * TINY * (1.0 + abs(turn)", "0.0 * (1.0 + abs(turn)"),
            (CELLS, "8.0 * TINY * (1.0 + abs(c))", "0.0 * (1.0 + abs(c))"),
        ),
        True,
    ),
    Mutant(
        "cell right of the kink forgotten", "relu", ("ordinary",), ((CELLS, "return 2", "return 1"),), True
    ),
)


def _violations(package: Any, mutant: Mutant, count: int) -> list[laws.Violation]:
    rng = np.random.default_rng(20)
    found: list[laws.Violation] = []
    for transformer in [t for t in package.UNIVARIATE if t.name == mutant.transformer]:
        for kind in mutant.kinds:
            if kind == "extreme":
                region, slopes, quadratic = regions.extreme(1, count, rng, largest=100)
            else:
                region = regions.fitted(transformer, regions.boxes(kind, 1, count, rng))
                slopes = regions.slopes(region, package.Secant()(transformer, region), rng)
                quadratic = regions.quadratic(region, rng)
            found += laws.violations(
                transformer, slopes, region, quadratic if mutant.with_quadratic else None
            )
    return found


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_error_breaks_containment(mutant: Mutant, tmp_path: Path) -> None:
    with mutated(tmp_path, mutant) as package:
        assert _violations(package, mutant, 300), f"{mutant.name} survives"


@pytest.mark.parametrize("with_quadratic", [False, True])
def test_unedited_copy_breaks_nothing(with_quadratic: bool, tmp_path: Path) -> None:
    probes = [
        Mutant("none", name, ("ordinary", "wide"), (), with_quadratic)
        for name in ("tanh", "sigmoid", "relu", "leaky_relu", "gelu", "log")
    ]
    with mutated(tmp_path, probes[0]) as package:
        for probe in probes:
            assert _violations(package, probe, 100) == []
