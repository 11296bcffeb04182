"""Targets: rows that compare them with the label, and the network that asks whether one wins."""

from __future__ import annotations

import pytest
import torch

from certrnn.domains import evaluate
from certrnn.ir import GraphBuilder
from certrnn.search import predict
from certrnn.specs import never, positive, target_spec


def scores_alone(size: int):
    builder = GraphBuilder()
    return builder.build(builder.input(0, size))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_violation_is_an_answer_of_the_target(size: int) -> None:
    scores = torch.randn(200, 1, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    answers = predict(scores[:, 0])
    for target in range(max(size, 2)):
        margins = positive(200).margins(evaluate(never(scores_alone(size), target), scores))[:, 0]
        assert torch.equal(margins <= 0, answers == target)


def test_the_margin_is_the_distance_to_the_best_other_score() -> None:
    scores = torch.tensor([[[3.0, 1.0, 2.5]]], dtype=torch.float64)
    margins = [float(evaluate(never(scores_alone(3), k), scores)) for k in range(3)]
    assert margins == [-0.5, 2.0, 0.5]


def test_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="3 classes"):
        never(scores_alone(3), 3)


def test_rows_compare_label_and_target() -> None:
    scores = torch.tensor([[1.0, 4.0, 2.0]], dtype=torch.float64)
    spec = target_spec(torch.tensor([1]), torch.tensor([[0, 2]]), 3)
    assert spec.margins(scores).tolist() == [[3.0, 2.0]]
    sign = target_spec(torch.tensor([0]), torch.tensor([[1]]), 1)
    assert sign.margins(torch.tensor([[-2.0]], dtype=torch.float64)).tolist() == [[2.0]]
