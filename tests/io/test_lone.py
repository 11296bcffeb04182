"""What decides how a lone score is read: how far it can reach, and what it is an increasing function of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import transformers_abs as ta
from certrnn.domains.points import evaluate
from certrnn.io.onnx.monotone import arguments, increasing, threshold
from certrnn.io.onnx.ranges import ranges
from certrnn.io.onnx.space import Space
from certrnn.ir import Gather, Graph
from transformers_abs import SIGMOID, TANH, LeakyRelu, Transformer

MEMBERS: list[Transformer] = [*ta.ALL, LeakyRelu(-0.5)]
FAR = np.concatenate([np.linspace(-60.0, 60.0, 49), [-1e6, 1e6, 0.0, -1e-6, 1e-6]])


def values(space: Space, x: np.ndarray) -> np.ndarray:
    """All elements (N, elements) of the graph so far, for inputs (N, 1, D)."""
    nodes = tuple(space.builder.nodes)
    total = sum(node.size for node in nodes)
    every = Gather(np.arange(total), tuple(range(len(nodes))))
    return evaluate(Graph((*nodes, every), len(nodes)), torch.from_numpy(x)).numpy()


def chain(seed: int) -> tuple[Space, np.ndarray]:
    """Random scalar functions of two inputs, one behind the other; ids of what each level computes."""
    random = np.random.default_rng(seed)
    space = Space()
    ids = space.ids(space.builder.input(0, 2))
    for _ in range(4):
        kind = random.integers(3)
        if kind == 0:
            weight = random.choice([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], 2)
            ids = space.scaled(ids, weight, random.choice([-1.0, 0.0, 0.5, 1.0], 2), 0.0, "affine")
        elif kind == 1:
            ids = space.apply(SIGMOID if random.integers(2) else TANH, ids, "bent")
        else:
            member = MEMBERS[int(random.integers(len(MEMBERS)))]
            if member.arity == 1:
                ids = space.apply(member, ids, "member")
            else:
                ids = np.concatenate([space.ids(space._elementwise(member, "member", ids, ids[::-1]))])
    return space, ids


@pytest.mark.parametrize("seed", range(60))
def test_no_value_leaves_the_range_of_its_element(seed: int) -> None:
    space, _ = chain(seed)
    low, high = ranges(space, space.builder.nodes)
    pairs = np.stack(np.meshgrid(FAR, FAR), axis=-1).reshape(-1, 1, 2)
    with np.errstate(all="ignore"):
        found = values(space, pairs)
        slack = 1e-9 * np.maximum(1.0, np.abs(found))
        inside = (found >= low - slack) & (found <= high + slack)
    # a function that is not defined where it is asked has no value at all
    assert bool((inside | ~np.isfinite(found)).all())


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: m.name)
def test_what_counts_as_increasing_is(member: Transformer) -> None:
    if member.arity == 2 or not increasing(member):
        return
    x = np.linspace(-4.0, 4.0, 200)
    assert bool((np.diff(member.value(x)) > 0).all())


@pytest.mark.parametrize("seed", range(60))
def test_a_threshold_moves_to_the_argument_and_keeps_its_side(seed: int) -> None:
    space, ids = chain(seed)
    x = np.random.default_rng(seed).normal(size=(400, 1, 2)) * 3.0
    found = values(space, x)
    for cut in (0.0, 0.5, -0.25):
        element = int(ids[0])
        inner, at, above = threshold(space, element, cut)
        clear = (np.abs(found[:, element] - cut) > 1e-9) & (np.abs(found[:, inner] - at) > 1e-9)
        same = (found[:, inner] > at) == (found[:, element] > cut)
        assert bool((same if above else ~same)[clear].all())


@pytest.mark.parametrize("seed", range(60))
def test_arguments_are_ordered_as_values_are(seed: int) -> None:
    space, ids = chain(seed)
    inner = arguments(space, ids[None])[0]
    x = np.random.default_rng(seed).normal(size=(400, 1, 2)) * 3.0
    found = values(space, x)
    outside, inside = found[:, ids[0]] - found[:, ids[1]], found[:, inner[0]] - found[:, inner[1]]
    clear = (np.abs(outside) > 1e-9) & (np.abs(inside) > 1e-9)
    assert bool(((outside > 0) == (inside > 0))[clear].all())
