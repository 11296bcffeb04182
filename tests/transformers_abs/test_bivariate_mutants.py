"""Each planted error in the enclosures of products breaks the containment law that guards the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.transformers_abs import clipped, regions
from tests.transformers_abs.mutants import Mutant, mutated

AXIS, CELLS, CLIPPING, PARENTS, COUNTING, SEARCH, ENCLOSE = (
    f"_bounding/_{part}.py"
    for part in ("axis", "cells", "clipping", "parents", "counting", "search", "enclose")
)
BUDGET = "return 256.0 * UNIT_ROUNDOFF * size + 1e-290 * scale * scale"
CREDIT = "along_x, along_y = max(0.5 * s, s + x1), max(0.5 * t, t + y1)"
RELATIVE = "32.0 * UNIT_ROUNDOFF * abs"
REGIONS = 60

# Where a mutant needs cuts to show, its boxes are clipped; the others are shown on whole boxes.
WHOLE = (
    Mutant(
        "rounding dropped",
        "product",
        ("point",),
        ((ENCLOSE, BUDGET, "return 0.0"), (ENCLOSE, RELATIVE, "0.0 * abs")),
    ),
    Mutant(
        "one ulp inward",
        "product",
        ("one ulp",),
        ((ENCLOSE, BUDGET, "return 0.0"), (ENCLOSE, RELATIVE, "-2.0 * UNIT_ROUNDOFF * abs")),
    ),
    Mutant("underflow forgotten", "product", ("subnormal",), ((ENCLOSE, " + 1e-290 * scale * scale", ""),)),
    Mutant(
        "underflow of the quadratic's products forgotten",
        "product",
        ("subnormal",),
        ((ENCLOSE, " + 1e-290 * scale * scale", ""),),
        True,
    ),
    Mutant(
        "curvature dropped",
        "sigmoid_tanh",
        ("ordinary",),
        ((CELLS, "bound = min(corner + bends, ", "bound = min(corner, "),),
    ),
    Mutant(
        "variation of derivatives dropped",
        "sigmoid_tanh",
        ("wide",),
        ((AXIS, "spread = (taylor if taylor < varies else varies) + 128.0 * u", "spread = 128.0 * u"),),
    ),
    Mutant(
        "mixed derivative dropped",
        "product",
        ("ordinary",),
        ((CELLS, "= p1 * q1 - gx * gy", "= 0.0 * q1"), (CELLS, "+ c, abs(a - b) - c", "+ 0.0, abs(a - b)")),
    ),
    Mutant(
        "concave cells trusted to peak at a corner",
        "sigmoid_tanh",
        ("ordinary",),
        ((CELLS, CREDIT, "along_x, along_y = s + x1, t + y1"),),
    ),
    Mutant(
        "a quarter of each cell skipped",
        "sigmoid_tanh",
        ("ordinary",),
        (
            (
                COUNTING,
                "for m in range(4):\n            bound = w[CELL + at.BOUND",
                "for m in range(3):\n            bound = w[CELL + at.BOUND",
            ),
        ),
    ),
    Mutant(
        "a value attained taken for the bound",
        "sigmoid_tanh",
        ("ordinary",),
        (
            (
                PARENTS,
                "bound, sign = w[CELL + at.BOUND * LANES + k], w[CELL",
                "bound, sign = w[CELL + at.SEEN * LANES + k], w[CELL",
            ),
        ),
    ),
    Mutant(
        "box clipped at 20",
        "mul_sigmoid",
        ("wide",),
        (
            (
                SEARCH,
                "w[nodes], w[nodes + COARSE] = lower, upper",
                "w[nodes], w[nodes + COARSE] = max(lower, -20.0), min(upper, 20.0)",
            ),
        ),
    ),
    Mutant(
        "right end of a factor's range forgotten",
        "sigmoid_tanh",
        ("wide",),
        ((AXIS, "(right if right > left else left) + 32.0 * u", "left + 32.0 * u"),),
    ),
    Mutant(
        "intervals forget the linear part",
        "sigmoid_tanh",
        ("wide",),
        (
            (
                CELLS,
                "radius += abs(w[X + at.LINEAR_STEP * SLOTS + s])",
                "radius += 0.0 * abs(w[X + at.LINEAR_STEP * SLOTS + s])",
            ),
        ),
    ),
    Mutant(
        "derivative of sigmoid used for tanh",
        "sigmoid_tanh",
        ("ordinary",),
        ((AXIS, "first, second = m * (v * k)", "first, second = (v * k)"),),
    ),
    Mutant(
        "tables of y kept for cells elsewhere",
        "mul_sigmoid",
        ("ordinary",),
        ((SEARCH, "level == 0 and start > 1", "start > 1"),),
    ),
    Mutant(
        "last queued cell lost",
        "sigmoid_tanh",
        ("ordinary",),
        ((PARENTS, "while c < end and taken", "while c < end - QUEUE_ROWS and taken"),),
    ),
    Mutant(
        "queued cells change sides",
        "sigmoid_tanh",
        ("ordinary",),
        ((PARENTS, "w[c + at.QUEUED_SIGN] = bound, sign", "w[c + at.QUEUED_SIGN] = bound, -sign"),),
    ),
    Mutant(
        "variation of the second term along y dropped",
        "sigmoid_tanh",
        ("wide",),
        ((CELLS, "= p1 * abs(q2) + q2r * (abs(p) + p1)", "= 0.0 * q2"),),
    ),
)
BENT = (
    Mutant(
        "sign of the quadratic flipped",
        "sigmoid_tanh",
        ("ordinary",),
        ((AXIS, "slope * x + bend * e * e", "slope * x - bend * e * e"),),
        True,
    ),
    Mutant(
        "cross term of the quadratic halved",
        "mul_sigmoid",
        ("ordinary",),
        ((ENCLOSE, "w[at.CROSS] = 2.0 * form[1, n]", "w[at.CROSS] = form[1, n]"),),
        True,
    ),
    Mutant(
        "curvature of the quadratic dropped",
        "product",
        ("ordinary",),
        ((AXIS, "= bend * g * g", "= 0.0 * g"),),
        True,
    ),
)
CLIPPED = (
    Mutant(
        "sign of a direction ignored",
        "product",
        ("ordinary",),
        ((CLIPPING, "float(d) for d in DIRECTIONS[:, 1]", "float(abs(d)) for d in DIRECTIONS[:, 1]"),),
    ),
    Mutant(
        "cuts applied with half their width",
        "product",
        ("ordinary",),
        ((ENCLOSE, "w[strip] = w[strip] + 192.0", "w[strip] = 0.5 * w[strip] + 192.0"),),
    ),
    Mutant(
        "cells excluded by their centres",
        "product",
        ("ordinary",),
        ((COUNTING, "outside = w[k + at.NEAREST_ROOM", "outside = w[k + at.CENTER_ROOM"),),
    ),
    Mutant(
        "sign of the multiplier dropped",
        "mul_sigmoid",
        ("ordinary",),
        ((CLIPPING, "(ax * width - sx * s)", "(ax * width - abs(sx * s))"),),
    ),
    Mutant(
        "what a multiplier leaves along y dropped",
        "product",
        ("ordinary",),
        ((CLIPPING, "gy * across + (ax", "0.0 * across + (ax"),),
    ),
    Mutant(
        "curvature dropped where cuts cross",
        "product",
        ("ordinary",),
        ((CELLS, "= r + bends + abs(c)", "= r - abs(c)"),),
    ),
    Mutant(
        "the other sides of strips ignored at vertices",
        "product",
        ("ordinary",),
        ((CLIPPING, "abs(lam) * width1 - lam * (c1 * ex + c2 * ey)", "abs(lam) * width1"),),
    ),
    Mutant(
        "cells that are final early are not counted",
        "sigmoid_tanh",
        ("ordinary",),
        ((SEARCH, "np.inf if last else up, np.inf if last else down", "up, down"),),
    ),
)


def _violations(package: Any, mutant: Mutant, cut: bool) -> list[Any]:
    rng = np.random.default_rng(20)
    (transformer,) = (t for t in package.BIVARIATE if t.name == mutant.transformer)
    found: list[Any] = []
    for kind in mutant.kinds:
        region = regions.boxes(kind, 2, REGIONS, rng)
        slopes = regions.slopes(region, package.Secant()(transformer, region), rng)
        quadratic = regions.quadratic(region, rng) if mutant.with_quadratic else None
        region = clipped.clip(region, rng) if cut else region
        found += clipped.violations(transformer, slopes, region, quadratic)
    return found


@pytest.mark.parametrize("mutant", WHOLE + BENT + CLIPPED, ids=lambda mutant: mutant.name)
def test_planted_error_breaks_containment(mutant: Mutant, tmp_path: Path) -> None:
    with mutated(tmp_path, mutant) as package:
        assert _violations(package, mutant, mutant in CLIPPED), f"{mutant.name} survives"


@pytest.mark.parametrize("with_quadratic", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_unedited_copy_breaks_nothing(with_quadratic: bool, cut: bool, tmp_path: Path) -> None:
    probes = [
        Mutant("none", name, ("ordinary",), (), with_quadratic)
        for name in ("sigmoid_tanh", "mul_sigmoid", "product")
    ]
    with mutated(tmp_path, probes[0]) as package:
        for probe in probes:
            assert _violations(package, probe, cut) == []
