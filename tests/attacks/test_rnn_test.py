"""Orientations, guides and the nearest word: their formulas by hand, and what a search along them must do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from certrnn.attacks.rnn_test import (
    ORIENTATIONS,
    STRATEGIES,
    Guide,
    Moment,
    Objective,
    RnnTest,
    Words,
    parse_scales,
)
from certrnn.attacks.rnn_test.guides import Boost, Chance
from certrnn.attacks.rnn_test.orientations import DecisionBoundary, StateInconsistency
from certrnn.coverage import METRICS, Record, Sections, Tracer, record
from certrnn.errors import UsageError
from tests.coverage.networks import FEATURES, FRAMES, SHAPES, Shape, example, exported, made, numpy_states

LSTM, GRU, WORDS = SHAPES[3], SHAPES[5], SHAPES[4]


@pytest.fixture(scope="module", params=[SHAPES[0], LSTM, WORDS, GRU], ids=str)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    shape: Shape = request.param
    net = made(shape, gain=1.0)
    network = exported(net, tmp_path_factory.mktemp("networks") / "m.onnx")
    words = example(shape, 3)
    with torch.no_grad():
        x = net.table(words).double()
    return net, Tracer.of(network, (FRAMES, FEATURES)), words, x


@pytest.mark.parametrize("swapped", [False, True])
def test_state_inconsistency_is_formula_7(case, swapped: bool) -> None:
    net, tracer, words, x = case
    frames = torch.tensor([0, 2, FRAMES - 1])
    wanted, both = np.zeros(3), net.shape.bidirectional
    for k, layer in enumerate(numpy_states(net, words)):
        reverse = both and k % 2 == 1
        for row, t in enumerate(frames.tolist()):
            before = t + 1 if reverse else t - 1
            inside = 0 <= before < FRAMES
            h, h_before = layer["h"][row, t], layer["h"][row, before] if inside else 0.0 * layer["h"][row, 0]
            if "c" not in layer:
                wanted[row] += (h_before - h).sum()
                continue
            c, c_before = layer["c"][row, t], layer["c"][row, before] if inside else 0.0 * layer["c"][row, 0]
            wanted[row] += (c_before + h - c if swapped else h_before + c - h).sum()
    found = StateInconsistency(swapped).value(Moment(frames, FRAMES, tracer(x)))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-10)


def test_cost_and_decision_are_formulas_8_and_9() -> None:
    scores = torch.tensor([[[1.0, 3.0, 2.0, 0.0], [5.0, 1.0, 1.5, 4.0]]], dtype=torch.float64)
    moment = Moment(torch.tensor([1]), 2, scores=scores, targets=torch.tensor([[1, 3]]))
    logs = torch.log_softmax(scores, dim=2)
    cost = float(ORIENTATIONS["cost"].value(moment))
    assert cost == pytest.approx(-float(logs[0, 0, 1] + logs[0, 1, 3]))
    assert float(DecisionBoundary(3).value(moment)) == (4.0 - 5.0) + (1.5 - 5.0)
    assert float(DecisionBoundary(2).value(moment)) == 4.0 - 5.0
    assert float(DecisionBoundary(99).value(moment)) == -1.0 - 3.5 - 4.0
    once = Moment(torch.tensor([0]), 7, scores=scores[:, :1])  # a network that answers once is asked for that
    assert float(DecisionBoundary(2).value(once)) == -1.0
    lone = Moment(torch.tensor([0]), 7, scores=torch.tensor([[[-2.0]]], dtype=torch.float64))
    assert float(DecisionBoundary(3).value(lone)) == -2.0


def test_without_targets_the_answers_are_the_targets() -> None:
    scores = torch.tensor([[[1.0, 3.0]]], dtype=torch.float64)
    own = ORIENTATIONS["cost"].value(Moment(torch.tensor([0]), 1, scores=scores))
    told = ORIENTATIONS["cost"].value(
        Moment(torch.tensor([0]), 1, scores=scores, targets=torch.tensor([[1]]))
    )
    assert torch.equal(own, told)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_small_step_along_the_gradient_raises_the_objective(name: str, case) -> None:
    net, tracer, _, x = case
    targets = torch.zeros(3, FRAMES if net.shape.every else 1, dtype=torch.long)
    frames, objective = torch.tensor([1, 2, 3]), Objective(ORIENTATIONS[name])

    def value(at: torch.Tensor) -> torch.Tensor:
        seen = tracer(at, True)
        moment = Moment(frames, FRAMES, seen, seen.scores.unflatten(1, (targets.shape[1], -1)), targets)
        return objective.value(moment, None, [])

    gradient = objective.gradient(tracer, x, frames, targets, None, [])
    assert bool((gradient.norm(dim=1) > 0).all())
    moved = x.clone()
    moved[torch.arange(3), frames] += 1e-5 * gradient
    assert bool((value(moved) > value(x)).all())


def test_a_joint_objective_is_the_sum_of_its_parts(case) -> None:
    _, tracer, _, x = case
    frames, guide = torch.tensor([1, 1, 1]), Guide(METRICS["hs"], states=4)
    parts = (Objective(StateInconsistency()), Objective(None, guide))
    both = Objective(StateInconsistency(), guide)
    generators = [np.random.default_rng(k) for k in range(3)]
    apart = sum(one.gradient(tracer, x, frames, None, None, generators) for one in parts)
    torch.testing.assert_close(both.gradient(tracer, x, frames, None, None, generators), apart)
    assert not Objective()
    assert both


VALUES = np.array([-0.95, -0.79, -0.5, 0.0, 0.6, 0.79, 0.95])
SECTIONS = Sections((-1.0, -0.8, -0.2, 0.2, 0.8, 1.0))


def test_boosting_takes_the_values_next_to_the_boundary_sections() -> None:
    nothing = np.zeros((5, 7), dtype=bool)
    weights = Boost().weights(VALUES, nothing, SECTIONS, 4, np.random.default_rng(0))
    assert weights.tolist() == [0, -1, -1, 0, 1, 1, 0]


def test_boosting_without_sections_takes_the_largest_that_are_not_covered() -> None:
    covered = np.array([[False] * 5 + [True, False]])
    weights = Boost().weights(VALUES, covered, None, 2, np.random.default_rng(0))
    assert weights.tolist() == [0, 0, 0, 0, 1, 0, 1]


def test_chance_takes_uncovered_states_and_drives_them_towards_their_section() -> None:
    covered = np.ones((5, 7), dtype=bool)
    covered[0, 2], covered[4, 5], covered[2, 3] = False, False, False  # the middle section is no boundary
    weights = Chance().weights(VALUES, covered, SECTIONS, 50, np.random.default_rng(0))
    assert weights.tolist() == [0, 0, -1, 0, 0, 1, 0]
    few = Chance().weights(VALUES, np.zeros((1, 7), dtype=bool), None, 3, np.random.default_rng(0))
    assert sorted(few.tolist()) == [0, 0, 0, 0, 1, 1, 1]
    assert not Chance().weights(VALUES, np.ones((1, 7), dtype=bool), None, 3, np.random.default_rng(0)).any()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ["hs", "cs", "gate-f", "dx"])
def test_a_guide_sums_values_of_its_metric(strategy: str, name: str, tmp_path: Path) -> None:
    """By the strategy's own weights on the values as the record lays them out, bidirectional layers included."""
    net, x = made(LSTM, gain=1.0), example(LSTM, 2)
    found = Tracer.of(exported(net, tmp_path / "m.onnx"), (FRAMES, FEATURES))(x.double())
    metric, seen = METRICS[name], record(METRICS[name], found, [0, 1], FRAMES)
    guide = Guide(metric, STRATEGIES[strategy], states=6)
    moment = Moment(torch.tensor([1, 1]), FRAMES, found)
    total = guide.value(moment, seen, [np.random.default_rng(k) for k in range(2)])
    every = [metric.values(layer) for layer in found.layers]
    for row in range(2):
        values = np.concatenate([v[row].flatten().numpy() for v in every if v is not None])
        covered = np.concatenate(
            [layer.covered.reshape(len(metric.names), -1) for layer in seen.layers], axis=1
        )
        generator = np.random.default_rng(row)
        weights = STRATEGIES[strategy].weights(values, covered, metric.sections, 6, generator)
        assert weights.any()
        assert float(total[row]) == pytest.approx(float(weights @ values))


def test_a_guide_of_what_a_network_lacks_is_refused(tmp_path: Path) -> None:
    net = made(SHAPES[0])
    found = Tracer.of(exported(net, tmp_path / "m.onnx"), (FRAMES, FEATURES))(example(SHAPES[0], 1).double())
    with pytest.raises(UsageError, match="--guide"):
        Guide(METRICS["cs"]).value(Moment(torch.tensor([0]), FRAMES, found), None, [np.random.default_rng(0)])


TABLE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [1.0, 0.0], [-1.0, -1.0]], dtype=torch.float64)


def test_the_nearest_other_word_at_the_first_scale_that_leads_to_one() -> None:
    words = Words(TABLE)
    change = words.another(0, torch.tensor([0.2, 0.0], dtype=torch.float64), (0.0, 1.0, 2.0, 3.0, 9.0))
    assert change is not None
    assert (change.word, change.scale, change.l2) == (1, 3.0, pytest.approx(0.6))
    assert words.another(0, torch.tensor([0.2, 0.0], dtype=torch.float64), (0.0, 1.0, 2.0)) is None
    assert words.another(0, torch.zeros(2, dtype=torch.float64)) is None


def test_a_word_with_the_same_vector_is_no_other_word() -> None:
    up = torch.tensor([0.0, 1.0], dtype=torch.float64)
    change = Words(TABLE).another(1, up, (0.0, 0.1, 9.0))
    assert change is not None
    assert change.word == 2
    drawn = {Words(TABLE).random(1, np.random.default_rng(k)) for k in range(40)}
    assert drawn == {0, 2, 4}


def test_barred_words_are_never_put_in_but_may_be_replaced() -> None:
    words = Words(TABLE, frozenset({1, 3, 4}))
    right = torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert words.another(0, right, (0.0, 1.0, 2.0)) is None
    assert {words.random(0, np.random.default_rng(k)) for k in range(20)} == {2}
    change = words.another(1, torch.tensor([-1.0, 0.0], dtype=torch.float64), (0.0, 0.4, 0.8))
    assert change is not None
    assert change.word == 0
    assert Words(TABLE, frozenset(range(5))).random(0, np.random.default_rng(0)) is None


def test_the_nearest_word_is_that_of_all_distances() -> None:
    """Against plain norms, on random tables."""
    rng = np.random.default_rng(3)
    for seed in range(20):
        table = torch.from_numpy(rng.standard_normal((30, 4)))
        gradient = torch.from_numpy(rng.standard_normal(4))
        scales = tuple(0.2 * k for k in range(12))
        word, change = seed % 30, Words(table).another(seed % 30, gradient, scales)
        nearest = [int((table - table[word] - s * gradient).norm(dim=1).argmin()) for s in scales]
        first = next((k for k, other in enumerate(nearest) if other != word), None)
        assert (change is None) == (first is None)
        if change is not None and first is not None:
            assert (change.word, change.scale) == (nearest[first], scales[first])
            assert change.l2 == pytest.approx(scales[first] * float(gradient.norm()))


@pytest.mark.parametrize("text", ["", "1:2", "0:5:0", "5:1:1", "a:b:c", "0:inf:1", "-5:5:1", "0:1e9:1"])
def test_scales_without_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--scales"):
        parse_scales(text)
    assert parse_scales("0:70:5") == tuple(float(k) for k in range(0, 70, 5))


def test_options_without_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="--topk"):
        DecisionBoundary(1)
    with pytest.raises(UsageError, match="--states"):
        Guide(METRICS["hs"], states=1)
    with pytest.raises(UsageError, match="reads scores"):
        RnnTest(StateInconsistency())


def test_as_an_attack_it_puts_in_words_of_the_table_alone() -> None:
    from certrnn.regions import LinfBall
    from certrnn.specs import label_spec
    from tests.attacks.cases import recurrent

    graph, generator = recurrent(3), torch.Generator().manual_seed(0)
    table = torch.randn(6, 4, dtype=torch.float64, generator=generator)
    x = table[torch.randint(0, 6, (5, 3), generator=generator)]
    ball = LinfBall(x, torch.full((5,), 50.0, dtype=torch.float64), (0, 1, 2))
    outcome = RnnTest(table=table)(graph, ball, label_spec(torch.zeros(5, dtype=torch.long), 3))
    changed = (outcome.x != x).any(dim=2)
    assert bool((changed.sum(dim=1) <= 1).all())
    assert bool(changed.any())
    for vector in outcome.x.flatten(0, 1):
        assert bool((table == vector).all(dim=1).any())


def test_a_record_makes_the_guide_look_elsewhere(case) -> None:
    """What earlier samples covered is not driven again: HS boosting chooses other states once these are covered."""
    _, tracer, _, x = case
    guide, found = Guide(METRICS["hs"], states=3), tracer(x[:1])
    moment, generators = Moment(torch.tensor([1]), FRAMES, found), [np.random.default_rng(0)]
    fresh = guide.value(moment, Record(METRICS["hs"], FRAMES), generators)
    after = guide.value(moment, record(METRICS["hs"], found, [0], FRAMES), generators)
    assert float(after) < float(fresh)  # the largest of all are covered now
