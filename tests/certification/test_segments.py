"""A frame on a straight line: the graph that reads a share computes what the frame's own graph computes there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from certrnn.analyses import METHODS
from certrnn.certification.segments import Segments
from certrnn.domains import evaluate
from certrnn.regions import Fading
from certrnn.specs import label_spec
from tests.laws.networks import FAMILIES, numbers


def exact(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers of few digits, so that their differences are exact."""
    return (256.0 * numbers(rng, *shape)).round() / 256.0


@pytest.mark.parametrize("family", ["rnn", "lstm", "mixed"])
@pytest.mark.parametrize("frame", [0, 2])
def test_points_of_the_segment_are_those_of_the_sequence(family: str, frame: int) -> None:
    rng = np.random.default_rng(frame)
    graph = FAMILIES[family](rng)
    features = graph.nodes[graph.inputs[0]].size
    x, end = exact(rng, 3, graph.frames, features), exact(rng, features)
    segments = Segments.toward(graph, x, end, frame)
    assert segments is not None
    share = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    region = segments.region(torch.arange(3), share)
    moved, told = x.clone(), region.center.clone()
    moved[:, frame] += share[:, None] * (end - x[:, frame])
    told[:, -2, 0] = share
    assert torch.allclose(evaluate(segments.graph, told), evaluate(graph, moved), rtol=0.0, atol=1e-12)
    assert bool(region.contains(told).all())
    spec = label_spec(evaluate(graph, x).argmax(dim=1), graph.outputs)
    for name in ("interval", "zonotope", "crown"):
        bound = METHODS[name]().margins(segments.graph, region, spec)
        for part in torch.linspace(0.0, 1.0, 9, dtype=torch.float64):
            between = x.clone()
            between[:, frame] += part * share[:, None] * (end - x[:, frame])
            assert bool((bound <= spec.margins(evaluate(graph, between)) + 1e-12).all())
        if name == "zonotope":
            plain = METHODS[name]().margins(graph, Fading(x, share, end.expand_as(x), (frame,)), spec)
            assert bool((bound >= plain - 0.2 * plain.abs() - 1e-9).all())


def test_a_way_that_is_no_float_is_left_alone() -> None:
    graph = FAMILIES["rnn"](np.random.default_rng(0))
    features = graph.nodes[graph.inputs[0]].size
    x = torch.full((1, graph.frames, features), 1e-30, dtype=torch.float64)
    assert Segments.toward(graph, x, torch.ones(features, dtype=torch.float64), 0) is None
