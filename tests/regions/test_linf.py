"""The l-inf ball: its boxes contain it in exact arithmetic, and hardly more."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from certrnn.errors import InvalidInput
from certrnn.regions import LinfBall


def ball(seed: int, clip: tuple[float, float] | None = None, batch: int = 200) -> LinfBall:
    """Centers and radii of every scale."""
    rng = np.random.default_rng(seed)
    center = rng.uniform(0, 1, (batch, 2, 3)) * 10.0 ** rng.integers(-20, 1, (batch, 2, 3))
    eps = rng.uniform(0, 1, batch) * 10.0 ** rng.integers(-20, 3, batch) * rng.choice([0.0, 1.0, 1.0], batch)
    return LinfBall(torch.from_numpy(center), torch.from_numpy(eps), (0, 1), clip)


@pytest.mark.parametrize("clip", [None, (0.0, 1.0)])
def test_boxes_contain_exact_balls_and_two_units_more_at_most(clip: tuple[float, float] | None) -> None:
    region = ball(0, clip)
    for frame in region.frames:
        lower, upper = region.box(frame)
        for b in range(region.batch):
            eps = Fraction(float(region.eps[b]))
            for f in range(3):
                x = Fraction(float(region.center[b, frame, f]))
                low, high = x - eps, x + eps
                if clip is not None:
                    low, high = max(low, Fraction(clip[0])), min(high, Fraction(clip[1]))
                assert Fraction(float(lower[b, f])) <= low
                assert high <= Fraction(float(upper[b, f]))
                near = [
                    float(np.nextafter(np.nextafter(float(v), s), s))
                    for v, s in ((low, -np.inf), (high, np.inf))
                ]
                assert near[0] <= float(lower[b, f])
                assert float(upper[b, f]) <= near[1]


def test_clipping_is_to_the_valid_range_itself() -> None:
    center = torch.tensor([[[0.0, 1.0, 0.25]]], dtype=torch.float64)
    lower, upper = LinfBall(center, torch.tensor([0.5], dtype=torch.float64), (0,), (0.0, 1.0)).box(0)
    assert lower[0].tolist() == [0.0, np.nextafter(0.5, 0), 0.0]
    assert upper[0].tolist() == [np.nextafter(0.5, 1), 1.0, np.nextafter(0.75, 1)]


def test_projections_are_members_up_to_rounding() -> None:
    region = ball(1, (0.0, 1.0))
    x = torch.from_numpy(np.random.default_rng(2).normal(size=region.center.shape))
    moved = region.project(x)
    assert torch.equal(region.project(moved), moved)
    for frame in region.frames:
        lower, upper = region.box(frame)
        assert bool(((moved[:, frame] >= lower) & (moved[:, frame] <= upper)).all())
    assert torch.equal(region.project(region.center), region.center)


def test_undisturbed_frames_stay() -> None:
    whole = ball(3)
    region = LinfBall(whole.center, whole.eps, (1,))
    x = region.center + 1.0
    assert torch.equal(region.project(x)[:, 0], region.center[:, 0])
    assert not bool(region.contains(x).any())
    moved = region.center.clone()
    moved[:, 0] += 0.5
    assert not bool(region.contains(moved).any())


def test_parts_are_the_rows_they_name() -> None:
    region = ball(4, (0.0, 1.0))
    part, chosen = region.rows(3, 7), region.select(torch.tensor([5, 5, 0]))
    assert torch.equal(part.center, region.center[3:7])
    assert torch.equal(part.eps, region.eps[3:7])
    assert torch.equal(chosen.center, region.center[[5, 5, 0]])
    assert torch.equal(chosen.eps, region.eps[[5, 5, 0]])
    assert part.clip == chosen.clip == region.clip
    assert part.frames == chosen.frames == region.frames


@pytest.mark.parametrize(
    ("eps", "frames", "clip", "message"),
    [
        (-0.1, (0,), None, "eps is finite and at least 0"),
        (float("nan"), (0,), None, "eps is finite and at least 0"),
        (float("inf"), (0,), None, "eps is finite and at least 0"),
        (0.1, (2,), None, "frames are distinct and lie in 0..1"),
        (0.1, (-1,), None, "frames are distinct and lie in 0..1"),
        (0.1, (0, 0), None, "frames are distinct and lie in 0..1"),
        (0.1, (0,), (0.6, 1.0), "valid range"),
    ],
)
def test_what_makes_no_region_is_refused(
    eps: float, frames: tuple[int, ...], clip: tuple[float, float] | None, message: str
) -> None:
    center = torch.full((1, 2, 3), 0.5, dtype=torch.float64)
    with pytest.raises(InvalidInput, match=message):
        LinfBall(center, torch.tensor([eps], dtype=torch.float64), frames, clip)
