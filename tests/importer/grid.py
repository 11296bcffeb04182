"""Recurrent nodes over the whole attribute grid, as ONNX models and as calls of the reference.

A model has one input ``x`` (batch, frames, features) and several branches of one or two stacked nodes; its
output is everything that every last node computes (Y, Y_h, Y_c), so that no output goes unchecked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.importer import reference as ref

OPSETS = (7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)
DIRECTIONS = ("forward", "reverse", "bidirectional")
FUNCTIONS = ("Tanh", "Sigmoid", "Relu", "LeakyRelu", "HardSigmoid", "ScaledTanh", "Affine")
REFUSED_FUNCTIONS = ("Elu", "Softplus", "Softsign", "ThresholdedRelu")


@dataclass(frozen=True)
class Node:
    """The attributes and optional inputs of one recurrent node."""

    op: str
    hidden: int
    direction: str = "forward"
    layout: int = 0
    activations: tuple[tuple[str, float, float], ...] | None = None
    parameters_given: bool = True
    bias: bool = True
    length: int | None = None
    initial_h: bool = False
    initial_c: bool = False
    peephole: bool = False
    input_forget: bool = False
    linear_before_reset: int | None = None
    clip: float | None = None
    seed: int = 0

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1

    @property
    def functions(self) -> tuple[tuple[str, float, float], ...]:
        """Activations of all directions, defaults written out."""
        return self.activations or tuple((n, 0.0, 0.0) for n in ref.USUAL[self.op]) * self.directions

    def weights(self, features: int) -> list[ref.Weights]:
        """Float32 numbers in float64, one entry a direction; zero where the node has no such input."""
        rng = np.random.default_rng([self.seed, 11])
        blocks = ref.BLOCKS[self.op] * self.hidden

        def draw(*shape: int, present: bool = True) -> np.ndarray:
            values = rng.normal(scale=0.6, size=shape).astype(np.float32).astype(np.float64)
            return values if present else np.zeros(shape)

        return [
            ref.Weights(
                draw(blocks, features),
                draw(blocks, self.hidden),
                draw(blocks, present=self.bias),
                draw(blocks, present=self.bias),
                draw(self.hidden, present=self.initial_h),
                draw(self.hidden, present=self.initial_c),
                draw(3 * self.hidden, present=self.peephole),
            )
            for _ in range(self.directions)
        ]


@dataclass(frozen=True)
class Model:
    """Branches that read one input; ``inputs_listed`` repeats initialisers as inputs, as IR version 3 did."""

    opset: int
    frames: int
    features: int
    branches: tuple[tuple[Node, ...], ...]
    batch: int | str = "batch"
    inputs_listed: bool = False


def draw_node(rng: np.random.Generator, op: str, opset: int, frames: int, functions: tuple[str, ...]) -> Node:
    """A random point of the grid."""
    direction = str(rng.choice(DIRECTIONS))
    count = len(ref.USUAL[op]) * (2 if direction == "bidirectional" else 1)
    given = bool(rng.random() < 0.5)
    numbers = rng.uniform(0.2, 0.9, size=(count, 2)).astype(np.float32).astype(float)
    chosen = tuple(
        (str(n), *_parameters(str(n), *pair))
        for n, pair in zip(rng.choice(functions, count), numbers, strict=True)
    )
    parameters_given = not all(n in ref.DEFAULTS for n, _, _ in chosen) or bool(rng.random() < 0.5)
    if not parameters_given:
        chosen = tuple((n, *ref.DEFAULTS[n]) for n, _, _ in chosen)
    lstm = op == "LSTM"
    return Node(
        op,
        hidden=int(rng.integers(1, 4)),
        direction=direction,
        layout=int(opset >= 14 and rng.random() < 0.4),
        activations=chosen if given else None,
        parameters_given=parameters_given,
        bias=bool(rng.random() < 0.7),
        length=int(rng.integers(1, frames + 1)) if rng.random() < 0.3 else None,
        initial_h=bool(rng.random() < 0.4),
        initial_c=lstm and bool(rng.random() < 0.4),
        peephole=lstm and bool(rng.random() < 0.4),
        input_forget=lstm and bool(rng.random() < 0.3),
        linear_before_reset=int(rng.integers(2)) if op == "GRU" and rng.random() < 0.8 else None,
        seed=int(rng.integers(1 << 31)),
    )


def _parameters(name: str, alpha: float, beta: float) -> tuple[float, float]:
    return (alpha if name in ref.TAKES_ALPHA else 0.0), (beta if name in ref.TAKES_BETA else 0.0)


def draw_model(rng: np.random.Generator, functions: tuple[str, ...] = FUNCTIONS, branches: int = 4) -> Model:
    """A random model of 1 to ``branches`` branches, each of 1 or 2 layers."""
    opset, frames = int(rng.choice(OPSETS)), int(rng.integers(1, 5))

    def layers() -> tuple[Node, ...]:
        count = 2 if rng.random() < 0.3 else 1
        return tuple(
            draw_node(rng, str(rng.choice(list(ref.BLOCKS))), opset, frames, functions) for _ in range(count)
        )

    return Model(
        opset,
        frames,
        features=int(rng.integers(1, 4)),
        branches=tuple(layers() for _ in range(int(rng.integers(1, branches + 1)))),
        batch="batch" if rng.random() < 0.7 else 1,
        inputs_listed=bool(rng.random() < 0.1),
    )


def expected(model: Model, x: np.ndarray) -> list[np.ndarray]:
    """What each branch computes for one sequence ``x`` (frames, features), by the reference."""
    results = []
    for branch in model.branches:
        value = x
        for node in branch:
            y, h, c = run_node(node, value)
            value = y.transpose(0, 1, 2).reshape(len(x), -1)
        parts = [y.reshape(-1), h.reshape(-1)] + ([c.reshape(-1)] if node.op == "LSTM" else [])
        results.append(np.concatenate(parts))
    return results


def run_node(node: Node, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (T, directions, H), Y_h and Y_c (directions, H) of one sequence."""
    count = len(node.functions) // node.directions
    outcomes = []
    for k, weights in enumerate(node.weights(x.shape[1])):
        functions = node.functions[k * count : (k + 1) * count]
        options = ref.Options(node.op, functions, node.linear_before_reset == 1, node.input_forget, node.clip)
        reverse = node.direction == "reverse" or k == 1
        outcomes.append(ref.run_direction(options, weights, x, node.length or len(x), reverse))
    y, h, c = (np.stack([o[i] for o in outcomes], axis=1 if i == 0 else 0) for i in range(3))
    return y, h, c


def scores(model: Model) -> int:
    """Number of values in the output."""
    lasts = [branch[-1] for branch in model.branches]
    return sum(n.directions * n.hidden * (model.frames + (2 if n.op == "LSTM" else 1)) for n in lasts)


def build(model: Model) -> onnx.ModelProto:
    """The ONNX file of a model."""
    nodes: list[onnx.NodeProto] = []
    initialisers: list[onnx.TensorProto] = []
    parts: list[str] = []
    for b, branch in enumerate(model.branches):
        source, features = "x", model.features
        for k, node in enumerate(branch):
            name = f"b{b}n{k}"
            y, last = _emit(node, name, source, features, model.frames, nodes, initialisers)
            source, features = f"{name}_sequence", node.directions * node.hidden
            if k == len(branch) - 1:
                parts += _flat(node, y, last, nodes)
            else:
                _as_sequence(node, y, source, features, model.frames, nodes, initialisers)
    nodes.append(helper.make_node("Concat", parts, ["scores"], axis=1, name="join"))
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [model.batch, model.frames, model.features])
    ]
    if model.inputs_listed:
        inputs += [helper.make_tensor_value_info(i.name, i.data_type, i.dims) for i in initialisers]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [model.batch, scores(model)])]
    graph = helper.make_graph(nodes, "grid", inputs, outputs, initialisers)
    opset = [helper.make_opsetid("", model.opset)]
    version = max(4, helper.find_min_ir_version_for(opset))
    return helper.make_model(graph, opset_imports=opset, ir_version=version, producer_name="grid")


def _emit(
    node: Node,
    name: str,
    source: str,
    features: int,
    frames: int,
    nodes: list[onnx.NodeProto],
    initialisers: list[onnx.TensorProto],
) -> tuple[str, list[str]]:
    """The recurrent node with its weights; names of Y and of the last states."""

    def constant(label: str, array: np.ndarray) -> str:
        kept = array if array.dtype == np.int32 else array.astype(np.float32)
        initialisers.append(numpy_helper.from_array(np.ascontiguousarray(kept), f"{name}_{label}"))
        return f"{name}_{label}"

    sides = node.weights(features)
    batch_axis = 0 if node.layout else 1  # of the initial states

    def states(label: str, field: str) -> str:
        return constant(label, np.expand_dims(np.stack([getattr(s, field) for s in sides]), batch_axis))

    inputs = [
        source if node.layout else f"{name}_x",
        constant("W", np.stack([s.w for s in sides])),
        constant("R", np.stack([s.r for s in sides])),
        constant("B", np.stack([np.concatenate([s.wb, s.rb]) for s in sides])) if node.bias else "",
        constant("lens", np.array([node.length], dtype=np.int32)) if node.length else "",
        states("h0", "h0") if node.initial_h else "",
        states("c0", "c0") if node.initial_c else "",
        constant("P", np.stack([s.p for s in sides])) if node.peephole else "",
    ]
    if not node.layout:
        nodes.append(
            helper.make_node("Transpose", [source], [f"{name}_x"], perm=[1, 0, 2], name=f"{name}_time_first")
        )
    while inputs[-1] == "":
        inputs.pop()
    last = [f"{name}_h"] + ([f"{name}_c"] if node.op == "LSTM" else [])
    nodes.append(helper.make_node(node.op, inputs, [f"{name}_y", *last], name=name, **_attributes(node)))
    return f"{name}_y", last


def _attributes(node: Node) -> dict[str, Any]:
    result: dict[str, Any] = {"hidden_size": node.hidden, "direction": node.direction}
    if node.layout:
        result["layout"] = node.layout
    if node.activations is not None:
        result["activations"] = [n for n, _, _ in node.activations]
        alpha = [a for n, a, _ in node.activations if n in ref.TAKES_ALPHA]
        beta = [b for n, _, b in node.activations if n in ref.TAKES_BETA]
        if alpha and node.parameters_given:
            result["activation_alpha"] = alpha
        if beta and node.parameters_given:
            result["activation_beta"] = beta
    if node.input_forget:
        result["input_forget"] = 1
    if node.linear_before_reset is not None:
        result["linear_before_reset"] = node.linear_before_reset
    if node.clip is not None:
        result["clip"] = node.clip
    return result


def _flat(node: Node, y: str, last: list[str], nodes: list[onnx.NodeProto]) -> list[str]:
    """Y, Y_h and Y_c with the batch first and everything else flattened."""
    flat = []
    for name, perm in [(y, [2, 0, 1, 3]), *((state, [1, 0, 2]) for state in last)]:
        source = name
        if not node.layout:
            nodes.append(
                helper.make_node("Transpose", [name], [f"{name}_t"], perm=perm, name=f"{name}_batch_first")
            )
            source = f"{name}_t"
        nodes.append(helper.make_node("Flatten", [source], [f"{name}_flat"], axis=1, name=f"{name}_flatten"))
        flat.append(f"{name}_flat")
    return flat


def _as_sequence(
    node: Node,
    y: str,
    result: str,
    features: int,
    frames: int,
    nodes: list[onnx.NodeProto],
    initialisers: list[onnx.TensorProto],
) -> None:
    """Y as (batch, frames, directions * hidden), the input of the next layer."""
    source = y
    if not node.layout:
        nodes.append(
            helper.make_node("Transpose", [y], [f"{y}_t"], perm=[2, 0, 1, 3], name=f"{y}_batch_first")
        )
        source = f"{y}_t"
    shape = np.array([-1, frames, features], dtype=np.int64)
    initialisers.append(numpy_helper.from_array(shape, f"{result}_shape"))
    nodes.append(helper.make_node("Reshape", [source, f"{result}_shape"], [result], name=f"{result}_reshape"))


def without_layout(model: Model) -> Model:
    """The same computation in layout 0, which onnxruntime can run."""
    branches = tuple(tuple(replace(node, layout=0) for node in branch) for branch in model.branches)
    return replace(model, branches=branches)
