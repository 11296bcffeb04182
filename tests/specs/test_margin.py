"""Specifications of label margins."""

from __future__ import annotations

import pytest
import torch

from certrnn.specs import label_spec


@pytest.mark.parametrize("scores", [2, 3, 10])
def test_margins_are_differences_to_the_label(scores: int) -> None:
    labels = torch.arange(scores)
    values = torch.arange(scores, dtype=torch.float64).square().flip(0).expand(scores, -1)
    spec = label_spec(labels, scores)
    for row, label in enumerate(labels.tolist()):
        others = [i for i in range(scores) if i != label]
        expected = [float(values[row, label] - values[row, i]) for i in others]
        assert spec.margins(values)[row].tolist() == expected


def test_one_score_is_a_sign() -> None:
    spec = label_spec(torch.tensor([0, 1]), 1)
    margins = spec.margins(torch.tensor([[-3.0], [-3.0]], dtype=torch.float64))
    assert margins.tolist() == [[3.0], [-3.0]]


@pytest.mark.parametrize("scores", [1, 4])
def test_no_labels_make_an_empty_specification(scores: int) -> None:
    spec = label_spec(torch.zeros(0, dtype=torch.int64), scores)
    assert spec.rows.shape == (0, max(1, scores - 1), scores)
    assert spec.offset.shape == (0, max(1, scores - 1))


def test_a_part_is_the_part_of_the_batch() -> None:
    spec = label_spec(torch.tensor([2, 0, 1]), 3)
    part = spec.part(1, 3)
    assert torch.equal(part.rows, spec.rows[1:])
    assert torch.equal(part.offset, spec.offset[1:])
