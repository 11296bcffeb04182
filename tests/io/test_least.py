"""What a graph alone says of its numbers is true at every input, and enough for roots and quotients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from certrnn.domains import evaluate
from certrnn.io.onnx import positive
from certrnn.io.onnx.space import Space
from certrnn.ir import Gather, Graph
from transformers_abs import ALL, LOG, RECIPROCAL, RSQRT, SQRT

PARTIAL = (LOG, SQRT, RSQRT, RECIPROCAL)
"""Functions that are not defined everywhere, or not below 0: a chain of these has no value at most inputs."""
MEMBERS = [t for t in ALL if t not in PARTIAL and t.name != "exp"]


def chain(seed: int) -> tuple[Space, np.ndarray]:
    """Maps, sums and functions of two inputs, one behind the other, and elements of the last."""
    random, space = np.random.default_rng(seed), Space()
    ids = space.ids(space.builder.input(0, 2))
    for _ in range(6):
        kind = int(random.integers(4))
        if kind == 0:
            weight = torch.from_numpy(random.choice([-1.0, 0.0, 0.5, 1.0, 2.0], (2, 2)))
            bias = torch.from_numpy(random.choice([-1.0, 0.0, 1e-5, 0.25, 1.0], 2))
            ids = space.ids(space.builder.affine(weight, bias, space.vector(ids)))
        elif kind == 1:
            other = ids[::-1].copy()
            ids = space.linear([ids, other], random.choice([0.3, 1.0, -1.0], 2).tolist(), 0.0, "sum")
        else:
            member = MEMBERS[int(random.integers(len(MEMBERS)))]
            arguments = (ids, ids[::-1].copy())[: member.arity]
            ids = space.ids(space._elementwise(member, "member", *arguments))
    return space, ids


@pytest.mark.parametrize("seed", range(60))
def test_no_value_leaves_its_bounds(seed: int) -> None:
    space, _ = chain(seed)
    nodes = space.builder.nodes
    every = Gather(np.arange(sum(n.size for n in nodes)), tuple(range(len(nodes))))
    random = np.random.default_rng(seed)
    x = random.normal(size=(2000, 1, 2)) * 10.0 ** random.uniform(-3, 2, (2000, 1, 1))
    found = evaluate(Graph((*nodes, every), len(nodes)), torch.from_numpy(x)).numpy()
    low, high = (
        np.concatenate([space.bounds.of(position)[k] for position in range(len(nodes))]) for k in (0, 1)
    )
    slack = 1e-9 * np.abs(found)
    inside = (found >= low - slack) & (found <= high + slack)
    assert bool((inside | ~np.isfinite(found)).all())


def test_a_variance_stays_above_its_epsilon_and_a_floor_never_lies_above() -> None:
    for epsilon in (1e-5, 4.0**-8, np.nextafter(4.0**-8, 0.0), 1.0, 3.0):
        space = Space()
        ids = space.ids(space.builder.input(0, 2))
        squares = space.multiply(ids, ids, "square")
        above = space.scaled(squares, np.full(2, 0.5), np.full(2, epsilon), 0.0, "above")
        (floor,) = set(positive.floors(space, above).tolist())
        assert 0.24 * epsilon <= floor <= epsilon
        assert positive.floors(space, squares).tolist() == [0.0, 0.0]
        assert positive.floors(space, ids).tolist() == [-np.inf, -np.inf]
