"""FGSM on the float32 softmax: as good as on margins where these are small, blind where they are large."""

from __future__ import annotations

import pytest
import torch

from certrnn.attacks import FGSM, PGD
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import label_spec
from tests.attacks.cases import linear


def problem(scale: float) -> tuple[Graph, LinfBall]:
    """Two scores, ``scale (x - y + 1)`` and 0: scaling them changes no answer."""
    weight = scale * torch.tensor([[[1.0, -1.0]], [[0.0, 0.0]]], dtype=torch.float64)
    graph = linear(weight, torch.tensor([scale, 0.0], dtype=torch.float64))
    eps = torch.tensor([0.6], dtype=torch.float64)
    return graph, LinfBall(torch.zeros(1, 1, 2, dtype=torch.float64), eps, frames=(0,))


@pytest.mark.parametrize(("scale", "found"), [(1.0, True), (50.0, True), (1000.0, False)])
def test_its_gradient_vanishes_with_the_scale_of_the_scores(scale: float, found: bool) -> None:
    graph, region = problem(scale)
    spec = label_spec(torch.tensor([0]), 2)
    assert bool(FGSM(loss="softmax")(graph, region, spec).success) == found
    assert bool(FGSM()(graph, region, spec).success)
    assert bool(PGD()(graph, region, spec).success)


def test_another_loss_is_refused() -> None:
    with pytest.raises(UsageError, match="margins or softmax"):
        FGSM(loss="hinge")
