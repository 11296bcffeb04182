"""Targets: rows that compare them with the label."""

from __future__ import annotations

import torch

from certrnn.specs import target_spec


def test_rows_compare_label_and_target() -> None:
    scores = torch.tensor([[1.0, 4.0, 2.0]], dtype=torch.float64)
    spec = target_spec(torch.tensor([1]), torch.tensor([[0, 2]]), 3)
    assert spec.margins(scores).tolist() == [[3.0, 2.0]]
    sign = target_spec(torch.tensor([0]), torch.tensor([[1]]), 1)
    assert sign.margins(torch.tensor([[-2.0]], dtype=torch.float64)).tolist() == [[2.0]]
