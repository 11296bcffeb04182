"""Laws of slope policies: always finite, never wider than the secant, close to the least width there is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.transformers_abs import regions
from transformers_abs import (
    ALL,
    BIVARIATE,
    RELU,
    SIGMOID,
    SLOPES,
    TANH,
    UNIVARIATE,
    LeastWidth,
    Region,
    Secant,
    SlopePolicy,
    Transformer,
)

each = pytest.mark.parametrize("transformer", ALL, ids=repr)
each_policy = pytest.mark.parametrize("policy", SLOPES, ids=repr)


def _width(transformer: Transformer, slopes: np.ndarray, region: Region) -> np.ndarray:
    enclosure = transformer.residual(slopes, region)
    return enclosure.upper - enclosure.lower


@each
@each_policy
def test_slopes_are_finite_on_every_kind_of_box(transformer: Transformer, policy: SlopePolicy) -> None:
    rng = np.random.default_rng(1)
    for kind in regions.KINDS:
        region = regions.fitted(transformer, regions.boxes(kind, transformer.arity, 30, rng))
        slopes = policy(transformer, region)
        assert slopes.shape == region.lower.shape
        assert np.isfinite(slopes).all()


@each
def test_secant_survives_the_largest_boxes(transformer: Transformer) -> None:
    huge = np.full((transformer.arity, 1), 1.7e308)
    assert np.isfinite(Secant()(transformer, Region(-huge, huge))).all()


@each
def test_least_width_is_never_wider_than_the_secant(transformer: Transformer) -> None:
    rng = np.random.default_rng(2)
    for kind in regions.KINDS:
        region = regions.fitted(transformer, regions.boxes(kind, transformer.arity, 50, rng))
        narrow = _width(transformer, LeastWidth()(transformer, region), region)
        assert (narrow <= _width(transformer, Secant()(transformer, region), region)).all()


@pytest.mark.parametrize("transformer", UNIVARIATE, ids=repr)
def test_least_width_comes_within_a_percent_of_a_scan(transformer: Transformer) -> None:
    rng = np.random.default_rng(3)
    for kind in ("ordinary", "wide"):
        region = regions.fitted(transformer, regions.boxes(kind, 1, 50, rng))
        narrow = _width(transformer, LeastWidth()(transformer, region), region)
        span = np.linspace(-0.5, 3.0, 1401)
        scanned = np.min([_width(transformer, np.full((1, 50), slope), region) for slope in span], axis=0)
        size = np.abs(Secant()(transformer, region) * region.upper)[
            0
        ]  # a point's width is its terms' rounding
        assert (narrow <= 1.01 * scanned + 1e-14 * (1.0 + size)).all()


@pytest.mark.parametrize("transformer", BIVARIATE, ids=repr)
def test_least_width_of_two_slopes_beats_a_random_search(transformer: Transformer) -> None:
    rng = np.random.default_rng(4)
    region = regions.boxes("ordinary", 2, 40, rng)
    start = Secant()(transformer, region)
    narrow = _width(transformer, LeastWidth()(transformer, region), region)
    # The enclosures themselves are within a percent or so of the best, and differ from slope to slope.
    for spread in (0.3, 0.1, 0.03):
        for _ in range(30):
            found = _width(transformer, start + spread * rng.normal(size=start.shape), region)
            assert (narrow <= 1.03 * found + 1e-14).all()


def test_narrow_boxes_get_the_derivative() -> None:
    points = np.array([[-2.0, 0.0, 0.5]])
    for box in (Region(points, points), Region(points, np.nextafter(points, np.inf))):
        np.testing.assert_allclose(Secant()(TANH, box), 1.0 - np.tanh(points) ** 2, atol=1e-8)
        p = SIGMOID.value(points)
        np.testing.assert_allclose(Secant()(SIGMOID, box), p * (1.0 - p), atol=1e-8)
        np.testing.assert_allclose(Secant()(RELU, box)[:, [0, 2]], [[0.0, 1.0]], atol=1e-9)


@each_policy
def test_malformed_regions_are_refused(policy: SlopePolicy) -> None:
    with pytest.raises(ValueError, match="lower <= upper"):
        policy(TANH, Region(np.ones((1, 1)), np.zeros((1, 1))))


def test_negative_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        LeastWidth(-1)
