"""Recurrent nodes over the attribute grid mean what onnxruntime and the specification say they mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from certrnn.errors import Unsupported
from certrnn.io.onnx import read
from tests.importer import checks, grid
from tests.importer import reference as ref

BLOCKS, MODELS = 8, 90


@pytest.mark.parametrize("block", range(BLOCKS))
def test_generated_nodes_agree_with_onnxruntime_and_the_reference(tmp_path: Path, block: int) -> None:
    found: list[str] = []
    for seed, model in enumerate(checks.grid_models(block, MODELS)):
        path, content = checks.write(grid.build(model), tmp_path)
        found += checks.complaints(model, read(path), content, seed)
    assert not found, "\n".join(found[:5])


def features(node: grid.Node, opset: int) -> dict[str, object]:
    """The axes of the grid that a node lies on."""
    values = {
        "op": node.op,
        "direction": node.direction,
        "layout": node.layout,
        "activations": node.activations is not None,
        "bias": node.bias,
        "sequence_lens": node.length is not None,
        "initial_h": node.initial_h,
        "opset": "7-13" if opset < 14 else "14-21" if opset < 22 else "22-",
    }
    own = {
        "LSTM": {"initial_c": node.initial_c, "peephole": node.peephole, "input_forget": node.input_forget},
        "GRU": {"linear_before_reset": node.linear_before_reset},
        "RNN": {},
    }
    return values | own[node.op]


def test_the_grid_has_two_thousand_nodes_and_every_pair_of_attribute_values() -> None:
    pairs: Counter[tuple[object, ...]] = Counter()
    values: dict[tuple[str, str], set[object]] = {}
    nodes, functions, opsets = 0, Counter[str](), Counter[int]()
    for block in range(BLOCKS):
        for model in checks.grid_models(block, MODELS):
            for node in (n for branch in model.branches for n in branch):
                nodes += 1
                opsets[model.opset] += 1
                functions.update({f"{node.op} {name}" for name, _, _ in node.functions})
                for one, two in combinations(features(node, model.opset).items(), 2):
                    pairs[(node.op, *one, *two)] += 1
                for key, value in features(node, model.opset).items():
                    values.setdefault((node.op, key), set()).add(value)
    assert nodes >= 2000
    assert set(opsets) == set(grid.OPSETS)
    assert {f"{op} {f}" for op in ref.BLOCKS for f in grid.FUNCTIONS} == set(functions)
    missing = [
        (op, a, x, b, y)
        for (op, a), left in values.items()
        for (other, b), right in values.items()
        if op == other and list(values).index((op, a)) < list(values).index((op, b))
        for x in left
        for y in right
        if not pairs[(op, a, x, b, y)] and {(a, x), (b, y)} != {("layout", 1), ("opset", "7-13")}
    ]
    assert not missing


REFUSED = {
    **{f"{op} {name}": grid.Node(op, 2) for op in ref.BLOCKS for name in grid.REFUSED_FUNCTIONS},
    **{f"{op} clip": grid.Node(op, 2, clip=0.5) for op in ref.BLOCKS},
}
"""All that the specification allows and certrnn does not interpret: four activations and cell clipping."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_interpreted_is_refused_by_name(tmp_path: Path, name: str) -> None:
    node, word = REFUSED[name], name.split()[1]
    if word != "clip":
        count = len(ref.USUAL[node.op])
        node = replace(
            node, activations=((word, 0.5, 0.0), *((n, 0.0, 0.0) for n in ref.USUAL[node.op][: count - 1]))
        )
    model = grid.Model(opset=17, frames=2, features=2, branches=((node,),))
    path, _ = checks.write(grid.build(model), tmp_path)
    with pytest.raises(Unsupported, match=word) as caught:
        read(path).graph((2, 2))
    assert "'b0n0'" in str(caught.value)
    assert node.op in str(caught.value)


def test_several_sequences_of_a_batch_are_computed_each_by_itself(tmp_path: Path) -> None:
    model = grid.Model(17, 4, 3, ((grid.Node("LSTM", 2, "bidirectional"), grid.Node("GRU", 3)),))
    path, content = checks.write(grid.build(model), tmp_path)
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    theirs = np.asarray(checks.session(content).run(None, {"x": x})[0])
    assert np.abs(checks.graph_outputs(read(path), x) - theirs).max() < checks.TOLERANCE
