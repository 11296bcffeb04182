"""Laws of the functions of two arguments, on boxes and clipped boxes: containment with tolerance zero, tightness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers_abs import clipped, exact, laws, regions
from transformers_abs import MUL_SIGMOID, PRODUCT, SIGMOID_TANH, Cuts, Quadratic, Region, Secant, Transformer
from transformers_abs._bounding import _axis
from transformers_abs.bivariate import BIVARIATE

each = pytest.mark.parametrize("transformer", BIVARIATE, ids=lambda t: t.name)
each_kind = pytest.mark.parametrize("kind", regions.KINDS)
PINNED = (
    (10.01012668971647, 16.8068767969946, 5.810365221288979, 11.086345977131177),
    (10.362154342978315, 30.285705803731936, 4.743501533163334, 12.839969845835173),
    (10.467727518752596, 32.98004891612092, -15.384133759084266, -3.4632205482619423),
)


def _case(transformer: Transformer, kind: str, count: int, seed: int) -> tuple[Region, np.ndarray, Quadratic]:
    """Boxes with cuts, slopes and quadratics of every sort."""
    rng = np.random.default_rng([seed, regions.KINDS.index(kind)])
    box = regions.boxes(kind, 2, count, rng)
    slopes = regions.slopes(box, Secant()(transformer, box), rng)
    return clipped.clip(box, rng), slopes, regions.quadratic(box, rng)


def _ordinary(transformer: Transformer, count: int, cut: bool) -> tuple[Region, np.ndarray]:
    """Boxes typical of an LSTM: centres in [-4, 4], widths 0.01 to 6, with corner-fit slopes."""
    rng = np.random.default_rng(11)
    center, half = rng.uniform(-4.0, 4.0, (2, count)), 0.5 * 10.0 ** rng.uniform(-2.0, 0.78, (2, count))
    box = Region(center - half, center + half)
    generators = rng.normal(size=(2, 10, count)) * np.exp(rng.normal(size=(2, 10, count)))
    generators[1] += rng.normal(size=count) * generators[0]
    generators /= np.abs(generators).sum(axis=1, keepdims=True)
    widths = np.abs(np.einsum("kd,dmn->kmn", clipped.DIRECTIONS, generators)).sum(axis=1)
    cuts = Cuts(center, 1.0 / half, widths) if cut else None
    return Region(box.lower, box.upper, cuts), Secant()(transformer, box)


def _assert_encloses(transformer: Transformer, kind: str, count: int, seed: int) -> None:
    region, slopes, quadratic = _case(transformer, kind, count, seed)
    box = Region(region.lower, region.upper)
    assert clipped.violations(transformer, slopes, region, None, seed) == []
    assert clipped.violations(transformer, slopes, region, quadratic, seed) == []
    assert laws.violations(transformer, slopes, box, None, seed) == []
    assert laws.violations(transformer, slopes, box, quadratic, seed) == []


@each
@each_kind
def test_encloses_exact_residual(transformer: Transformer, kind: str) -> None:
    _assert_encloses(transformer, kind, 600, seed=1)


numbers = st.floats(-50.0, 50.0) | st.floats(-1e3, 1e3) | st.sampled_from((0.0, -1.0, 1.0, 5e-324, 700.0))


@each
@given(data=st.lists(st.tuples(*[numbers] * 6), min_size=1, max_size=4), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_encloses_exact_residual_on_found_regions(
    transformer: Transformer, data: list[tuple[float, ...]], seed: int
) -> None:
    first_x, second_x, first_y, second_y, *slopes = np.array(data).T
    first, second = np.stack([first_x, first_y]), np.stack([second_x, second_y])
    box = Region(np.minimum(first, second), np.maximum(first, second))
    assert laws.violations(transformer, np.stack(slopes), box, None, seed) == []
    region = clipped.clip(box, np.random.default_rng(seed))
    assert clipped.violations(transformer, np.stack(slopes), region, None, seed) == []


@pytest.mark.slow
@each
@each_kind
def test_encloses_exact_residual_on_a_million_regions(transformer: Transformer, kind: str) -> None:
    for seed in range(2, 12):
        _assert_encloses(transformer, kind, 1000, seed)


def _assert_encloses_extremes(transformer: Transformer, count: int, seed: int) -> None:
    rng = np.random.default_rng([31, seed])
    box, slopes, quadratic = regions.extreme(2, count, rng, largest=55)
    region = clipped.clip(box, rng)
    assert clipped.violations(transformer, slopes, region, None, seed) == []
    assert clipped.violations(transformer, slopes, region, quadratic, seed) == []
    assert laws.violations(transformer, slopes, box, None, seed) == []
    assert laws.violations(transformer, slopes, box, quadratic, seed) == []


@each
def test_encloses_exact_residual_where_products_underflow(transformer: Transformer) -> None:
    _assert_encloses_extremes(transformer, 1000, seed=1)


@pytest.mark.slow
@each
def test_encloses_exact_residual_where_many_products_underflow(transformer: Transformer) -> None:
    for seed in range(2, 12):
        _assert_encloses_extremes(transformer, 1000, seed)


@each
def test_listed_boxes_are_enclosed(transformer: Transformer) -> None:
    ends = [
        *PINNED,
        (0.0, 0.0, -0.0, 0.0), (-5e-324, 5e-324, 0.0, 5e-324), (-700.0, 700.0, -700.0, 700.0),
        (699.0, 700.0, -700.0, -699.0), (-1e3, 1e3, -1e3, 1e3), (-1e6, 1e6, 3.0, 3.0), (-1e6, 1e6, -1e6, 1e6),
        (1.0, np.nextafter(1.0, 2.0), -1.0, np.nextafter(-1.0, 0.0)), (-1e50, 1e50, 0.0, 1.0),
        (-745.2, -745.1, 1.0, 2.0),
    ]  # fmt: skip
    values = [0.0, -0.0, 1e-9, 0.25, -0.3, 1.0, 5e-324, 1e6]
    pairs = [(a, b) for a in values for b in values]
    box = np.repeat(np.array(ends), len(pairs), axis=0).T
    region = Region(np.ascontiguousarray(box[::2]), np.ascontiguousarray(box[1::2]))
    slopes = np.ascontiguousarray(np.tile(np.array(pairs).T, len(ends)))
    fit = np.nan_to_num(Secant()(transformer, region))
    assert laws.violations(transformer, slopes, region) == []
    assert laws.violations(transformer, fit, region) == []


@each
@each_kind
def test_cuts_never_loosen(transformer: Transformer, kind: str) -> None:
    region, slopes, quadratic = _case(transformer, kind, 1000, seed=20)
    for form in (None, quadratic):
        box = transformer.residual(slopes, Region(region.lower, region.upper), form)
        cut = transformer.residual(slopes, region, form)
        assert (cut.lower >= box.lower).all()
        assert (cut.upper <= box.upper).all()


@each
def test_cuts_pay(transformer: Transformer) -> None:
    region, slopes = _ordinary(transformer, 1000, cut=True)
    box = transformer.residual(slopes, Region(region.lower, region.upper))
    cut = transformer.residual(slopes, region)
    ratio = (cut.upper - cut.lower) / (box.upper - box.lower)
    assert ratio.mean() < 0.92
    assert np.quantile(ratio, 0.1) < 0.75


@each
def test_cuts_that_leave_nothing_give_the_box(transformer: Transformer) -> None:
    region, slopes = _ordinary(transformer, 100, cut=False)
    center = region.upper + 3.0
    nothing = Region(region.lower, region.upper, Cuts(center, np.ones((2, 100)), np.full((6, 100), 0.5)))
    got, expected = transformer.residual(slopes, nothing), transformer.residual(slopes, region)
    np.testing.assert_array_equal(got.lower, expected.lower)
    np.testing.assert_array_equal(got.upper, expected.upper)


@each
@pytest.mark.parametrize("cut", [False, True])
def test_is_within_a_percent_of_the_best_offsets(transformer: Transformer, cut: bool) -> None:
    region, slopes = _ordinary(transformer, 400, cut)
    excess = clipped.excess(transformer, slopes, region, transformer.residual(slopes, region))
    assert np.median(excess) <= 0.01
    assert np.quantile(excess, 0.9) <= 0.03


@each
@pytest.mark.parametrize("half", [20.0, 1e3, 1e6])
def test_stays_tight_on_wide_boxes(transformer: Transformer, half: float) -> None:
    rng = np.random.default_rng(5)
    size = np.full((2, 50), half) * rng.uniform(0.3, 1.0, (2, 50))
    region = Region(-size * rng.uniform(0.1, 1.0, (2, 50)), size)
    slopes = np.zeros((2, 50))
    excess = clipped.excess(transformer, slopes, region, transformer.residual(slopes, region))
    assert excess.max() <= 0.03


@each
@each_kind
def test_witnesses_lie_in_the_box(transformer: Transformer, kind: str) -> None:
    region, slopes, quadratic = _case(transformer, kind, 500, seed=4)
    for boxes in (region, Region(region.lower, region.upper)):
        assert laws.outside_boxes(boxes, transformer.residual(slopes, boxes, quadratic)) == []


@each
@pytest.mark.parametrize("cut", [False, True])
def test_witnesses_come_close_to_the_bounds(transformer: Transformer, cut: bool) -> None:
    region, slopes = _ordinary(transformer, 500, cut)
    enclosure = transformer.residual(slopes, region)
    width = enclosure.upper - enclosure.lower
    for bound, at in ((enclosure.lower, enclosure.argmin), (enclosure.upper, enclosure.argmax)):
        gap = np.abs(transformer.value(*at) - (slopes * at).sum(axis=0) - bound) / width
        assert np.quantile(gap, 0.9) <= (0.1 if cut else 0.02)


@each
def test_part_of_a_box_is_enclosed_no_wider(transformer: Transformer) -> None:
    region, slopes = _ordinary(transformer, 1000, cut=False)
    ends = np.sort(np.random.default_rng(6).random((2, 2, 1000)), axis=0)
    inner = Region(*(region.lower + end * (region.upper - region.lower) for end in ends))
    whole, part = transformer.residual(slopes, region), transformer.residual(slopes, inner)
    slack = 0.01 * (whole.upper - whole.lower)
    assert (part.lower >= whole.lower - slack).all()
    assert (part.upper <= whole.upper + slack).all()


@each
def test_result_does_not_depend_on_threads_or_neighbours(
    transformer: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    region, slopes = _ordinary(transformer, 10000, cut=True)
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        results.append(transformer.residual(slopes, region))
    tail = slice(9000, 10000)
    alone = transformer.residual(np.ascontiguousarray(slopes[:, tail]), clipped.part(region, tail))
    for name in ("lower", "upper", "argmin", "argmax"):
        one, many = (getattr(result, name) for result in results)
        np.testing.assert_array_equal(one, many)
        np.testing.assert_array_equal(getattr(alone, name), one[..., tail])


def test_exponential_is_as_accurate_as_its_proof_says() -> None:
    z = np.concatenate(
        [np.random.default_rng(0).uniform(0.0, 700.0, 3000), np.linspace(0.0, 2.0, 3000), [0.0, 5e-324]]
    )
    for x in z:
        truth = exact.CONTEXT.exp(-exact.CONTEXT.mpf(float(x)))
        assert abs(exact.CONTEXT.mpf(float(_axis.exp_minus(float(x)))) / truth - 1) < 4 * 2.0**-53


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "place", ["lower", "upper", "slopes", "coefficients", "center", "scale", "cuts.center", "cuts.scale"]
)
def test_numbers_that_are_not_finite_are_refused(transformer: Transformer, bad: float, place: str) -> None:
    names = ("upper", "slopes", "center", "scale", "cuts.center", "cuts.scale")
    fields = {name: np.full((2, 3), 0.5) for name in names}
    fields["lower"], fields["coefficients"] = np.zeros((2, 3)), np.ones((3, 3))
    fields[place][1, 1] = bad
    form = Quadratic(fields["coefficients"], fields["center"], fields["scale"])
    cuts = Cuts(fields["cuts.center"], fields["cuts.scale"], np.ones((6, 3)))
    with pytest.raises(ValueError, match=rf"{transformer.name}.*{place} is finite; got .*\(1, 1\)"):
        transformer.residual(fields["slopes"], Region(fields["lower"], fields["upper"], cuts), form)


@each
def test_impossible_cuts_and_overflow_are_refused(transformer: Transformer) -> None:
    zero, one = np.zeros((2, 1)), np.ones((2, 1))
    for width in (np.nan, -1.0):
        with pytest.raises(ValueError, match="width is at least 0"):
            transformer.residual(zero, Region(zero, one, Cuts(zero, one, np.full((6, 1), width))))
    with pytest.raises(ValueError, match="lower <= upper"):
        transformer.residual(zero, Region(one, zero))
    with pytest.raises(ValueError, match="overflow"):
        transformer.residual(one * 1e300, Region(-one * 1e300, one * 1e300))


@each
def test_no_regions_and_strided_arguments(transformer: Transformer) -> None:
    none = np.zeros((2, 0))
    assert transformer.residual(none, Region(none, none)).lower.shape == (0,)
    region, slopes, quadratic = _case(transformer, "ordinary", 10, seed=8)
    wide = [np.repeat(array, 2, axis=1)[:, ::2] for array in (slopes, region.lower, region.upper)]
    expected = transformer.residual(slopes, Region(region.lower, region.upper), quadratic)
    strided = transformer.residual(wide[0], Region(wide[1], wide[2]), quadratic)
    np.testing.assert_array_equal(strided.lower, expected.lower)


@each
def test_value_serves_numpy_and_torch_and_is_differentiable(transformer: Transformer) -> None:
    x = np.array([-1e4, -800.0, -1.5, -1e-310, -0.0, 0.3, 40.0, 1e4])
    y = x[::-1].copy()
    tensors = [torch.tensor(part, requires_grad=True) for part in (x, y)]
    result = transformer.value(*tensors, xp=torch)
    result.sum().backward()
    np.testing.assert_allclose(result.detach().numpy(), transformer.value(x, y), rtol=1e-12, atol=1e-300)
    assert all(tensor.grad is not None and torch.isfinite(tensor.grad).all() for tensor in tensors)
    truth = [float(exact.value(transformer, a, b)) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(transformer.value(x, y), truth, rtol=1e-12, atol=1e-11)


def test_members_are_values() -> None:
    assert len({SIGMOID_TANH, MUL_SIGMOID, PRODUCT}) == 3
