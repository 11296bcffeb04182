"""Laws of the functions of one argument: containment with tolerance zero, tightness, witnesses, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers_abs import exact, laws, regions
from transformers_abs import (
    RELU,
    SIGMOID,
    SLOPES,
    TANH,
    UNIVARIATE,
    Cuts,
    LeakyRelu,
    Quadratic,
    Region,
    Secant,
    Transformer,
)

SECTIONED = {t.name for t in UNIVARIATE} - {"tanh", "sigmoid", "relu", "leaky_relu"}
"""Functions of one machinery: all of them together hold it to the laws, with a tenth of the boxes each."""

each = pytest.mark.parametrize("transformer", UNIVARIATE, ids=repr)
each_kind = pytest.mark.parametrize("kind", regions.KINDS)
EPSILON = 2.0**-52
RANGES = {
    **dict.fromkeys(("exp", "sqrt", "rsqrt", "reciprocal", "softplus"), (0.0, np.inf)),
    **dict.fromkeys(("erf", "softsign"), (-1.0, 1.0)),
    "step": (0.0, 1.0),
}


def _case(transformer: Transformer, kind: str, count: int, seed: int) -> tuple[Region, np.ndarray, Quadratic]:
    rng = np.random.default_rng([seed, regions.KINDS.index(kind)])
    region = regions.fitted(transformer, regions.boxes(kind, 1, count, rng))
    slopes = regions.slopes(region, Secant()(transformer, region), rng)
    return region, slopes, regions.quadratic(region, rng)


def _magnitude(
    transformer: Transformer, region: Region, slopes: np.ndarray, quadratic: Quadratic | None
) -> np.ndarray:
    """Size of the largest term of the residual at the ends of each box, at least that of a tanh."""
    ends = np.stack([region.lower, region.upper])
    size = np.abs(transformer.value(ends)) + np.abs(slopes * ends) + 1.0
    if quadratic is not None:
        size += np.abs(quadratic.coefficients * ((ends - quadratic.center) * quadratic.scale) ** 2)
    return size.max(axis=(0, 1))


@each
@each_kind
def test_encloses_exact_residual(transformer: Transformer, kind: str) -> None:
    region, slopes, quadratic = _case(
        transformer, kind, 100 if transformer.name in SECTIONED else 1000, seed=1
    )
    assert laws.violations(transformer, slopes, region) == []
    assert laws.violations(transformer, slopes, region, quadratic) == []


@pytest.mark.slow
@each
@each_kind
def test_encloses_exact_residual_on_many_regions(transformer: Transformer, kind: str) -> None:
    for seed in range(10):
        region, slopes, quadratic = _case(transformer, kind, 2000, seed=100 + seed)
        assert laws.violations(transformer, slopes, region, seed=seed) == []
        assert laws.violations(transformer, slopes, region, quadratic, seed=seed) == []


@each
def test_encloses_exact_residual_where_products_underflow(transformer: Transformer) -> None:
    count = 300 if transformer.name in SECTIONED else 3000
    region, slopes, quadratic = regions.extreme(1, count, np.random.default_rng(31), 100, transformer)
    assert laws.violations(transformer, slopes, region) == []
    assert laws.violations(transformer, slopes, region, quadratic) == []


@pytest.mark.slow
@each
def test_encloses_exact_residual_where_many_products_underflow(transformer: Transformer) -> None:
    for seed in range(10):
        region, slopes, quadratic = regions.extreme(
            1, 4000, np.random.default_rng([32, seed]), 100, transformer
        )
        assert laws.violations(transformer, slopes, region, seed=seed) == []
        assert laws.violations(transformer, slopes, region, quadratic, seed=seed) == []


def test_peak_of_a_tiny_parabola_is_enclosed() -> None:
    """The square of the local slope underflows here, and its quotient by the curvature would be 0."""
    coefficients = np.array([[2.3e-205, 2.3e-205, -2.3e-205, 1e-300, 5e-324]])
    shape = coefficients.shape
    region = Region(np.full(shape, -3.0), np.zeros(shape))
    for center, scale in ((0.0, 1.0 / 3.0), (-1.5, 1.0), (-0.001, 0.3), (1e-9, -1e-3)):
        quadratic = Quadratic(coefficients, np.full(shape, center), np.full(shape, scale))
        for transformer in UNIVARIATE:
            fitted = regions.fitted(transformer, region)
            assert laws.violations(transformer, np.zeros(shape), fitted, quadratic) == []


@each
@pytest.mark.parametrize("policy", SLOPES, ids=repr)
def test_encloses_exact_residual_for_chosen_slopes(transformer: Transformer, policy: Secant) -> None:
    for kind in regions.KINDS:
        region, _, _ = _case(transformer, kind, 100, seed=2)
        assert laws.violations(transformer, policy(transformer, region), region) == []


numbers = st.floats(-1e3, 1e3) | st.floats(-1e150, 1e150) | st.floats(-1.0, 1.0)


@each
@given(data=st.lists(st.tuples(numbers, numbers, numbers, numbers, numbers, numbers), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_encloses_exact_residual_on_found_regions(
    transformer: Transformer, data: list[tuple[float, ...]]
) -> None:
    first, second, slopes, coefficients, center, scale = (
        np.array([column]) for column in zip(*data, strict=True)
    )
    region = regions.fitted(transformer, Region(np.minimum(first, second), np.maximum(first, second)))
    assert laws.violations(transformer, slopes, region) == []
    # Quadratics of numbers this large overflow, which is refused (a law below): keep the sizes apart.
    quadratic = Quadratic(
        np.clip(coefficients, -1e3, 1e3), np.clip(center, -1e3, 1e3), np.clip(scale, -1.0, 1.0)
    )
    near = regions.fitted(
        transformer, Region(np.clip(region.lower, -1e4, 1e4), np.clip(region.upper, -1e4, 1e4))
    )
    assert laws.violations(transformer, np.clip(slopes, -1e6, 1e6), near, quadratic) == []


@each
@each_kind
def test_is_as_tight_as_arithmetic_allows(transformer: Transformer, kind: str) -> None:
    region, slopes, quadratic = _case(
        transformer, kind, 100 if transformer.name in SECTIONED else 300, seed=3
    )
    excess, spread = laws.looseness(transformer, slopes, region)
    assert (excess <= 1e-12 * spread + 40 * EPSILON * _magnitude(transformer, region, slopes, None)).all()
    excess, spread = laws.looseness(transformer, slopes, region, quadratic)
    assert (
        excess <= 0.01 * spread + 100 * EPSILON * _magnitude(transformer, region, slopes, quadratic)
    ).all()


@each
@each_kind
def test_witnesses_lie_in_the_box_and_attain_the_bounds(transformer: Transformer, kind: str) -> None:
    region, slopes, quadratic = _case(transformer, kind, 300, seed=4)
    for form, share in ((None, 1e-9), (quadratic, 0.01)):
        enclosure = transformer.residual(slopes, region, form)
        assert laws.outside_boxes(region, enclosure) == []
        slack = 100 * EPSILON * _magnitude(transformer, region, slopes, form)
        slack += share * (enclosure.upper - enclosure.lower)
        for bound, witness in ((enclosure.lower, enclosure.argmin), (enclosure.upper, enclosure.argmax)):
            attained, _ = exact.extended(transformer, witness[:, :, None], slopes, form)
            assert (np.abs(attained[:, 0] - bound) <= slack).all()


@each
@each_kind
def test_part_of_a_box_is_enclosed_no_wider(transformer: Transformer, kind: str) -> None:
    region, slopes, _ = _case(transformer, kind, 300, seed=5)
    rng = np.random.default_rng(6)
    cut = np.sort(rng.random((2, 1, 300)), axis=0)
    ends = region.lower + cut * (region.upper - region.lower)
    part = Region(np.clip(ends[0], region.lower, region.upper), np.clip(ends[1], region.lower, region.upper))
    whole, inner = transformer.residual(slopes, region), transformer.residual(slopes, part)
    slack = 40 * EPSILON * _magnitude(transformer, region, slopes, None)
    assert (inner.lower >= whole.lower - slack).all()
    assert (inner.upper <= whole.upper + slack).all()


@each
@each_kind
def test_slope_zero_gives_the_range(transformer: Transformer, kind: str) -> None:
    region, slopes, _ = _case(transformer, kind, 300, seed=7)
    enclosure = transformer.residual(np.zeros_like(slopes), region)
    least, most = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), **RANGES}.get(
        transformer.name, (-np.inf, np.inf)
    )
    assert enclosure.lower.min() >= least
    assert enclosure.upper.max() <= most


def test_listed_boxes_are_enclosed() -> None:
    ends = [
        (0.0, 0.0), (-0.0, 0.0), (0.0, 5e-324), (-5e-324, 0.0), (-5e-324, 5e-324), (-700.0, 700.0), (699.0, 700.0),
        (-700.0, -699.0), (1.0, np.nextafter(1.0, 2.0)), (-1e3, 1e3), (19.0, 22.0), (-1e300, 1e300), (-745.2, -745.1),
        (10.01012668971647, 16.8068767969946), (4.743501533163334, 12.839969845835173),
        (-15.384133759084266, -3.4632205482619423),
    ]  # fmt: skip
    values = (
        0.0,
        -0.0,
        1.0,
        0.25,
        0.5,
        1e-300,
        5e-324,
        -1.0,
        2.0,
        np.nextafter(1.0, 0.0),
        np.nextafter(1.0, 2.0),
    )
    region = Region(*(np.repeat(np.array(column), len(values))[None] for column in zip(*ends, strict=True)))
    slopes = np.tile(np.array(values), len(ends))[None]
    for transformer in UNIVARIATE:
        assert laws.violations(transformer, slopes, regions.fitted(transformer, region)) == []


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["lower", "upper", "slopes", "coefficients", "center", "scale"])
def test_numbers_that_are_not_finite_are_refused(transformer: Transformer, bad: float, place: str) -> None:
    fields = {name: np.full((1, 3), 1.5) for name in ("upper", "slopes", "coefficients", "center", "scale")}
    fields["lower"] = np.ones((1, 3))
    fields[place][0, 1] = bad
    form = Quadratic(fields["coefficients"], fields["center"], fields["scale"])
    with pytest.raises(ValueError, match=rf"{transformer.name}.*{place} is finite; got .*\(0, 1\)"):
        transformer.residual(fields["slopes"], Region(fields["lower"], fields["upper"]), form)


@each
def test_inverted_and_misshapen_arguments_are_refused(transformer: Transformer) -> None:
    zero, one = np.zeros((1, 2)), np.ones((1, 2))
    box = Region(zero, one)
    with pytest.raises(ValueError, match=r"lower <= upper; got \[1.0, 0.0\] at index \(0, 0\)"):
        transformer.residual(zero, Region(one, zero))
    with pytest.raises(ValueError, match="slopes has shape"):
        transformer.residual(np.zeros((1, 3)), box)
    with pytest.raises(ValueError, match="lower has shape"):
        transformer.residual(zero, Region(np.zeros(2), np.ones(2)))
    with pytest.raises(ValueError, match="float64"):
        transformer.residual(zero.astype(np.float32), box)
    with pytest.raises(ValueError, match="coefficients has shape"):
        transformer.residual(zero, box, Quadratic(np.zeros((3, 2)), zero, one))
    with pytest.raises(ValueError, match="two arguments"):
        transformer.residual(zero, Region(zero, one, Cuts(zero, one, np.ones((6, 2)))))


@each
def test_overflow_is_refused(transformer: Transformer) -> None:
    box = regions.fitted(transformer, Region(np.array([[-1e300]]), np.array([[1e300]])))
    with pytest.raises(ValueError, match="overflow"):
        transformer.residual(np.array([[1e308]]), box)
    with pytest.raises(ValueError, match="overflow"):
        transformer.residual(
            np.zeros((1, 1)), box, Quadratic(*(np.full((1, 1), x) for x in (1e308, 0.0, 1.0)))
        )


@each
def test_arguments_outside_of_the_domain_are_refused(transformer: Transformer) -> None:
    for end, beyond in zip(transformer.domain, (-np.inf, np.inf), strict=True):
        with np.errstate(over="ignore"):
            outside = np.full((1, 1), np.nextafter(end, beyond))
        with pytest.raises(ValueError, match=rf"{transformer.name}: .*finite|arguments lie in"):
            transformer.residual(np.zeros((1, 1)), Region(outside, outside))
        scalar = transformer.scalar()
        if scalar is not None and np.isfinite(outside[0, 0]):
            with np.errstate(all="ignore"):
                bounds = scalar.function(outside[0, 0], outside[0, 0], scalar.parameters)
            assert not np.isfinite(bounds[1:3]).all()


@each
def test_no_regions_and_strided_arguments(transformer: Transformer) -> None:
    none = np.zeros((1, 0))
    assert transformer.residual(none, Region(none, none)).lower.shape == (0,)
    region, slopes, quadratic = _case(transformer, "ordinary", 10, seed=8)
    wide = [np.repeat(array, 2, axis=1)[:, ::2] for array in (slopes, region.lower, region.upper)]
    expected = transformer.residual(slopes, region, quadratic)
    strided = transformer.residual(wide[0], Region(wide[1], wide[2]), quadratic)
    np.testing.assert_array_equal(strided.lower, expected.lower)


@each
def test_value_serves_numpy_and_torch_and_its_derivative_is_finite(transformer: Transformer) -> None:
    x = np.array([-1e4, -800.0, -1.5, -1e-310, -0.0, 0.0, 0.3, 40.0, 1e4])
    least, most = transformer.domain
    x = np.clip(np.abs(x) + 1e-200 if least >= 0.0 else x, least, most)
    tensor = torch.tensor(x, requires_grad=True)
    result = transformer.value(tensor, xp=torch)
    result.sum().backward()
    np.testing.assert_allclose(result.detach().numpy(), transformer.value(x), rtol=1e-12, atol=1e-300)
    assert tensor.grad is not None
    assert torch.isfinite(tensor.grad).all()
    truth = [float(exact.value(transformer, point)) for point in x]
    np.testing.assert_allclose(transformer.value(x), truth, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("alpha", [np.nan, np.inf])
def test_leaky_rectifier_refuses_slopes_that_are_not_finite(alpha: float) -> None:
    with pytest.raises(ValueError, match=str(alpha)):
        LeakyRelu(alpha)


def test_members_are_values() -> None:
    assert LeakyRelu(0.5) == LeakyRelu(0.5) != LeakyRelu(0.25)
    assert len({TANH, SIGMOID, RELU}) == 3
