"""The range of a function on a box: contains every exact value, and smaller boxes have smaller ranges."""

from __future__ import annotations

import numpy as np
import pytest

from tests.transformers_abs import exact, regions
from transformers_abs import ALL, BIVARIATE, Cuts, Region, Transformer


def boxes(arity: int, count: int) -> Region:
    """Boxes of widths from 1e-17 to 300, some at zero and some points."""
    rng = np.random.default_rng(arity)
    center = rng.normal(size=(arity, count)) * 10.0 ** rng.uniform(-20, 2, (arity, count))
    center *= rng.choice([0.0, 1.0, 1.0], (arity, count))
    widths = 10.0 ** rng.uniform(-17, 2.5, (2, arity, count)) * rng.choice([0.0, 1.0, 1.0], (2, arity, count))
    return Region(center - widths[0], center + widths[1])


@pytest.mark.parametrize("transformer", ALL, ids=lambda t: t.name)
def test_corners_and_inner_points_lie_in_the_range(transformer: Transformer) -> None:
    region, rng = regions.fitted(transformer, boxes(transformer.arity, 400)), np.random.default_rng(0)
    found = transformer.range(region)
    for share in (*np.ndindex(*[2] * transformer.arity), *rng.random((2, transformer.arity))):
        part = np.array(share)[:, None]
        points = np.where(part == 1, region.upper, region.lower + part * (region.upper - region.lower))
        for i, point in enumerate(np.clip(points, region.lower, region.upper).T):
            truth = exact.value(transformer, *point)
            assert float(found.lower[i]) <= truth <= float(found.upper[i])


@pytest.mark.parametrize("transformer", BIVARIATE, ids=lambda t: t.name)
def test_smaller_boxes_have_smaller_ranges(transformer: Transformer) -> None:
    region, rng = boxes(2, 5000), np.random.default_rng(1)
    middle = np.clip(0.5 * region.lower + 0.5 * region.upper, region.lower, region.upper)
    inner = Region(
        np.clip(region.lower + rng.random((2, 5000)) * (middle - region.lower), region.lower, middle),
        np.clip(region.upper - rng.random((2, 5000)) * (region.upper - middle), middle, region.upper),
    )
    whole, part = transformer.range(region), transformer.range(inner)
    assert bool(((part.lower >= whole.lower) & (part.upper <= whole.upper)).all())


@pytest.mark.parametrize("transformer", BIVARIATE, ids=lambda t: t.name)
def test_cuts_and_cells_only_narrow_a_range(transformer: Transformer) -> None:
    region = boxes(2, 300)
    center = 0.5 * region.lower + 0.5 * region.upper
    scale = 1.0 / np.maximum(region.upper - center, 1e-200)
    cut = Region(region.lower, region.upper, Cuts(center, scale, np.full((6, 300), 1.5)))
    whole, part = transformer.range(region), transformer.range(cut)
    cells = transformer.residual(np.zeros_like(region.lower), region)
    for narrow, wide in ((part, whole), (whole, cells)):
        assert bool(((narrow.lower >= wide.lower) & (narrow.upper <= wide.upper)).all())
