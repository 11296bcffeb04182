"""Error dynamics of single steps: Jacobians, their means along segments, and their enclosures over boxes."""

from __future__ import annotations

import mpmath
import pytest
import torch

from certrnn.cells import LstmCell, RnnCell
from certrnn.cells.activations import Activation
from certrnn.domains import Interval, Intervals
from certrnn.dynamics import StepMap
from certrnn.dynamics import derivatives as derivatives_module
from certrnn.dynamics.derivatives import partials
from certrnn.dynamics.jacobian import interval_jacobian
from certrnn.dynamics.step import interpret
from certrnn.errors import Unsupported
from certrnn.regions import LinfBall
from tests.dynamics.exact import inside, jacobian
from tests.dynamics.networks import KINDS, random_cell, uniform
from transformers_abs import ALL, RELU, TANH

BATCH = 4


def problem(kind: str, seed: int = 0, gain: float = 1.5) -> tuple[StepMap, torch.Tensor, torch.Tensor]:
    step = StepMap.of(random_cell(seed, kind, gain=gain))
    return step, uniform(seed + 1, BATCH, step.size), uniform(seed + 2, BATCH, step.features)


@pytest.mark.parametrize("kind", KINDS)
def test_jacobians_are_those_of_the_cells_definitions(kind: str) -> None:
    step, state, x = problem(kind)
    by_state, by_frame = step.jacobians(state, x)
    with mpmath.workdps(40):
        for k in range(BATCH):
            exact = jacobian(step.cell, state[k].tolist(), x[k].tolist())
            ours = torch.cat([by_state[k], by_frame[k]], dim=1).tolist()
            assert max(abs(exact[i, j] - v) for i, row in enumerate(ours) for j, v in enumerate(row)) < 1e-13


@pytest.mark.parametrize("kind", KINDS)
def test_error_dynamics_are_an_identity(kind: str) -> None:
    """``f(h1 + e, x + d) - f(h1, x) = A e + B d`` (eq. 13), with any Delta."""
    step, state, x = problem(kind)
    error, disturbance = 3.0 * uniform(5, BATCH, step.size), 2.0 * uniform(6, BATCH, step.features)
    for delta in (1.0, 0.1):
        a, b = step.error_matrices(state, error, x, disturbance, delta)
        left = (step(state + error, x + disturbance) - (state + error) - (step(state, x) - state)) / delta
        right = torch.einsum("bij,bj->bi", a, error) + torch.einsum("bij,bj->bi", b, disturbance)
        assert float((left - right).abs().max()) < 1e-11 / delta


def test_the_misprinted_gradient_breaks_the_identity() -> None:
    """Eq. (13) prints grad_x first; with as many features as states that has a meaning: a wrong one."""
    step = StepMap.of(random_cell(0, "RNN", features=3, hidden=3))
    state, error, x = uniform(1, BATCH, 3), uniform(2, BATCH, 3), uniform(3, BATCH, 3)
    misprinted = step.jacobians(state + 0.5 * error, x)[1] - torch.eye(3)
    difference = step(state + error, x) - step(state, x) - error
    assert float((torch.einsum("bij,bj->bi", misprinted, error) - difference).abs().max()) > 0.1


def test_the_closed_form_is_the_integral() -> None:
    step, state, x = problem("RNN")
    for size in (2.0, 1e-3, 1e-9, 0.0):
        error = size * uniform(5, BATCH, step.size)
        closed = step.secant_matrix(state, error, x, delta=0.5)
        summed = step.error_matrices(state, error, x, torch.zeros_like(x), delta=0.5)[0]
        assert float((closed - summed).abs().max()) < 1e-11


def test_the_closed_form_is_for_tanh_cells() -> None:
    step, state, x = problem("GRU")
    with pytest.raises(Unsupported, match="vanilla tanh"):
        step.secant_matrix(state, state, x)


def enclosed(step: StepMap, state: Interval, x: Interval) -> list[tuple[torch.Tensor, torch.Tensor]]:
    batch = len(x.lower)
    run = Intervals().start(LinfBall(torch.zeros(batch, 1, 1).double(), torch.zeros(batch).double(), ()))
    lower, upper = (e.split(step.cell.hidden, dim=1) for e in (state.lower, state.upper))
    boxes: list[tuple[torch.Tensor, torch.Tensor]] = []
    inputs = [Interval(a, b) for a, b in zip(lower, upper, strict=True)]
    interpret(step.graph, run, [*inputs, x], lambda _, value: boxes.append(run.bounds(value)))
    return boxes


def violations(kind: str, widths: tuple[float, ...] = (0.0, 1e-9, 0.01, 0.5), gain: float = 1.5) -> int:
    """How many exact Jacobians at points of boxes lie outside of the enclosures over the boxes."""
    step, state, x = problem(kind, gain=gain)
    found = 0
    for width in widths:
        ends = [Interval(v - width, v + width) for v in (state, x)]
        boxes = enclosed(step, *ends)
        frames = tuple(range(step.cell.states + 1))
        whole = interval_jacobian(step.graph, boxes, frames)
        for corner in (-1.0, 0.0, 1.0):
            at, frame = state + corner * width, x + corner * width
            at = torch.minimum(torch.maximum(at, ends[0].lower), ends[0].upper)
            frame = torch.minimum(torch.maximum(frame, ends[1].lower), ends[1].upper)
            for k in range(BATCH):
                exact = jacobian(step.cell, at[k].tolist(), frame[k].tolist())
                found += not inside(whole.lower[k], whole.upper[k], exact)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_enclosures_hold_every_exact_jacobian(kind: str) -> None:
    with mpmath.workdps(50):
        assert violations(kind) == 0
        assert violations(kind, gain=20.0) == 0  # saturated gates


@pytest.mark.parametrize("kind", KINDS)
def test_enclosures_hold_the_means_along_segments(kind: str) -> None:
    step, state, x = problem(kind)
    error = 0.5 * uniform(5, BATCH, step.size)
    ends = Interval(torch.minimum(state, state + error), torch.maximum(state, state + error))
    boxes = enclosed(step, ends, Interval(x, x))
    whole = interval_jacobian(step.graph, boxes, tuple(range(step.cell.states)))
    mean = step.error_matrices(state, error, x, torch.zeros_like(x))[0] + torch.eye(step.size)
    assert bool(whole.contains(mean).all())


def _no_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivatives_module, "outward", lambda lower, upper: (lower, upper))
    monkeypatch.setattr("certrnn.dynamics.intervals.outward", lambda lower, upper: (lower, upper))
    monkeypatch.setattr("certrnn.dynamics.intervals.up", lambda value, _: value)
    monkeypatch.setattr("certrnn.dynamics.intervals.gamma", lambda _: 0.0)


def _slope_at_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest slope is sought at the ends of the box, although zero lies between them."""

    def slope(factor: str, lower: torch.Tensor, upper: torch.Tensor) -> derivatives_module.Range:
        at = derivatives_module._slope_at
        if factor == "identity":
            return torch.ones_like(lower), torch.ones_like(lower)
        ends = [at(factor, e.abs()) for e in (lower, upper)]
        return torch.minimum(ends[0][0], ends[1][0]), torch.maximum(ends[0][1], ends[1][1])

    monkeypatch.setattr(derivatives_module, "_slope", slope)


def _center_only(monkeypatch: pytest.MonkeyPatch) -> None:
    real = derivatives_module.partials

    def at_center(
        transformer: object, arguments: list[derivatives_module.Range]
    ) -> list[derivatives_module.Range]:
        return real(transformer, [(0.5 * (a + b),) * 2 for a, b in arguments])  # type: ignore[arg-type]

    monkeypatch.setattr("certrnn.dynamics.jacobian.partials", at_center)


@pytest.mark.parametrize("mutant", [_no_rounding, _slope_at_the_ends, _center_only])
def test_planted_errors_are_caught(mutant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)  # type: ignore[operator]
    with mpmath.workdps(50):
        assert sum(violations(kind) for kind in KINDS) > 0


CELLS = ("tanh", "sigmoid", "relu", "leaky_relu", "sigmoid_tanh", "mul_sigmoid", "product")
"""Functions that recurrent cells are made of."""


def test_functions_of_other_networks_are_refused_by_name() -> None:
    interval = (torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64))
    for transformer in ALL:
        if transformer.name not in CELLS:
            with pytest.raises(Unsupported, match=transformer.name):
                partials(transformer, [interval] * transformer.arity)


def test_every_function_of_a_cell_has_derivatives() -> None:
    """Difference quotients of points of a box lie between the ends of the derivatives, one argument at a time."""
    for transformer in (one for one in ALL if one.name in CELLS):
        lower = [3.0 * uniform(7 + k, 40) for k in range(transformer.arity)]
        upper = [low + 2.0 * uniform(17 + k, 40).abs() for k, low in enumerate(lower)]
        slopes = partials(transformer, list(zip(lower, upper, strict=True)))
        for k in range(transformer.arity):
            a = [low + 0.3 * (up - low) for low, up in zip(lower, upper, strict=True)]
            b = list(a)
            b[k] = lower[k] + 0.9 * (upper[k] - lower[k])
            gap = (b[k] - a[k]).clamp_min(1e-3)
            b[k] = a[k] + gap
            rise = (transformer.value(*b, xp=torch) - transformer.value(*a, xp=torch)) / gap
            wide = b[k] <= upper[k]
            assert bool((rise[wide] >= slopes[k][0][wide] - 1e-9).all())
            assert bool((rise[wide] <= slopes[k][1][wide] + 1e-9).all())


def test_kinks_have_both_slopes() -> None:
    lower = torch.tensor([-1.0, 0.0, 0.5, -2.0], dtype=torch.float64)
    upper = torch.tensor([1.0, 1.0, 2.0, -1.0], dtype=torch.float64)
    ((low, high),) = partials(RELU, [(lower, upper)])
    assert low.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert high.tolist() == [1.0, 1.0, 1.0, 0.0]


def test_nothing_is_claimed_beyond_the_range_of_numbers() -> None:
    wide = torch.full((1,), torch.inf, dtype=torch.float64)
    ((low, high),) = partials(TANH, [(-wide, wide)])
    assert float(low) <= 0.0
    assert float(high) >= 1.0


def test_functions_without_known_derivatives_are_refused() -> None:
    class Odd:
        name = "odd"

    with pytest.raises(Unsupported, match="odd"):
        partials(Odd(), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "activation", [Activation("Relu"), Activation("LeakyRelu", 0.3), Activation("HardSigmoid", 0.2, 0.5)]
)
def test_other_activations_have_jacobians(activation: Activation) -> None:
    plain = random_cell(0, "RNN")
    assert isinstance(plain, RnnCell)
    step = StepMap.of(RnnCell(plain.gates, activation))
    state, x = uniform(1, BATCH, 3), uniform(2, BATCH, 2)
    boxes = enclosed(step, Interval(state - 0.1, state + 0.1), Interval(x, x))
    whole = interval_jacobian(step.graph, boxes, (0,))
    assert bool(whole.contains(step.jacobians(state, x)[0]).all())


def test_peepholes_are_differentiated() -> None:
    plain = random_cell(0, "LSTM")
    assert isinstance(plain, LstmCell)
    step = StepMap.of(LstmCell(plain.gates, plain.activations, uniform(3, 3, 3), coupled=True))
    state, x = uniform(1, BATCH, 6), uniform(2, BATCH, 2)
    boxes = enclosed(step, Interval(state - 0.1, state + 0.1), Interval(x, x))
    whole = interval_jacobian(step.graph, boxes, (0, 1))
    assert bool(whole.contains(step.jacobians(state, x)[0]).all())
