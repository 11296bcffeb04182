"""Attacks on sequences that are still arriving: causal, of constant work a step, and what the paper says of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from certrnn.attacks import (
    CausalAttack,
    CausalSystem,
    Confidence,
    Distance,
    DynamicFixedPoint,
    FixedPoint,
    GradientSign,
    LinfLimits,
    Lyapunov,
    Margin,
    OptimalControl,
    Target,
)
from certrnn.attacks.attack import select
from certrnn.attacks.fixed_point import Mean
from certrnn.attacks.online import Feedback, Moment
from certrnn.cells import Cell, GruCell, LstmCell, RnnCell, unroll
from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.attacks.cases import cases, uniform
from tests.rounding import Summed, evaluation_room
from transformers_abs.rounding import ULP

CAUSAL: tuple[CausalAttack, ...] = tuple(
    attack
    for v in (Margin(), Confidence(), Distance())
    for attack in (GradientSign(v), FixedPoint(v, rounds=6), DynamicFixedPoint(v))
)
HIDDEN, FEATURES, SCORES = 5, 2, 3


def cell(kind: str, features: int = FEATURES, seed: int = 0) -> Cell:
    rng = np.random.default_rng(seed)
    rows = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind] * HIDDEN
    shapes = (rows, features), (rows, HIDDEN), (rows,), (rows,)
    make = {"RNN": RnnCell.of, "LSTM": LstmCell.of, "GRU": GruCell.of}[kind]
    return make(*(1.2 * rng.uniform(-1, 1, s) for s in shapes))


def network(kind: str, frames: int) -> Graph:
    """One or two layers and a linear head; ``bidirectional`` and ``mean`` read more than the last state."""
    builder = GraphBuilder()
    inputs = [builder.input(t, FEATURES) for t in range(frames)]
    first = cell("GRU" if kind in ("bidirectional", "mean", "stacked") else kind)
    none = (None,) * first.states
    layer = [s[0] for s in unroll(builder, first, inputs, none)]
    outputs = [layer[-1]]
    if kind == "stacked":
        second = cell("LSTM", HIDDEN, seed=1)
        outputs = [unroll(builder, second, [p for p in layer if p is not None], (None, None))[-1][0]]
    elif kind == "mean":
        outputs = [builder.sum([p for p in layer if p is not None], [1.0 / frames] * frames)]
    elif kind == "bidirectional":
        outputs.append(unroll(builder, cell("GRU", seed=2), inputs, none, reverse=True)[0][0])
    sources = [p for p in outputs if p is not None]
    joined = builder.gather(sources, np.arange(HIDDEN * len(sources)))
    weight = uniform(9, SCORES, HIDDEN * len(sources))
    return builder.build(builder.affine(weight, torch.zeros(SCORES, dtype=torch.float64), joined))


def answered(graph: Graph, x: torch.Tensor) -> Spec:
    return label_spec(evaluate(graph, x).argmax(dim=1), SCORES)


def same_scores(scores: torch.Tensor, graph: Graph, x: torch.Tensor) -> bool:
    """Scores are those of the graph at ``x``, but for the order of summation."""
    eye = torch.eye(SCORES, dtype=x.dtype).expand(len(x), -1, -1)
    lost = evaluation_room(graph, x, Spec(eye, eye[:, 0] * 0.0))
    return bool(((scores - evaluate(graph, x)).abs() <= lost).all())


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "stacked"])
def test_a_short_graph_serves_sequences_of_every_length(kind: str) -> None:
    x = uniform(1, 4, 9, FEATURES)
    for template in (3, 9):
        system, state = CausalSystem(network(kind, template)), ()
        for t in range(9):
            scores = system.scores(state, x[:, t], t)
            assert same_scores(scores, network(kind, t + 1), x[:, : t + 1])
            state = system.advance(t, state, x[:, t])


@pytest.mark.parametrize("kind", ["mean", "bidirectional"])
def test_the_last_step_is_the_graphs_own(kind: str) -> None:
    graph, x, state = network(kind, 4), uniform(1, 4, 4, FEATURES), ()
    system = CausalSystem(graph)
    for t in range(3):
        assert bool(torch.isfinite(system.scores(state, x[:, t], t)).all())
        state = system.advance(t, state, x[:, t])
    assert same_scores(system.scores(state, x[:, 3], 3), graph, x)


def looks_ahead(attack: CausalAttack, graph: Graph, x: torch.Tensor) -> bool:
    """Some perturbed frame changes where only later frames of the sequence do."""
    frames = x.shape[1]
    spec = answered(graph, x)

    def perturbed(sequence: torch.Tensor) -> torch.Tensor:
        region = LinfBall(sequence, torch.full((len(x),), 0.3, dtype=torch.float64), tuple(range(frames)))
        return attack(graph, region, spec).x

    base = perturbed(x)
    for t in range(frames - 1):
        later = x.clone()
        later[:, t + 1 :] = 3.0 * uniform(50 + t, *later[:, t + 1 :].shape)
        if not torch.equal(perturbed(later)[:, : t + 1], base[:, : t + 1]):
            return True
    return False


@pytest.mark.parametrize("attack", CAUSAL, ids=lambda a: f"{type(a).__name__}-{type(a.lyapunov).__name__}")
@pytest.mark.parametrize("kind", ["RNN", "mean"])
def test_frames_to_come_change_nothing(attack: CausalAttack, kind: str) -> None:
    assert not looks_ahead(attack, network(kind, 4), uniform(2, 2, 4, FEATURES))


@dataclass(frozen=True, eq=False)
class Clairvoyant(CausalAttack):
    """A planted error: the gradient of the final margin, which later frames enter."""

    whole: torch.Tensor = field(default_factory=lambda: torch.zeros(0))

    def feedback(self) -> Feedback:
        raise AssertionError("run is replaced")

    def run(self, graph: Graph, region: LinfBall, spec: Spec) -> torch.Tensor:  # pyright: ignore
        leaf = region.center.clone().requires_grad_()
        (slope,) = torch.autograd.grad(spec.margins(evaluate(graph, leaf)).amin(1).sum(), leaf)
        return region.project(region.center - 1e9 * slope.sign())


def test_an_acausal_attack_is_caught() -> None:
    assert looks_ahead(Clairvoyant(), network("GRU", 4), uniform(2, 2, 4, FEATURES))


@pytest.mark.parametrize("attack", CAUSAL[:3], ids=lambda a: type(a).__name__)
def test_online_and_whole_sequence_are_one_attack(attack: CausalAttack) -> None:
    graph, x = network("LSTM", 7), uniform(2, 2, 7, FEATURES)
    spec = answered(graph, x)
    region = LinfBall(x, torch.full((2,), 0.2, dtype=torch.float64), tuple(range(7)), (-1.0, 1.0))
    online = attack.start(network("LSTM", 3), 0.2, spec, clip=(-1.0, 1.0))
    with Summed():  # the sign of a disturbance may hang on a last digit
        frames = torch.stack([online.step(x[:, t]) for t in range(7)], dim=1)
        whole = attack(graph, region, spec).x
    # a frame at the end of its range is rounded into the region, by one operation on frame and radius
    assert bool(((frames - whole).abs() <= ULP * (x.abs() + 0.2)).all())
    assert bool((frames != x).any())


@pytest.mark.parametrize("attack", CAUSAL[:3], ids=lambda a: type(a).__name__)
def test_the_work_of_a_step_does_not_grow(attack: CausalAttack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames times Jacobians evaluated, counted in the system: the same for the 5th and the 60th frame."""
    work = [0]
    real = CausalSystem._evaluated

    def counted(
        self: CausalSystem, step: int, given: dict[int, torch.Tensor], x: torch.Tensor
    ) -> dict[int, torch.Tensor]:
        values = real(self, step, given, x)
        work[0] += sum(v.numel() for v in values.values())
        return values

    monkeypatch.setattr(CausalSystem, "_evaluated", counted)
    x = uniform(3, 1, FEATURES)
    online = attack.start(network("GRU", 3), 0.1, answered(network("GRU", 3), uniform(2, 1, 3, FEATURES)))
    spent = []
    for _ in range(60):
        before = work[0]
        online.step(x)
        spent.append(work[0] - before)
    if not isinstance(attack, FixedPoint):  # its rounds end when the fixed point is found
        assert len(set(spent[5:])) == 1
    assert max(spent[5:]) <= 60 * min(spent[5:])


def moments(lyapunov: Lyapunov, kind: str = "GRU", eps: float = 0.2) -> list[Moment]:
    """What an attack sees along a perturbed sequence."""
    graph, x = network(kind, 6), uniform(4, 5, 6, FEATURES)
    seen: list[Moment] = []

    class Watching(Feedback):
        def disturb(self, moment: Moment) -> torch.Tensor:
            seen.append(moment)
            return eps * torch.sign(moment.pull_back(moment.direction(), torch.zeros_like(moment.x)[None])[0])

    @dataclass(frozen=True, eq=False)
    class Watcher(CausalAttack):
        def feedback(self) -> Feedback:
            return Watching()

    online = Watcher(lyapunov).start(graph, eps, answered(graph, x))
    for t in range(6):
        online.step(x[:, t])
    return seen


@pytest.mark.parametrize("lyapunov", [Margin(), Distance()], ids=lambda v: type(v).__name__)
def test_the_fixed_point_is_one(lyapunov: Lyapunov) -> None:
    """``d = alpha B(t, e, d)^T v`` (eq. 16), to the tolerance of the rounds."""
    attack = FixedPoint(lyapunov, alpha=0.02, tolerance=1e-10)
    for moment in moments(lyapunov)[1:]:
        d = attack.feedback().disturb(moment)
        again = 0.02 * Mean()(moment, moment.direction(), d)
        assert bool((d.abs() < moment.extent).all())
        assert float((d - again).abs().max()) < 1e-9


def test_mean_matrices_are_those_of_the_difference() -> None:
    """``v^T (F(h2, x + d) - F(h2, x)) = (B^T v) . d``: the defining identity of B."""
    for moment in moments(Distance())[1:]:
        v, d = moment.direction(), uniform(5, *moment.x.shape)
        left = (
            (moment.observe(moment.state, moment.x + d) - moment.observe(moment.state, moment.x)) * v
        ).sum(1)
        right = (Mean(nodes=12)(moment, v, d) * d).sum(1)
        torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def test_the_two_disturbances_agree_in_sign_for_small_gains() -> None:
    """Proposition 2."""
    for moment in moments(Distance())[1:]:
        small = FixedPoint(Distance(), alpha=1e-6).feedback().disturb(moment)
        step = GradientSign(Distance()).feedback().disturb(moment)
        assert torch.equal(small.sign(), step.sign())


def test_the_fixed_point_drives_the_error_apart() -> None:
    """``v^T B d = alpha |B^T v|^2 > 0`` (eq. 17)."""
    attack = FixedPoint(Distance(), alpha=0.05)
    for moment in moments(Distance())[1:]:
        d, v = attack.feedback().disturb(moment), moment.direction()
        assert bool(((Mean()(moment, v, d) * d).sum(1) > 0).all())


def test_the_dynamic_disturbance_tends_to_the_fixed_point() -> None:
    """Theorem 2 with everything else held: the equation's solution settles on eq. (16)."""
    moment = moments(Distance())[3]
    feedback = DynamicFixedPoint(
        Distance(), alpha=0.02, epsilon=0.5, initial=uniform(6, *moment.x.shape)
    ).feedback()
    gaps = []
    goal = FixedPoint(Distance(), alpha=0.02, tolerance=1e-12).feedback().disturb(moment)
    for _ in range(12):
        gaps.append(float((feedback.disturb(moment) - goal).abs().max()))
    assert gaps[-1] < 1e-6 * gaps[0]


def test_targets_are_approached() -> None:
    graph, x = network("GRU", 6), uniform(7, 10, 6, FEATURES)
    wanted = (evaluate(graph, x).argmax(1) + 1) % SCORES
    before = evaluate(graph, x).log_softmax(1).gather(1, wanted[:, None])
    for attack in (
        GradientSign(Target(wanted)),
        FixedPoint(Target(wanted), rounds=5),
        DynamicFixedPoint(Target(wanted)),
    ):
        online = attack.start(graph, 0.5)
        moved = torch.stack([online.step(x[:, t]) for t in range(6)], dim=1)
        assert float((moved - x).abs().max()) <= 0.5 + 1e-12
        scores = evaluate(graph, moved)
        assert float((scores.log_softmax(1).gather(1, wanted[:, None]) - before).mean()) > 0.05


def test_targets_of_one_score_are_classes_0_and_1() -> None:
    score = torch.tensor([[2.0], [2.0]], dtype=torch.float64)
    spec = Spec(torch.zeros(0, 0, 0), torch.zeros(0, 0))
    v = Target(torch.tensor([1, 0])).direction(score, score, spec)
    assert v[0, 0] > 0 > v[1, 0]


def test_a_confidence_above_the_threshold_gives_no_direction() -> None:
    scores = torch.tensor([[9.0, 0.0, 0.0], [0.1, 0.0, 0.0]], dtype=torch.float64)
    spec = label_spec(torch.tensor([0, 0]), 3)
    v = Confidence(0.9).direction(scores, scores, spec)
    assert not bool(v[0].any())
    assert v[1, 0] < 0
    p = scores.softmax(1)[:, 0]
    torch.testing.assert_close(Confidence().value(scores, scores, spec), (1 - p).square(), rtol=1e-9, atol=0)


def clipped() -> tuple[Graph, LinfBall, Spec]:
    """Two regions whose violations are easy and hard to find."""
    case, rows = cases()[2], torch.tensor([2, 4])
    return case.graph, case.region.select(rows), select(case.spec, rows)


def test_both_optimal_controls_beat_the_greedy_step() -> None:
    graph, region, spec = clipped()
    greedy = GradientSign()(graph, region, spec).margin
    for attack in (OptimalControl(limit=0), OptimalControl(limit=10_000)):
        margin = attack(graph, region, spec).margin
        assert bool((margin <= greedy + 0.05).all())
        assert float((greedy - margin).mean()) > 0.1


def test_expensive_control_stays_small() -> None:
    graph, region, spec = clipped()
    free, expensive = (OptimalControl(weight=w)(graph, region, spec).x for w in (1e-4, 10.0))
    moved = [float((x - region.center).norm()) for x in (free, expensive)]
    assert moved[1] < 0.5 * moved[0]


def test_options_without_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="Margin is given a specification"):
        GradientSign().start(network("GRU", 3), 0.1)
    for make in (
        lambda: GradientSign(alpha=-1.0),
        lambda: FixedPoint(rounds=0),
        lambda: DynamicFixedPoint(epsilon=0.0),
        lambda: OptimalControl(iterations=0),
        lambda: Confidence(0.0),
    ):
        with pytest.raises(UsageError):
            make()


def test_limits_keep_to_the_valid_range() -> None:
    x = torch.tensor([[0.95, 0.05]], dtype=torch.float64)
    lower, upper = LinfLimits(0.1, (0.0, 1.0))(0, x)
    assert bool(((lower >= 0.0) & (x - lower <= 0.1)).all())
    assert bool(((upper <= 1.0) & (upper - x <= 0.1)).all())
    torch.testing.assert_close(upper - lower, torch.tensor([[0.15, 0.15]], dtype=torch.float64))
