"""l2 and l1 balls, radii, boxes and word sets: membership is exact, projections and distances keep to it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.errors import InvalidInput
from certrnn.regions import Box, L1Ball, L2Ball, LinfBall, NormBall, Substitutes

BALLS = [(kind, joint) for kind in (L2Ball, L1Ball) for joint in (False, True)]


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, shape))


def ball(kind: Any, seed: int, joint: bool = False, clip: Any = None, radii: bool = False) -> NormBall:
    """Centers, radii and eps of every scale; two of three frames disturbed."""
    rng = np.random.default_rng(seed)
    center = torch.from_numpy(rng.uniform(0, 1, (60, 3, 4)) * 10.0 ** rng.integers(-12, 1, (60, 3, 4)))
    eps = torch.from_numpy(rng.uniform(0, 1, 60) * 10.0 ** rng.integers(-12, 2, 60) * (rng.random(60) > 0.1))
    own = numbers(seed, 60, 3, 4).abs() * torch.from_numpy(rng.choice([0.0, 1.0, 4.0], (60, 3, 4)))
    return kind(center, eps, (0, 2), clip, own if radii else None, joint)


def exactly_inside(region: NormBall, x: torch.Tensor, row: int) -> bool:
    """The definition once more, in rational arithmetic."""
    sums: dict[int, Fraction] = {}
    for t, (values, centers) in enumerate(zip(x[row].tolist(), region.center[row].tolist(), strict=True)):
        for f, (value, center) in enumerate(zip(values, centers, strict=True)):
            moved = abs(Fraction(value) - Fraction(center))
            radius = Fraction(1) if region.radii is None else Fraction(float(region.radii[row, t, f]))
            if moved and (t not in region.frames or radius == 0):
                return False
            if region.clip and moved and not region.clip[0] <= value <= region.clip[1]:
                return False
            if moved:
                group = 0 if region.joint else t
                sums[group] = sums.get(group, Fraction(0)) + (moved / radius) ** region.order
    return all(total <= Fraction(float(region.eps[row])) ** region.order for total in sums.values())


@pytest.mark.parametrize(("kind", "joint"), BALLS)
@pytest.mark.parametrize("radii", [False, True])
def test_membership_is_exact_next_to_the_sphere(kind: Any, joint: bool, radii: bool) -> None:
    region = ball(kind, 1, joint, None, radii)
    direction = region.project(region.center + 10.0 * numbers(2, *region.center.shape)) - region.center
    seen = set()
    for share in (0.999999, 1.0 + 2.0**-36, 1.0 + 2.0**-35, 1.0 + 1e-6):
        x = region.center + share * direction
        inside = region.contains(x)
        assert inside.tolist() == [exactly_inside(region, x, row) for row in range(region.batch)]
        seen |= set(inside.tolist())
    assert seen == {True, False}


def test_a_point_on_the_sphere_is_a_member_and_its_neighbour_is_not() -> None:
    for kind, point in ((L2Ball, [3.0, 4.0]), (L1Ball, [2.0, -3.0])):
        region = kind(torch.zeros(1, 1, 2).double(), torch.tensor([5.0]).double(), (0,))
        x = torch.tensor([[point]], dtype=torch.float64)
        assert region.contains(x).tolist() == [True]
        assert region.contains(torch.nextafter(x, 2.0 * x)).tolist() == [False]
        assert not bool(region.contains(torch.full_like(x, torch.nan)).any())


@pytest.mark.parametrize("clip", [None, (0.0, 1.0)])
@pytest.mark.parametrize(("kind", "joint"), BALLS)
def test_projections_are_the_nearest_members(kind: Any, joint: bool, clip: Any) -> None:
    region = ball(kind, 3, joint, clip, radii=clip is not None)
    for size in (1e-3, 1.0, 1e9):
        x = region.center + size * numbers(4, *region.center.shape)
        near = region.project(x)
        # the center's own rounding may leave members at the very end of tiny balls
        wide = type(region)(region.center, region.eps * 1.0001 + 1e-15, (0, 2), clip, region.radii, joint)
        assert bool(wide.contains(near).all())
        assert torch.equal(near[:, 1], region.center[:, 1])
        inside = region.contains(x)
        assert torch.equal(near[inside], x[inside])
        assert bool((region.distance(near) <= region.eps * 1.0001 + 1e-9).all())


def test_far_points_of_an_l1_ball_spend_everything_on_the_steepest_feature() -> None:
    region = L1Ball(torch.full((1, 1, 3), 0.5).double(), torch.tensor([1e-6]).double(), (0,))
    moved = region.project(region.center + 1e9 * torch.tensor([[[0.3, -1.0, 0.99]]]).double()) - region.center
    assert torch.allclose(moved, torch.tensor([[[0.0, -1e-6, 0.0]]]).double(), rtol=1e-6, atol=1e-12)
    clipped = L1Ball(region.center, torch.tensor([0.7]).double(), (0,), (0.0, 1.0))
    moved = (
        clipped.project(region.center + 1e9 * torch.tensor([[[0.3, -1.0, 0.99]]]).double()) - region.center
    )
    assert torch.allclose(moved, torch.tensor([[[0.0, -0.5, 0.2]]]).double(), atol=1e-6)


@pytest.mark.parametrize(("kind", "joint"), [*BALLS, (LinfBall, False)])
def test_distances_reach_and_hardly_more(kind: Any, joint: bool) -> None:
    x = numbers(5, 40, 3, 4)
    center, frames, more = numbers(6, 40, 3, 4), (0, 2), (joint,) if kind is not LinfBall else ()
    x[:, 1] = center[:, 1]
    eps = kind(center, torch.ones(40).double(), frames, None, None, *more).distance(x)
    assert bool(kind(center, eps, frames, None, None, *more).contains(x).all())
    assert not bool(kind(center, 0.999999 * eps, frames, None, None, *more).contains(x).any())


def test_radii_of_an_l_inf_ball_are_exact() -> None:
    center, eps = numbers(7, 50, 2, 3), numbers(8, 50).abs()
    radii = numbers(9, 50, 2, 3).abs()
    region = LinfBall(center, eps, (0, 1), None, radii)
    for frame in (0, 1):
        lower, upper = region.box(frame)
        for b in range(50):
            for f in range(3):
                reach = Fraction(float(eps[b])) * Fraction(float(radii[b, frame, f]))
                x = Fraction(float(center[b, frame, f]))
                assert Fraction(float(lower[b, f])) <= x - reach
                assert x + reach <= Fraction(float(upper[b, f]))
    end = region.project(region.center + 10.0)
    inside = [
        all(
            Fraction(v) - Fraction(c) <= Fraction(float(eps[b])) * Fraction(r)
            for v, c, r in zip(*(t[b].flatten().tolist() for t in (end, center, radii)), strict=True)
        )
        for b in range(50)
    ]
    assert region.contains(end).tolist() == inside
    assert len(set(inside)) == 2


def test_word_sets_hold_exactly_their_combinations() -> None:
    center, choices = numbers(10, 2, 3, 2), numbers(11, 2, 3, 2, 2)
    choices[1, 0, 1] = choices[1, 0, 0]  # listed twice
    words = Substitutes(center, choices, (0, 2))
    assert words.counts.tolist() == [9.0, 6.0]
    for row in range(2):
        members = words.members(row)
        assert len({tuple(m.flatten().tolist()) for m in members}) == len(members) == int(words.counts[row])
        assert bool(words.select(torch.full((len(members),), row)).contains(members).all())
        assert torch.equal(members[0], center[row])
    mixed = center.clone()
    mixed[:, 0, 0] = choices[:, 0, 0, 0]  # half of one word
    assert not bool(words.contains(mixed).any())
    assert bool(words.contains(words.project(mixed)).all())


def test_what_makes_no_region_is_refused() -> None:
    center = torch.full((1, 2, 3), 0.5, dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    with pytest.raises(InvalidInput, match=r"building an l2 ball.*radius"):
        L2Ball(center, one, (0,), None, -torch.ones(1, 2, 3).double())
    with pytest.raises(InvalidInput, match=r"building an l1 ball.*valid range"):
        L1Ball(center, one, (0,), (0.6, 1.0))
    with pytest.raises(InvalidInput, match="the center lies between"):
        Box(center, center + 1.0, center + 2.0, (1,))
    with pytest.raises(InvalidInput, match="set of substitutes"):
        Substitutes(center, torch.zeros(1, 2, 4, 2).double(), (0,))
