"""Orders of samples: what each says is what it is defined as, and mistakes are counted as onnxruntime makes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn
from certrnn.coverage import METRICS
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.model import Model
from certrnn.testing.measure import measure_coverage
from certrnn.testing.priorities import Chance, Covering, DeepGini, LeastCertified, Priority, priorities
from certrnn.testing.priorities.coverage import additional, covered_by_each
from certrnn.testing.selection import correlation, mistakes, select
from tests.coverage.networks import SHAPES, example, exported, made

COUNT = 30


@pytest.fixture(scope="module")
def digits() -> tuple[Model, Sequences]:
    model = certrnn.load("example:digits_lstm")
    samples = model.read("example:digits_heldout").take(range(COUNT))
    assert samples.labels is not None
    labels = [9 - int(label) if k % 5 == 0 else label for k, label in enumerate(samples.labels)]
    return model, replace(samples, labels=tuple(labels))


def test_mistakes_are_those_of_onnxruntime(digits: tuple[Model, Sequences]) -> None:
    model, samples = digits
    scores = model.network.run_onnxruntime(np.stack(samples.frames))
    assert mistakes(model, samples).tolist() == (scores.argmax(axis=1) != np.array(samples.labels)).tolist()
    with pytest.raises(InvalidInput, match="labels"):
        mistakes(model, replace(samples, labels=None))


def test_mistakes_at_any_step_count_and_steps_that_are_not_asked_do_not(tmp_path: Path) -> None:
    exported(made(SHAPES[4]), tmp_path / "m.onnx")
    model, words = certrnn.load(tmp_path / "m.onnx"), example(SHAPES[4], 3).numpy()
    answers = model.network.run_onnxruntime_on_words(words).reshape(3, words.shape[1], -1).argmax(axis=2)
    labels = answers.copy()
    labels[1, 2] = (labels[1, 2] + 1) % 9
    labels[2] = -1
    assert mistakes(model, model.sequences(words, labels)).tolist() == [False, True, False]


def test_the_least_certified_comes_first(digits: tuple[Model, Sequences]) -> None:
    model, samples = digits
    some = samples.take(range(4))
    scores = LeastCertified(clip=(0, 1)).scores(model, some)
    rows = model.radius(
        replace(some, labels=None), frames="all", clip=(0, 1), method="zonotope", attack=False
    )
    assert scores.tolist() == [-(row.eps_certified or 0) for row in rows]
    assert LeastCertified().order(scores)[0] == int(np.argmax(scores))


def test_gini_is_1_less_the_sum_of_squares(digits: tuple[Model, Sequences]) -> None:
    model, samples = digits
    logits = torch.from_numpy(model.network.run_onnxruntime(np.stack(samples.frames)))
    wanted = 1 - logits.softmax(dim=1).square().sum(dim=1)
    assert DeepGini().scores(model, samples) == pytest.approx(wanted.numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ["hs", "cs", "gate-f", "dx"])
def test_what_each_sample_covers_together_is_what_all_cover(
    name: str, digits: tuple[Model, Sequences]
) -> None:
    model, samples = digits
    covered = covered_by_each(model, samples, METRICS[name])
    shares = covered.any(axis=0).reshape(len(METRICS[name].names), -1).mean(axis=1)
    rows = measure_coverage(model, samples, [name]).rows
    assert shares.tolist() == pytest.approx([row.coverage for row in rows])


def test_alone_a_sample_counts_in_boundary_sections(digits: tuple[Model, Sequences]) -> None:
    model, samples = digits
    covered = covered_by_each(model, samples, METRICS["cs"]).reshape(COUNT, 5, -1)
    total = covered[:, [0, 4]].sum(axis=(1, 2))
    assert Covering(METRICS["cs"]).scores(model, samples).tolist() == total.tolist()
    assert len(set(total.tolist())) > 1


def test_each_next_sample_adds_most() -> None:
    rng = np.random.default_rng(0)
    covered = rng.random((25, 40)) < 0.15
    order = additional(covered)
    assert sorted(order) == list(range(25))
    seen = np.zeros(40, dtype=bool)
    for place, row in enumerate(order):
        gains = [(int((covered[k] & ~seen).sum())) for k in order[place:]]
        if not max(gains):
            break
        assert gains[0] == max(gains)
        seen |= covered[row]
    assert np.array_equal(seen, covered.any(axis=0))


def test_nothing_covered_is_an_order_too() -> None:
    assert additional(np.zeros((3, 4), dtype=bool)) == [0, 1, 2]


def test_orders_are_held_against_the_labels(digits: tuple[Model, Sequences]) -> None:
    model, samples = digits
    wrong = mistakes(model, samples)

    class Oracle(Priority):
        def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
            return wrong.astype(float)

    best, by_chance = select(model, samples, {"oracle": Oracle(), "chance": Chance(3)}, share=0.2)
    assert (best.first, best.found, best.mistakes) == (6, min(6, wrong.sum()), wrong.sum())
    assert best.correlation == pytest.approx(1)
    order = np.argsort(-np.random.default_rng(3).random(COUNT), kind="stable")
    assert by_chance.order == tuple(order.tolist())
    assert by_chance.found == wrong[order[:6]].sum()


def test_a_constant_order_has_no_correlation() -> None:
    assert np.isnan(correlation(np.ones(3), np.array([True, False, True])))
    assert np.isnan(correlation(np.arange(3.0), np.zeros(3, dtype=bool)))


def test_every_order_has_a_name_and_what_makes_no_sense_is_refused(digits: tuple[Model, Sequences]) -> None:
    known = priorities()
    assert {"hs", "hs+", "cs+", "gate-z", "dx", "certified-eps", "gini", "chance"} <= set(known)
    with pytest.raises(UsageError, match="share"):
        select(*digits, {}, share=0)
    with pytest.raises(UsageError, match="metric counts"):
        known["gate-z"].scores(*digits)
