"""Rewrites keep what a graph computes."""

from __future__ import annotations

import torch

from certrnn.domains.points import evaluate
from certrnn.ir import Affine, GraphBuilder, Input, Sum
from certrnn.ir.rewrite import simplify
from transformers_abs import TANH


def vector(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def test_a_bias_joins_the_product_before_it() -> None:
    builder = GraphBuilder()
    x = builder.input(0, 2)
    product = builder.affine(torch.eye(2, dtype=torch.float64) * 3, vector(0, 0), x)
    graph = builder.build(builder.affine(vector(1, 1), vector(4, 5), product))
    short = simplify(graph)
    assert len(short.nodes) == 2
    assert torch.equal(evaluate(short, torch.ones(1, 1, 2, dtype=torch.float64)), vector(7, 8)[None])


def test_a_product_that_is_read_twice_keeps_its_own_node() -> None:
    builder = GraphBuilder()
    x = builder.input(0, 2)
    product = builder.affine(torch.eye(2, dtype=torch.float64) * 3, vector(0, 0), x)
    shifted = builder.affine(vector(1, 1), vector(4, 5), product)
    graph = builder.build(builder.sum([product, shifted]))
    assert [type(n) for n in simplify(graph).nodes] == [Input, Affine, Affine, Sum]


def test_a_bias_that_carries_rounding_stays() -> None:
    builder = GraphBuilder()
    x = builder.input(0, 2)
    product = builder.affine(torch.eye(2, dtype=torch.float64), vector(0, 0), x)
    graph = builder.build(builder.affine(vector(1, 1), vector(4, 5), product, relative_error=1e-16))
    assert len(simplify(graph).nodes) == 3


def test_nested_sums_become_one_and_dead_nodes_go() -> None:
    builder = GraphBuilder()
    x, y, z = (builder.input(t, 2) for t in range(3))
    builder.elementwise(TANH, y)
    inner = builder.sum([x, y], [1.0, -1.0])
    graph = builder.build(builder.sum([z, inner], [1.0, -1.0]))
    short = simplify(graph)
    data = torch.arange(6, dtype=torch.float64).reshape(1, 3, 2)
    assert [type(n) for n in short.nodes] == [Input, Input, Input, Sum]
    assert torch.equal(evaluate(short, data), evaluate(graph, data))


def test_inputs_that_nobody_reads_stay() -> None:
    builder = GraphBuilder()
    builder.input(0, 2)
    graph = builder.build(builder.input(1, 2))
    assert simplify(graph).frames == 2
