"""Segments towards another vector: membership is exact, and what is certified on them holds at every share."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from certrnn.analyses import METHODS
from certrnn.certification import Problem
from certrnn.certification.fading import Shares, fading_shares
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, UsageError
from certrnn.examples import resolve
from certrnn.io.onnx import read
from certrnn.regions import ChoiceConstraint, Fading, LinfBall


def words(batch: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(batch, 4, 5, generator=random, dtype=torch.float64) for _ in range(2))  # type: ignore


def test_the_ends_belong_and_nothing_beyond_them() -> None:
    x, toward = words()
    region = Fading(x, torch.tensor([0.0, 0.37, 1.0]), toward, (1, 3))
    assert region.contains(x).all()
    assert region.contains(region.end).all()
    assert bool((region.end[2, [1, 3]] == toward[2, [1, 3]]).all())
    assert bool((region.end[:, [0, 2]] == x[:, [0, 2]]).all())
    for moved in (region.end + 1e-15 * (toward - x), x - 1e-9 * (toward - x)):
        assert not region.contains(moved)[1:].any()
    still = region.end.clone()
    still[:, 0] += 1.0
    assert not region.contains(still).any()


def test_points_between_belong_in_exact_arithmetic() -> None:
    x, toward = (
        torch.zeros(1, 1, 3, dtype=torch.float64),
        torch.tensor([[[1.0, -2.0, 0.0]]], dtype=torch.float64),
    )
    region = Fading(x, torch.tensor([0.5]), toward, (0,))
    for share, inside in ((0.25, True), (0.5, True), (0.625, False)):
        assert bool(region.contains(share * toward)) is inside
    assert not region.contains(torch.tensor([[[0.25, -0.5, 1e-300]]], dtype=torch.float64)).any()
    assert not region.contains(torch.tensor([[[0.25, -0.25, 0.0]]], dtype=torch.float64)).any()
    assert not region.contains(torch.full((1, 1, 3), torch.nan, dtype=torch.float64)).any()


def test_projection_lands_next_to_the_segment_and_boxes_hold_it() -> None:
    x, toward = words()
    region = Fading(x, torch.full((3,), 0.8), toward, (0, 2))
    for far in (x + 3.0 * (toward - x), x - (toward - x), 0.4 * x + 0.6 * toward):
        near = region.project(far)
        for frame in (0, 2):
            lower, upper = region.box(frame)
            assert bool(((near[:, frame] >= lower - 1e-12) & (near[:, frame] <= upper + 1e-12)).all())
        assert bool((near[:, 1] == x[:, 1]).all())
    part = region.select(torch.tensor([2, 0]))
    assert bool((part.end == region.end[[2, 0]]).all())
    assert bool((region.rows(1, 3).end == region.end[1:]).all())


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_outside_of_the_way_are_refused(share: float) -> None:
    x, toward = words()
    with pytest.raises(InvalidInput):
        Fading(x, torch.full((3,), share), toward, (0,))
    with pytest.raises(InvalidInput):
        Fading(x, torch.ones(3), toward[:, :2], (0,))
    with pytest.raises(InvalidInput):
        Fading(x, torch.ones(3), torch.full_like(x, torch.inf), (0,))


def problem(name: str = "digits_lstm") -> Problem:
    network = read(resolve(f"example:{name}"))
    x = torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Problem.of(network.graph((8, 8)), x)


def broken(given: Problem, region: Fading, lower: torch.Tensor) -> bool:
    """Whether the bound is above a margin on the segment."""
    shares = torch.linspace(0.0, 1.0, 41, dtype=torch.float64)
    spec = given.spec(torch.arange(len(given.x)))
    for share in shares.tolist():
        scores = evaluate(given.graph, region.center + share * (region.end - region.center))
        if bool((spec.margins(scores) < lower).any()):
            return True
    return False


@pytest.mark.parametrize(
    ("method", "frames"),
    [("interval", (2,)), ("zonotope", (2,)), ("zonotope", (7,)), ("zonotope", (1, 4, 6)), ("crown", (1, 7))],
)
def test_bounds_hold_along_the_segment(method: str, frames: tuple[int, ...]) -> None:
    given = problem("digits_lstm" if method == "zonotope" else "digits_rnn")
    every = torch.arange(len(given.x))
    for share in (0.1, 0.6, 1.0):
        region = Fading(given.x, torch.full((4,), share), 1.0 - given.x, frames)
        lower = METHODS[method]().margins(given.graph, region, given.spec(every))
        assert not broken(given, region, lower)


def test_a_region_that_forgets_the_middle_is_caught() -> None:
    """The law above can fail: an end that lies too near lets the bound rise above margins farther out."""

    @dataclass(frozen=True, eq=False)
    class Short(Fading):
        @property
        def constraints(self) -> tuple[ChoiceConstraint, ...]:
            near = self.center + 0.2 * (self.end - self.center)
            return tuple(
                ChoiceConstraint(t, torch.stack([self.center[:, t], near[:, t]], dim=1)) for t in self.frames
            )

    given = problem("digits_rnn")
    caught = []
    for frame in range(8):
        region = Short(given.x, torch.full((4,), 0.3), 1.0 - given.x, (frame,))
        lower = METHODS["zonotope"]().margins(given.graph, region, given.spec(torch.arange(4)))
        caught.append(broken(given, region, lower))
    assert any(caught)


def test_a_segment_is_tighter_than_its_box() -> None:
    given = problem()
    spec, zonotope = given.spec(torch.arange(4)), METHODS["zonotope"]()
    toward = 1.0 - given.x
    region = Fading(given.x, torch.full((4,), 0.5), toward, (3,))
    radius = (region.end - region.center).abs().amax(dim=(1, 2))
    ball = LinfBall(given.x, radius, (3,))
    tight, wide = (zonotope.margins(given.graph, r, spec).amin(dim=1) for r in (region, ball))
    assert bool((tight >= wide).all())
    assert bool((tight > wide + 0.1).any())


def test_the_largest_share_is_found_and_proved() -> None:
    given = problem("digits_rnn")
    threat, toward = given.frame_sets("5")[0], torch.full((8,), 3.0, dtype=torch.float64)
    shares, margins = fading_shares(given, METHODS["zonotope"](), threat, toward, Shares(10))
    assert bool((shares > 0).all())
    assert bool((margins > 0).all())
    spec = given.spec(torch.arange(4))
    ends = toward.expand_as(given.x)
    lower = METHODS["zonotope"]().margins(given.graph, Fading(given.x, shares, ends, (5,)), spec)
    torch.testing.assert_close(lower.amin(dim=1), margins)
    open_rows = shares < 1.0
    assert bool(open_rows.any())
    more = torch.where(open_rows, shares + 2.0**-10, shares)
    beyond = METHODS["zonotope"]().margins(given.graph, Fading(given.x, more, ends, (5,)), spec).amin(dim=1)
    assert bool((beyond[open_rows] <= 0).all())
    with pytest.raises(UsageError):
        Shares(0)


def test_misclassified_samples_have_no_share() -> None:
    given = problem("digits_rnn")
    wrong = Problem.of(given.graph, given.x, (given.predictions + 1) % 10)
    shares, margins = fading_shares(
        wrong, METHODS["interval"](), wrong.frame_sets("0")[0], torch.zeros(8, dtype=torch.float64)
    )
    assert shares.tolist() == [0.0] * 4
    assert bool(margins.isnan().all())
