"""The POPQORN-style baseline: planes lie on their side everywhere, the fit is the best one, norms are exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from certrnn.analyses import Forward
from certrnn.baselines import METHODS, Popqorn
from certrnn.baselines.popqorn import Envelope, Fit
from certrnn.baselines.popqorn.envelope import highest
from certrnn.domains import Intervals, evaluate
from certrnn.ir import GraphBuilder
from certrnn.regions import L1Ball, L2Ball, LinfBall, Substitutes
from certrnn.specs import Spec, label_spec
from tests.baselines.laws import AnyPlanes, arguments_outside, members, planes_outside
from tests.laws.laws import margins
from tests.laws.networks import FAMILIES, numbers, region
from tests.laws.oracle import Oracle, Points
from tests.laws.test_containment import THREATS, case
from tests.rounding import Summed, coarser, room
from transformers_abs import ALL, PRODUCT, RELU, TANH, Region, Transformer


@pytest.mark.parametrize("fit", [Envelope(), AnyPlanes(0)], ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("transformer", ALL, ids=lambda t: t.name)
def test_planes_lie_on_their_side(transformer: Transformer, fit: Fit) -> None:
    assert planes_outside(transformer, fit) == []


@pytest.mark.parametrize("dimension", [1, 2])
def test_the_fit_is_the_highest_plane(dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    axis = np.linspace(-1.0, 1.0, 7)
    places = axis[:, None] if dimension == 1 else np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    first = [[-1.0], [1.0]] if dimension == 1 else [[-1.0, -1.0], [1.0, -1.0], [0.0, 1.0]]
    places = np.array([*first, *(p for p in places.tolist() if p not in first)])
    values = rng.normal(size=(20, len(places)))
    middle = np.array([0.03, 0.01])[:dimension]
    slopes = highest(values, places, middle, steps=100)
    reached = (values - slopes @ places.T).min(axis=1) + slopes @ middle
    for row, height in zip(values, reached.tolist(), strict=True):
        planes = np.concatenate([np.ones((len(places), 1)), places], axis=1)
        best = linprog([-1.0, *(-middle)], A_ub=planes, b_ub=row, bounds=[(None, None)] * (dimension + 1))
        assert math.isclose(height, -best.fun, rel_tol=1e-7, abs_tol=1e-7)


def test_tangents_and_secants_are_found() -> None:
    """tanh on [0, 1] from below by its secant, from above by its tangent at the middle; relu by its secant."""
    below, above = Envelope()(TANH, Region(np.array([[0.0]]), np.array([[1.0]])))
    assert below[0, 0] == pytest.approx(math.tanh(1.0), abs=1e-6)
    assert above[0, 0] == pytest.approx(math.cosh(0.5) ** -2, abs=2e-2)
    _, above = Envelope()(RELU, Region(np.array([[-1.0]]), np.array([[3.0]])))
    assert above[0, 0] == pytest.approx(0.75, abs=1e-6)


def test_of_two_planes_of_equal_volume_the_flatter_is_taken() -> None:
    """Below x y on [1, 2] x [1, 3], McCormick's planes have slopes (1, 1) and (3, 2)."""
    box = Region(np.array([[1.0], [1.0]]), np.array([[2.0], [3.0]]))
    below, above = Envelope()(PRODUCT, box)
    assert below[:, 0] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert above[:, 0] == pytest.approx([3.0, 1.0], abs=1e-6)


def test_points_that_miss_the_middle_are_refused() -> None:
    with pytest.raises(ValueError, match="odd and at least 3"):
        Envelope(points=(4, 9))


@pytest.mark.parametrize("family", FAMILIES)
def test_any_planes_are_sound(family: str) -> None:
    for seed, threat in enumerate(THREATS):
        oracle, ball = case(family, 0, threat)
        spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
        assert margins(Popqorn(fit=AnyPlanes(seed)), oracle, ball, spec) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_arguments_lie_within_their_backward_bounds(family: str) -> None:
    for threat in THREATS:
        assert arguments_outside(*case(family, 0, threat)) == []


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "overflowing"])
def test_no_margin_is_looser_than_intervals(family: str) -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES[family](rng)
    ball = region(rng, graph, (0, 2), clip=False)
    spec = Spec(numbers(rng, ball.batch, 4, graph.outputs), numbers(rng, ball.batch, 4))
    with coarser():
        floor = Forward(Intervals()).margins(graph, ball, spec)
    assert bool((METHODS["popqorn"]().margins(graph, ball, spec) >= floor).all())


def test_chunks_change_nothing() -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES["lstm"](rng)
    ball = region(rng, graph, (0, 1, 2), clip=True)
    spec = Spec(numbers(rng, ball.batch, 4, graph.outputs), numbers(rng, ball.batch, 4))
    with Summed():
        whole, cut = (Popqorn(memory=memory).margins(graph, ball, spec) for memory in (1 << 29, 1))
    assert torch.equal(whole, cut)


@pytest.mark.parametrize("joint", [False, True], ids=["each frame", "joint"])
@pytest.mark.parametrize("kind", [L1Ball, L2Ball])
@pytest.mark.parametrize("family", ["rnn", "lstm", "gru", "mixed", "cancelling"])
def test_margins_lie_below_exact_margins_in_norm_balls(family: str, kind: type, joint: bool) -> None:
    rng = np.random.default_rng(7)
    graph = FAMILIES[family](rng)
    for frames, clip in (((0, 1, 2), False), ((1, 2), True)):
        plain = region(rng, graph, frames, clip)
        ball = kind(plain.center, plain.eps, frames, plain.clip, joint=joint)
        oracle = Oracle(graph, members(ball, rng, 6))
        spec = Spec(numbers(rng, ball.batch, 5, graph.outputs), numbers(rng, ball.batch, 5))
        assert margins(Popqorn(), oracle, ball, spec) == []


@pytest.mark.parametrize("joint", [False, True], ids=["each frame", "joint"])
@pytest.mark.parametrize(("kind", "dual"), [(L1Ball, math.inf), (L2Ball, 2), (LinfBall, 1)])
def test_linear_networks_are_bounded_by_the_dual_norm(kind: type, dual: float, joint: bool) -> None:
    rng = np.random.default_rng(8)
    builder = GraphBuilder()
    weights = [numbers(rng, 1, 4) for _ in range(2)]
    parts = [builder.affine(w, numbers(rng, 1), builder.input(t, 4)) for t, w in enumerate(weights)]
    graph = builder.build(builder.sum(parts))
    center = numbers(rng, 1, 2, 4)
    eps = torch.tensor([0.3], dtype=torch.float64)
    spec = Spec(torch.ones(1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64))
    still = LinfBall(center, 0.0 * eps, (0, 1))
    at_center = Popqorn().margins(graph, still, spec)
    ball = kind(center, eps, (0, 1)) if kind is LinfBall else kind(center, eps, (0, 1), joint=joint)
    found = Popqorn().margins(graph, ball, spec)
    norms = [float(torch.linalg.vector_norm(w, dual)) for w in weights]
    both = float(torch.linalg.vector_norm(torch.cat(weights), dual)) if joint else sum(norms)
    taken = 0.3 * (sum(norms) if kind is LinfBall else both)
    lost = [float(room(lambda r=r: Popqorn().margins(graph, r, spec))) for r in (still, ball)]
    assert abs(float(at_center - found) - taken) <= sum(lost)


@pytest.mark.parametrize("family", ["rnn", "lstm", "mixed", "cancelling"])
def test_margins_lie_below_exact_margins_among_substitutes(family: str) -> None:
    rng = np.random.default_rng(9)
    graph = FAMILIES[family](rng)
    words = Substitutes(numbers(rng, 2, 3, 2), numbers(rng, 2, 3, 2, 2), (0, 2))
    oracle = Oracle(graph, Points.of(torch.cat([words.members(row) for row in range(2)])))
    spec = Spec(numbers(rng, 2, 9, graph.outputs), numbers(rng, 2, 9))
    assert margins(Popqorn(), oracle, words, spec) == []


def test_linear_networks_are_bounded_by_the_worst_substitute() -> None:
    rng = np.random.default_rng(10)
    builder = GraphBuilder()
    weight = numbers(rng, 3, 4)
    graph = builder.build(builder.affine(weight, numbers(rng, 3), builder.input(0, 4)))
    words = Substitutes(numbers(rng, 1, 1, 4), numbers(rng, 1, 1, 5, 4), (0,))
    spec = Spec(torch.eye(3, dtype=torch.float64)[None], torch.zeros(1, 3, dtype=torch.float64))
    worst = evaluate(graph, words.members(0)).amin(0)
    found, lost = Popqorn().margins(graph, words, spec), room(lambda: Popqorn().margins(graph, words, spec))
    assert bool(((found[0] - worst).abs() <= lost[0]).all())
