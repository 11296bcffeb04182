"""Conditions over the cube and over reachable tubes: what they claim is true of sampled and simulated states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from certrnn.cells import Cell, RnnCell
from certrnn.dynamics import CANNOT_TELL, FAILS, HOLDS, Finding, Layer, LayerReport, examine
from certrnn.dynamics.conditions import theorem_one
from certrnn.dynamics.divergence import trajectory
from certrnn.dynamics.enclosure import Enclosure
from certrnn.regions import LinfBall
from tests.dynamics.networks import KINDS, expanding_gru, expanding_rnn, layer, random_cell, uniform

FRAMES = 5


def ball(x: torch.Tensor, eps: float, frames: tuple[int, ...] = tuple(range(FRAMES))) -> LinfBall:
    return LinfBall(x, torch.tensor([eps], dtype=torch.float64), frames)


def report(cell: Cell, eps: float, x: torch.Tensor | None = None, frames: int = FRAMES) -> LayerReport:
    recurrence, graph = layer(cell, frames)
    given = torch.zeros(1, frames, 2, dtype=torch.float64) if x is None else x
    return examine(recurrence, graph, ball(given, eps, tuple(range(frames))))


def finding(found: LayerReport, condition: str, over: str) -> Finding:
    (one,) = (f for f in found.findings if f.condition == condition and f.over == over)
    return one


@pytest.mark.parametrize("cell", [expanding_rnn(), expanding_gru()], ids=["RNN", "GRU"])
def test_the_tube_condition_holds_where_the_cube_condition_fails(cell: Cell) -> None:
    found = report(cell, eps=1e-3)
    tube, cube = finding(found, "Theorem 1", "tube"), finding(found, "Theorem 1", "cube")
    assert (tube.verdict, cube.verdict) == (HOLDS, FAILS)
    assert tube.at_most is not None
    assert tube.at_most < -0.4
    assert finding(found, "Theorem 3", "tube").verdict == HOLDS
    assert found.divergence is not None
    assert found.divergence.monotone
    assert found.divergence.growth >= found.divergence.certified > 3.0
    assert found.divergence.pushed > 0.9 * found.divergence.last


def test_the_corrected_example_holds_over_the_tube_and_never_over_the_cube() -> None:
    found = report(expanding_rnn(), eps=1e-3)
    assert finding(found, "Example 1, corrected", "tube").verdict == HOLDS
    for gain in (0.5, 2.0, 30.0):
        assert finding(report(expanding_rnn(gain), 1e-3), "Example 1, corrected", "cube").verdict == FAILS


def erratum_cell() -> RnnCell:
    return RnnCell.of(np.ones((1, 1)), np.array([[5.0]]), np.array([-1.0]), np.zeros(1))


def test_the_printed_condition_is_not_sufficient() -> None:
    """One unit, U = 5, W x + b = -1: the printed inequality reads 9.8 < 10, yet ``mu(-A)`` is nearly 1 at h = -1."""
    recurrence, graph = layer(erratum_cell(), FRAMES, features=1)
    found = examine(recurrence, graph, ball(torch.zeros(1, FRAMES, 1, dtype=torch.float64), 1e-3))
    printed = finding(found, "Example 1, as printed", "cube")
    assert printed.verdict == HOLDS
    assert printed.at_most == pytest.approx(9.8 - 10.0)
    assert "not sufficient" in printed.note
    assert finding(found, "Theorem 1", "cube").verdict == FAILS
    assert finding(found, "Example 1, corrected", "cube").verdict == FAILS
    exact = 1.0 - 5.0 / math.cosh(5.0 * -1.0 - 1.0) ** 2  # mu(-A) at h = -1, in any norm: there is one unit
    assert exact > 0.99
    assert math.cosh(5.0 * -1.0 - 1.0) ** 2 > 5.0


def test_the_printed_condition_passes_any_strongly_negative_bias() -> None:
    found = report(expanding_rnn(gain=2.0, bias=-50.0), 1e-3)
    assert finding(found, "Example 1, as printed", "cube").verdict == HOLDS
    assert finding(found, "Theorem 1", "cube").verdict == FAILS
    assert finding(found, "Theorem 1", "tube").verdict == FAILS  # saturated states stay where they are
    assert found.divergence is None


def sampled(found: Enclosure, shown: Layer, region: LinfBall, count: int = 40) -> tuple[int, int]:
    """How many simulated states and Jacobians along segments were outside of the enclosures, and how many looked at."""
    jacobians, (lower, upper) = found.by_state(), found.state()
    start = shown.states[0][0]
    nominal = trajectory(shown, start, region.center)
    outside = looked = 0
    for k in range(count):
        noise = uniform(k, *region.center.shape)
        x = region.project(region.center + float(region.eps) * (noise.sign() if k % 2 else noise))
        moved = trajectory(shown, start, x)
        for row, step in enumerate(found.times):
            share = (k % 5) / 4.0
            state = nominal[step] + share * (moved[step] - nominal[step])
            inside = bool(((lower[row] <= state) & (state <= upper[row])).all())
            mean = shown.step.error_matrices(
                nominal[step], moved[step] - nominal[step], region.center[:, step], x[:, step] * 0
            )[0]
            mean = mean + torch.eye(shown.step.size)
            outside += not inside
            outside += not bool(jacobians.part(row).contains(mean).all())
            looked += 1
    return outside, looked


@pytest.mark.parametrize("kind", KINDS)
def test_tubes_hold_simulated_states_and_their_jacobians(kind: str) -> None:
    recurrence, graph = layer(random_cell(3, kind, gain=1.2), FRAMES)
    region = ball(uniform(8, 1, FRAMES, 2), 0.1, (1, 2, 4))
    shown = Layer.of(recurrence, graph, region.center)
    tube = shown.tube(region)
    assert tube.times == (2, 3, 4)  # the states before these steps can have changed
    assert sampled(tube, shown, region, 6) == (0, 18)


def test_an_enclosure_of_the_nominal_states_alone_is_caught() -> None:
    recurrence, graph = layer(random_cell(3, "GRU", gain=1.2), FRAMES)
    region = ball(uniform(8, 1, FRAMES, 2), 0.1)
    shown = Layer.of(recurrence, graph, region.center)
    times = shown.tube(region).times
    assert sampled(shown.nominal(times), shown, region, 4)[0] > 0


def claims_refuted(tube: Enclosure, shown: Layer, region: LinfBall) -> bool:
    """Theorem 1 is claimed over ``tube``, although some reachable e has ``mu_inf(-A) >= 0``."""
    claim = [m for m in theorem_one(tube, [], fitted=False) if m.verdict == HOLDS and str(m.norm) == "inf"]
    worst = -math.inf
    start = shown.states[0][0]
    nominal = trajectory(shown, start, region.center)
    for k in range(20):
        moved = trajectory(
            shown,
            start,
            region.project(region.center + float(region.eps) * uniform(k, *region.center.shape).sign()),
        )
        for step in tube.times:
            a = shown.step.secant_matrix(nominal[step], moved[step] - nominal[step], region.center[:, step])[
                0
            ]
            off = a.abs().sum(1) - a.diagonal().abs()
            worst = max(worst, float((off - a.diagonal()).max()))
    return bool(claim) and worst >= 0.0


def test_a_condition_evaluated_at_the_center_is_caught() -> None:
    """At the nominal states the condition holds; some way off the units saturate, and it does not."""
    recurrence, graph = layer(expanding_rnn(), FRAMES)
    region = ball(torch.zeros(1, FRAMES, 2, dtype=torch.float64), 0.5)
    shown = Layer.of(recurrence, graph, region.center)
    tube = shown.tube(region)
    assert claims_refuted(shown.nominal(tube.times), shown, region)
    assert not claims_refuted(tube, shown, region)
    assert report(expanding_rnn(), eps=0.5).divergence is None


def test_between_holding_and_failing_nobody_can_tell() -> None:
    found = report(expanding_rnn(), eps=0.3)
    tube = finding(found, "Theorem 1", "tube")
    assert tube.verdict == CANNOT_TELL
    assert tube.at_least is not None
    assert tube.at_most is not None
    assert tube.at_least < 0 <= tube.at_most


def test_assumption_one_is_about_rank() -> None:
    holds = finding(report(expanding_rnn(), 1e-3), "Assumption 1", "tube")
    assert holds.verdict == HOLDS
    wide = RnnCell.of(uniform(1, 3, 2).numpy(), np.eye(3), np.zeros(3), np.zeros(3))
    fails = finding(report(wide, 1e-3), "Assumption 1", "tube")
    assert (fails.verdict, fails.note) == (FAILS, "3 states, 2 features")
    dull = RnnCell.of(np.ones((2, 2)), 2.0 * np.eye(2), np.zeros(2), np.zeros(2))
    found = report(dull, 1e-3)
    assert finding(found, "Assumption 1", "tube").verdict == CANNOT_TELL
    assert finding(found, "Theorem 1", "tube").verdict == HOLDS
    assert finding(found, "Theorem 3", "tube").verdict == CANNOT_TELL


def test_assumption_one_fails_near_the_nominal_state_where_features_are_fewer() -> None:
    """A zero of ``e -> B(e, 0)^T e`` other than 0, found by Newton steps: three states, two features."""
    shown = Layer.of(*layer(random_cell(3, "GRU"), FRAMES), uniform(8, 1, FRAMES, 2))
    state, x = shown.states[2][0], shown.frames[2][0]

    def value(e: torch.Tensor) -> torch.Tensor:
        return shown.step.jacobians(state + e, x)[1][0].T @ e[0]

    kernel = torch.linalg.svd(shown.step.jacobians(state, x)[1][0].T).Vh[-1]
    e = (0.05 * kernel)[None]
    for _ in range(30):
        base = value(e)
        slope = torch.stack([(value(e + 1e-6 * torch.eye(3)[k]) - base) / 1e-6 for k in range(3)], dim=1)
        e = e - (torch.linalg.pinv(slope) @ base)[None]
    assert float(value(e).abs().max()) < 1e-10
    assert float(e.abs().max()) > 0.01
    found = report(random_cell(3, "GRU"), 1e-3, uniform(8, 1, FRAMES, 2))
    assert finding(found, "Assumption 1", "tube").verdict == FAILS


def test_the_last_frame_alone_leaves_nothing_to_say() -> None:
    recurrence, graph = layer(expanding_rnn(), FRAMES)
    region = ball(torch.zeros(1, FRAMES, 2, dtype=torch.float64), 1e-3, (FRAMES - 1,))
    found = examine(recurrence, graph, region)
    assert [f.verdict for f in found.findings] == [CANNOT_TELL]
    assert found.steps == ()


def test_cubes_hold_every_state() -> None:
    for kind in KINDS:
        recurrence, graph = layer(random_cell(3, kind, gain=5.0), FRAMES)
        shown = Layer.of(recurrence, graph, uniform(8, 1, FRAMES, 2))
        cube = shown.cube((1, 2, 3, 4))
        assert cube is not None
        lower, upper = cube.state()
        for k in range(20):
            states = trajectory(shown, shown.states[0][0], 10.0 * uniform(k, 1, FRAMES, 2))
            for row, step in enumerate(cube.times):
                assert bool(((lower[row] <= states[step]) & (states[step] <= upper[row])).all())


def test_unbounded_states_have_no_cube() -> None:
    from certrnn.cells.activations import Activation

    plain = expanding_rnn()
    found = report(RnnCell(plain.gates, Activation("Relu")), 1e-3)
    assert next((f.verdict, f.over) for f in found.findings) == (CANNOT_TELL, "cube")


def test_the_last_error_keeps_within_groenwalls_bound() -> None:
    for kind in KINDS:
        cell = random_cell(3, kind)
        recurrence, graph = layer(cell, FRAMES)
        region = ball(uniform(8, 1, FRAMES, 2), 0.05, (0, 1, 3))
        bound = examine(recurrence, graph, region).error_bound
        assert bound is not None
        shown = Layer.of(recurrence, graph, region.center)
        start = shown.states[0][0]
        nominal = trajectory(shown, start, region.center)[-1]
        reached = 0.0
        for k in range(50):
            x = region.project(region.center + uniform(k, *region.center.shape).sign())
            reached = max(reached, float((trajectory(shown, start, x)[-1] - nominal).abs().max()))
        assert 0.001 < reached <= bound
