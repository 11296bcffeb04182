"""From an ONNX model and the shape of one sample to a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from certrnn.cells import Recurrence
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import loop
from certrnn.io.onnx.layout import DataInput, Layout
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops import MOVEMENT, OPERATORS, PICKING
from certrnn.io.onnx.ops.heads import DROPPABLE, dropped, steps_of
from certrnn.io.onnx.reader import ModelFile, _short, to_array
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, View, known
from certrnn.ir import Graph
from certrnn.ir.rewrite import simplify

_SUPPORTED = (
    "Supported are RNN, LSTM, GRU, Gemm, MatMul, Conv, pooling, BatchNormalization, sums, products, quotients by "
    "constants, Sigmoid, Tanh, Relu, LeakyRelu, PRelu, Clip, HardSigmoid, Abs, Max, Min, means and maxima over axes, "
    "data movement, and Softmax, LogSoftmax, Sigmoid or ArgMax at the end. Export the logits of a model made of these."
)
_BROKEN = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, eq=False)
class Embedding:
    """A table of word vectors indexed by the model's input, cut off in front of the graph.

    Parameters
    ----------
    table: (words, features), float64.
    tensor: name of the ONNX tensor that holds the looked-up rows.
    """

    table: np.ndarray
    tensor: str


@dataclass(frozen=True, eq=False)
class Lowered:
    """A lowered model.

    Parameters
    ----------
    graph: the network, simplified.
    whole: the same before simplification.
    tensors: for every ONNX tensor that depends on the input, its elements in ``whole``: numbers that count through the
        nodes' values one after the other, of the tensor's shape for one sample.
    starts: number of the first element of each node of ``whole``, and their count.
    scores: name of the ONNX tensor that holds the graph's output.
    picked: which of its elements are the graph's output, shape (C,).
    head: ``"logits"`` (one score a class) or ``"binary"`` (class 1 where the one score is positive).
    steps: how many steps the scores belong to, one after the other: 1, or the number of frames of a network that
        answers at every frame.
    recurrences: the recurrent layers of the file, by their positions in ``whole``.
    """

    graph: Graph
    whole: Graph
    tensors: dict[str, np.ndarray]
    starts: np.ndarray
    scores: str
    picked: np.ndarray
    head: str
    notes: tuple[str, ...]
    embedding: Embedding | None
    recurrences: tuple[Recurrence, ...] = ()
    steps: int = 1


def lower(file: ModelFile, layout: Layout, output: str, length: int | None = None) -> Lowered:
    """Lower the part of the model that ``output`` depends on, for one sample.

    Parameters
    ----------
    length: what the model is told as its sequence length, where it has such an input; the number of frames by default.

    Raises
    ------
    Unsupported, InvalidInput: naming the node.
    """
    return _Lowering(file, layout, output, layout.frames if length is None else length).run()


class _Lowering:
    """One walk over the nodes of a model."""

    def __init__(self, file: ModelFile, layout: Layout, output: str, length: int) -> None:
        self.file, self.layout, self.output, self.length = file, layout, output, length
        self.proto = file.proto.graph
        self.space = Space()
        self.notes: list[str] = []
        self.embedding: Embedding | None = None
        self.inputs: list[int] = []
        self.scores = output

    def run(self) -> Lowered:
        scope: dict[str, Tensor] = {}
        self._bind_inputs(scope)
        for tensor in self.proto.initializer:
            scope[tensor.name] = known(
                to_array(tensor, f"reading model {self.file.path.name!r}"), tensor.name
            )
        wanted = _needed(self.proto.node, {self.output})
        self.last = {
            op: _terminal(self.proto.node, self.output, PICKING if op == "Sigmoid" else MOVEMENT)
            for op in DROPPABLE
        }
        for node in self.proto.node:
            if any(name in wanted for name in node.output):
                self._step(node, scope)
        return self._finish(scope)

    # ---- inputs

    def _bind_inputs(self, scope: dict[str, Tensor]) -> None:
        layout = self.layout
        if layout.input.tokens:
            scope[layout.input.name] = Tokens(layout.arrange(np.arange(layout.frames)[None]))
        builder = self.space.builder
        self.inputs = [builder.input(t, layout.features, f"frame {t}") for t in range(layout.frames)]
        rows = np.stack([self.space.ids(p) for p in self.inputs])
        self.rows = rows
        if not layout.input.tokens:
            scope[layout.input.name] = View(layout.arrange(rows[None]))
        for info in length_inputs(self.proto):
            if info.name != layout.input.name:
                axes = [1] * len(info.type.tensor_type.shape.dim)
                scope[info.name] = Known(np.full(axes, self.length, dtype=np.int64))
                self.notes.append(
                    f"input {info.name!r}: the sequence length, {self.length} of {layout.frames} frames"
                )

    # ---- nodes

    def _step(self, node: onnx.NodeProto, scope: dict[str, Tensor]) -> None:
        context = self._context(node, scope)
        try:
            results = self._results(node, context, scope)
        except CertrnnError:
            raise
        except MemoryError as error:
            raise InvalidInput(context.where, "the node fits into memory", "out of memory") from error
        except _BROKEN as error:
            # a damaged file can break any assumption of a handler; the node is named, nothing is guessed
            raise InvalidInput(
                context.where, "inputs and attributes fit together", _short(error), "Export the model again."
            ) from error
        for name, result in zip(node.output, results, strict=False):
            if name:
                scope[name] = result

    def _context(self, node: onnx.NodeProto, scope: dict[str, Tensor]) -> NodeContext:
        name = node.name or (node.output[0] if node.output else "?")
        where = f"reading node {name!r} ({node.op_type})"
        missing = [i for i in node.input if i and i not in scope]
        if missing:
            extra = {i.name for i in self.proto.input}
            if missing[0] in extra:
                raise Unsupported(
                    where,
                    "the model has one data input (and a sequence length)",
                    f"a further input {missing[0]!r}",
                    "Export with initial states and masks as constants.",
                )
            raise InvalidInput(
                where, "its inputs are computed by earlier nodes", repr(missing[0]), "Export again."
            )
        attributes = {a.name: _decoded(a, where) for a in node.attribute}
        inputs = tuple(scope[i] if i else None for i in node.input)
        return NodeContext(
            name,
            node.op_type,
            self.file.opset,
            attributes,
            inputs,
            tuple(node.output),
            self.space,
            self.notes,
        )

    def _results(self, node: onnx.NodeProto, context: NodeContext, scope: dict[str, Tensor]) -> list[Tensor]:
        if node.domain not in ("", "ai.onnx"):
            raise context.refuse(
                "operators come from the standard ONNX set",
                f"domain {node.domain!r}",
                "Export without contributed ops.",
            )
        if node.op_type == "If":
            return self._branch(context, scope)
        if node.op_type == "Loop":
            return loop.unroll(context, scope, self._step)
        if (
            node.op_type in DROPPABLE
            and node.output[0] in self.last[node.op_type]
            and isinstance(context.input(0), View)
        ):
            self.scores = node.input[0]
            return dropped(context)
        if (
            node.op_type == "Gather"
            and isinstance(context.input(0), Known)
            and isinstance(context.input(1), Tokens)
        ):
            return [self._embed(node, context)]
        if node.op_type not in OPERATORS:
            raise context.refuse("certrnn interprets the operator", node.op_type, _SUPPORTED)
        return OPERATORS[node.op_type](context)

    def _branch(self, context: NodeContext, scope: dict[str, Tensor]) -> list[Tensor]:
        """An If whose condition is known: the nodes of the branch it takes."""
        condition = context.constant(0, "the condition").array.reshape(-1)
        branch = context.attribute("then_branch" if bool(condition[0]) else "else_branch")
        inner = dict(scope)
        for tensor in branch.initializer:
            inner[tensor.name] = known(to_array(tensor, context.where), tensor.name)
        for node in branch.node:
            self._step(node, inner)
        context.note(f"folded, its condition is always {bool(condition[0])}")
        return [inner[o.name] for o in branch.output]

    def _embed(self, node: onnx.NodeProto, context: NodeContext) -> View:
        table, words = context.constant(0, "the table"), context.input(1)
        assert isinstance(words, Tokens)
        if context.attribute("axis", 0) != 0 or table.array.ndim != 2 or not table.real:
            raise context.refuse("an embedding reads the rows of a matrix of floats", f"shape {table.shape}")
        if table.shape[1] != self.layout.features:
            raise InvalidInput(
                "fitting the data to the model",
                f"a frame is a word vector of {table.shape[1]} features",
                self.layout.features,
            )
        if self.embedding is not None:
            raise context.refuse("the words of the input are looked up once", "a second embedding")
        if not np.isfinite(table.array).all():
            raise context.damaged("the embedding's numbers are finite", "nan or inf")
        self.embedding = Embedding(table.array, node.output[0])
        context.note(f"cut: the frames are rows of the table {table.name!r} of {table.shape[0]} words")
        return View(self.rows[words.frames])

    # ---- the end

    def _finish(self, scope: dict[str, Tensor]) -> Lowered:
        if self.output not in scope:
            raise InvalidInput("reading the graph's output", "it is computed by a node", repr(self.output))
        result = scope[self.output]
        if not isinstance(result, View):
            raise Unsupported(
                f"reading output {self.output!r}",
                "the scores depend on the input",
                "a constant",
                "Check the export.",
            )
        steps = steps_of(result.shape)
        if result.ids.size == 0 or steps not in (1, self.layout.frames):
            raise Unsupported(
                f"reading output {self.output!r}",
                "the output is one vector of class scores a sample, or one a frame with the classes last",
                f"shape {result.shape} for one sample of {self.layout.frames} frames",
                "Export the scores of one frame, e.g. the last, or of every frame.",
            )
        if steps > 1:
            classes = result.ids.size // steps
            self.notes.append(f"output {self.output!r}: read as {steps} steps of {classes} scores each")
        position = self.space.vector(result.ids, "scores")
        self.space.ids(position)
        whole = self.space.builder.build(position)
        head = "binary" if result.ids.size == steps else "logits"
        tensors = {n: t.ids for n, t in scope.items() if isinstance(t, View)}
        starts = np.array([0, *np.cumsum([n.size for n in whole.nodes])])
        return Lowered(
            simplify(whole),
            whole,
            tensors,
            starts,
            self.scores,
            _places(tensors[self.scores], result.ids),
            head,
            tuple(self.notes),
            self.embedding,
            tuple(self.space.recurrences),
            steps,
        )


def _places(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted id stands among ``ids``, flattened."""
    flat = ids.reshape(-1)
    order = np.argsort(flat, kind="stable")
    return order[np.searchsorted(flat, wanted.reshape(-1), sorter=order)]


def _decoded(attribute: onnx.AttributeProto, where: str) -> Any:
    if attribute.ref_attr_name:
        raise InvalidInput(where, "attributes hold values", f"a reference {attribute.ref_attr_name!r}")
    match attribute.type:
        case onnx.AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        case onnx.AttributeProto.STRINGS:
            return [s.decode("utf-8", "replace") for s in attribute.strings]
        case onnx.AttributeProto.TENSOR:
            return to_array(attribute.t, where)
        case onnx.AttributeProto.SPARSE_TENSOR | onnx.AttributeProto.SPARSE_TENSORS:
            raise Unsupported(where, "tensors are dense", f"sparse attribute {attribute.name!r}")
    return onnx.helper.get_attribute_value(attribute)


def _reads(node: onnx.NodeProto) -> set[str]:
    """Names a node reads, those of its sub-graphs included."""
    names = {i for i in node.input if i}
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs):
            for inner in graph.node:
                names |= _reads(inner)
            names |= {o.name for o in graph.output}
    return names


def _needed(nodes: Sequence[onnx.NodeProto], wanted: set[str]) -> set[str]:
    """Names that the wanted tensors depend on."""
    found = set(wanted)
    for node in reversed(nodes):
        if any(o in found for o in node.output):
            found |= _reads(node)
    return found


def _terminal(nodes: Sequence[onnx.NodeProto], output: str, allowed: frozenset[str]) -> set[str]:
    """Names of tensors after which only operators of ``allowed`` lead to the output."""
    found, name = {output}, output
    makers = {o: n for n in nodes for o in n.output if o}
    while name in makers:
        node = makers[name]
        if node.op_type not in allowed or not node.input:
            break
        name = node.input[0]
        found.add(name)
    return found


def choose_input(inputs: list[DataInput], graph: onnx.GraphProto) -> DataInput:
    """The input that carries the data; every other must be a sequence length."""
    lengths = {i.name for i in length_inputs(graph)}
    others = [i for i in inputs if i.name not in lengths]
    if len(others) != 1:
        raise Unsupported(
            "reading the model's inputs",
            "there is one data input (and a sequence length)",
            ", ".join(repr(i.name) for i in others) or "none",
            "Export with initial states and masks as constants.",
        )
    return others[0]
