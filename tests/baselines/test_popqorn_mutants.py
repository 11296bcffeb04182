"""Each planted error in the baseline breaks a law that the real one keeps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import certrnn.baselines.popqorn.boxes as boxes_module
import certrnn.baselines.popqorn.support as support
from certrnn.baselines.popqorn import Envelope, Fit, PlanePair, Popqorn
from certrnn.baselines.popqorn.boxes import Boxes
from certrnn.domains import Interval
from certrnn.regions import L2Ball
from certrnn.specs import Spec
from tests.baselines.laws import arguments_outside, members, planes_outside
from tests.laws.laws import margins
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle
from transformers_abs import ALL, MUL_SIGMOID, SIGMOID_TANH, TANH, Region, Residual, Transformer

Patch = pytest.MonkeyPatch
Offsets = Callable[[Transformer, np.ndarray, Region, Residual], Residual]


def offsets(change: Offsets) -> Callable[[Patch], None]:
    """Every residual is changed before its side is read."""

    def plant(patch: Patch) -> None:
        for kind in {type(t) for t in ALL}:
            real = kind.residual

            def residual(t, slopes, region, quadratic=None, real=real):
                return change(t, slopes, region, real(t, slopes, region, quadratic))

            patch.setattr(kind, "residual", residual)

    return plant


def _sides_swapped(t: Transformer, slopes: np.ndarray, box: Region, found: Residual) -> Residual:
    return Residual(found.upper, found.lower, found.argmax, found.argmin)


def _at(t: Transformer, slopes: np.ndarray, point: np.ndarray) -> np.ndarray:
    return t.value(*point) - (slopes * point).sum(axis=0)


def _not_widened(t: Transformer, slopes: np.ndarray, box: Region, found: Residual) -> Residual:
    """The value in floating point where the plane touches."""
    return Residual(_at(t, slopes, found.argmin), _at(t, slopes, found.argmax), found.argmin, found.argmax)


def _checked_on_a_grid(t: Transformer, slopes: np.ndarray, box: Region, found: Residual) -> Residual:
    axes = [np.linspace(0.0, 1.0, 10)] * len(slopes)
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, len(slopes))
    values = np.stack([_at(t, slopes, box.lower + p[:, None] * (box.upper - box.lower)) for p in grid])
    return Residual(values.min(axis=0), values.max(axis=0), found.argmin, found.argmax)


def _fitted_only(t: Transformer, slopes: np.ndarray, box: Region, found: Residual) -> Residual:
    """Both planes through the middle of the box, as a regression would have them."""
    value = _at(t, slopes, 0.5 * (box.lower + box.upper))
    return Residual(value, value, found.argmin, found.argmax)


PLANES = {
    "upper and lower offsets swapped": _sides_swapped,
    "offset not widened": _not_widened,
    "offset checked on a grid": _checked_on_a_grid,
    "offset through the middle": _fitted_only,
}


@pytest.mark.parametrize("transformer", [TANH, SIGMOID_TANH, MUL_SIGMOID], ids=lambda t: t.name)
@pytest.mark.parametrize("name", PLANES)
def test_planted_planes_are_caught(name: str, transformer: Transformer, monkeypatch: Patch) -> None:
    offsets(PLANES[name])(monkeypatch)
    assert planes_outside(transformer, Envelope())


def test_planes_with_each_others_offsets_are_caught(monkeypatch: Patch) -> None:
    def of(transformer: Transformer, box: Region, fit: Fit, like: torch.Tensor) -> PlanePair:
        pair = real(transformer, box, fit, like)
        return PlanePair(pair.upper_slopes, pair.lower_offset, pair.lower_slopes, pair.upper_offset)

    real = PlanePair.of
    monkeypatch.setattr(PlanePair, "of", of)
    assert planes_outside(SIGMOID_TANH, Envelope())


def _side_by_the_wrong_sign(patch: Patch) -> None:
    real = PlanePair.substituted
    mirror = lambda p: PlanePair(p.upper_slopes, p.upper_offset, p.lower_slopes, p.lower_offset)  # noqa: E731
    patch.setattr(PlanePair, "substituted", lambda pair, coefficient: real(mirror(pair), coefficient))


def _one_side_for_both(patch: Patch) -> None:
    """The lower plane also where the coefficient is negative."""
    real = PlanePair.substituted
    lower = lambda p: PlanePair(p.lower_slopes, p.lower_offset, p.lower_slopes, p.lower_offset)  # noqa: E731
    patch.setattr(PlanePair, "substituted", lambda pair, coefficient: real(lower(pair), coefficient))


def _boxes_shrunk(patch: Patch) -> None:
    """Argument bounds that forget a tenth of their width."""
    real = Boxes._ends

    def ends(boxes: Boxes, source: int) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = real(boxes, source)
        return low + 0.05 * (high - low), high - 0.05 * (high - low)

    patch.setattr(Boxes, "_ends", ends)


def _roundings_forgotten(patch: Patch) -> None:
    real = boxes_module.substitute
    patch.setattr(
        boxes_module, "substitute", lambda b, rows, planes, exact: real(b, rows, planes, exact=False)
    )
    for module in (boxes_module, support):
        patch.setattr(module, "down", lambda value, magnitude, roundings: value)
    patch.setattr(support, "up", lambda value, roundings: value)


def _frame_taken_as_fixed(patch: Patch) -> None:
    real = support._on_boxes

    def fixed(boxes, coefficients, frames):
        still = {t: Interval(b.midpoint()[0], b.midpoint()[0]) if t == 1 else b for t, b in boxes.items()}
        return real(still, coefficients, frames)

    patch.setattr(support, "_on_boxes", fixed)


def _largest_for_the_norm(patch: Patch) -> None:
    """The dual of l1 where that of l2 is due."""
    real = support.dual_norm
    patch.setattr(support, "dual_norm", lambda generators, order: real(generators, 1))


MUTANTS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "side by the wrong sign": (_side_by_the_wrong_sign, "rnn"),
    "one side for both": (_one_side_for_both, "lstm"),
    "boxes shrunk": (_boxes_shrunk, "lstm"),
    "roundings forgotten": (_roundings_forgotten, "cancelling"),
    "a frame taken as fixed": (_frame_taken_as_fixed, "gru"),
    "dual norm of another ball": (_largest_for_the_norm, "rnn"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_errors_are_caught(name: str, monkeypatch: Patch) -> None:
    plant, family = MUTANTS[name]
    rng = np.random.default_rng(0)
    graph = FAMILIES[family](rng)
    plain = region(rng, graph, (0, 1, 2), False, (0.0, 1e-12, 0.05, 1.0))
    norm = name.startswith("dual norm")
    ball = L2Ball(plain.center, plain.eps, plain.frames) if norm else plain
    oracle = Oracle(graph, members(ball, rng, 6) if norm else points(rng, graph, plain))
    spec = Spec(numbers(rng, 4, 40, graph.outputs), numbers(rng, 4, 40))

    def violated() -> bool:
        """Bounds that cross are an error, which certifies nothing."""
        try:
            return bool(margins(Popqorn(), oracle, ball, spec) + arguments_outside(oracle, ball))
        except ValueError as error:
            return "lower <= upper" in str(error)

    assert not violated()
    plant(monkeypatch)
    assert violated()
