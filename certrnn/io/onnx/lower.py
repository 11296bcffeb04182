"""From an ONNX model and the shape of one sample to a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx

from certrnn.cells import Recurrence
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import loop
from certrnn.io.onnx.answers import Answer, Reader, Reading
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.copies import one_row
from certrnn.io.onnx.foreign import foreign
from certrnn.io.onnx.kinds import file_types, name_of
from certrnn.io.onnx.layout import Layout
from certrnn.io.onnx.lookup import Cut, Embedding, looked_up
from certrnn.io.onnx.marks import SAID
from certrnn.io.onnx.node import NodeContext, decoded
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.reader import ModelFile, _short, to_array
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tabulated import WORDWISE, tabulated
from certrnn.io.onnx.tensors import Chosen, Known, Normalised, Tensor, Tokens, View, known
from certrnn.io.onnx.vocabulary import input_words
from certrnn.io.onnx.wanted import needed, outputs_in_order
from certrnn.io.onnx.words import WordReader
from certrnn.ir import Graph
from certrnn.ir.rewrite import simplify

_SUPPORTED = (
    "Supported are RNN, LSTM, GRU, Gemm, MatMul, Einsum, Conv, pooling, batch, layer, instance and group "
    "normalization, Softmax, sums, products, quotients, powers, roots, Exp, Log, Erf, Gelu and the usual activations, "
    "Clip, Abs, Max, Min, sums, means, maxima and norms over axes, comparisons, Where, data movement, and ArgMax at "
    "the end; see certrnn supports --onnx-operators. Export a model made of these."
)
_BROKEN = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, eq=False)
class Table:
    """Arguments of a Softmax or LogSoftmax: a graph of all of them, the group of each, and which of the values the
    output holds, in row-major order."""

    arguments: Graph
    groups: np.ndarray
    entries: np.ndarray


@dataclass(frozen=True, eq=False)
class Lowered:
    """A lowered model.

    Args:
        graph: the scores that decide, step after step, simplified.
        whole: the same before simplification.
        numbers: the elements of the output itself, in row-major order; of a Softmax its arguments. None for class
            numbers.
        function: what the output applies to ``numbers`` in groups: ``Softmax``, ``LogSoftmax``, or "".
        groups: for each of ``numbers`` the group that it is normalised in; empty where there is no function.
        table: all that the function normalises, of which the output may hold a part; None where there is no function.
        scale: factor and offset of what the function's values are multiplied by and added to.
        sigmoids: the arguments of ``numbers`` where all of these are sigmoids, else None.
        answer: how the output's numbers are read.
        shape: of the output tensor for one sample.
        tensors: for every ONNX tensor that depends on the input, its elements in ``whole``: numbers that count through
            the nodes' values one after the other, of the tensor's shape for one sample.
        starts: number of the first element of each node of ``whole``, and their count.
        known: for every ONNX tensor that does not, its numbers.
        warnings: those of the notes that a reader of results must know.
        timed: the output's axes that trace to time.
        cuts: the tensors of word vectors that the graph begins behind.
        read: functions of words whose values were read, beside numbers of rows that are looked up.
        words: every ONNX tensor that is computed from words alone.
        rows_axis: of the file's own output, which holds an answer for each of several samples; None where there is one.
        recurrences: the recurrent layers of the file, by their positions in ``whole``.
    """

    graph: Graph
    whole: Graph
    numbers: Graph | None
    function: str
    groups: np.ndarray
    table: Table | None
    scale: tuple[float, float]
    sigmoids: Graph | None
    answer: Answer
    shape: tuple[int, ...]
    tensors: dict[str, np.ndarray]
    starts: np.ndarray
    known: dict[str, Known]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    timed: tuple[int, ...]
    cuts: tuple[Cut, ...] = ()
    read: tuple[np.ndarray, ...] = ()
    words: dict[str, Tokens] = field(default_factory=dict)
    rows_axis: int | None = None
    recurrences: tuple[Recurrence, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps the scores belong to: 1, or the number of frames."""
        return self.answer.steps


def lower(
    file: ModelFile,
    layout: Layout,
    choices: Choices,
    told: Mapping[str, Known],
    whole: Lowered | None = None,
    embedding: Embedding | None = None,
    words: np.ndarray | None = None,
) -> Lowered:
    """Lower the part of the model that its outputs depend on, for one sample.

    Args:
        choices: which output answers, and how it is read.
        told: the inputs beside the data, for one sample: sequence lengths, and what is fixed.
        whole: the same told the number of frames, which says how the output is read at shorter lengths.
        embedding: the vectors that its words are looked up as, where it takes words.
        words: one for each frame, for what is computed from words beside.

    Raises:
        Unsupported, InvalidInput: naming the node.
    """
    return _Lowering(file, layout, choices, told, whole, embedding, words).run()


class _Lowering:
    """One walk over the nodes of a model."""

    def __init__(
        self,
        file: ModelFile,
        layout: Layout,
        choices: Choices,
        told: Mapping[str, Known],
        whole: Lowered | None,
        embedding: Embedding | None,
        words: np.ndarray | None,
    ) -> None:
        self.file, self.layout, self.choices, self.told = file, layout, choices, told
        self.at_length = whole
        self.proto = file.proto.graph
        self.space = Space()
        self.space.repeating = layout.copies > 1
        self.rows_axis: int | None = None
        self.notes: list[str] = []
        self.types = file_types(self.proto)
        self.words = WordReader(embedding, words)

    def run(self) -> Lowered:
        scope: dict[str, Tensor] = {}
        self._bind_inputs(scope)
        for tensor in self.proto.initializer:
            scope[tensor.name] = known(
                to_array(tensor, f"reading model {self.file.path.name!r}"), tensor.name
            )
        answering, *others = outputs_in_order(self.proto, self.choices)
        self._walk({answering}, scope)
        self._settle(answering, scope)
        reading, rows_axis = self._read(answering, scope), self.rows_axis
        if self.at_length is not None:
            self._agrees(reading.answer, self.at_length.answer)
        for other in others:
            self._follows(other, answering, reading, scope)
        self.rows_axis = rows_axis
        return self._finish(reading, scope)

    def _settle(self, output: str, scope: dict[str, Tensor]) -> None:
        """Of a file that takes several samples at once, one row of an output."""
        if self.layout.copies > 1 and output in scope and not isinstance(scope[output], Known):
            scope[output], self.rows_axis = one_row(output, scope[output], self.layout.copies)

    def _walk(self, outputs: set[str], scope: dict[str, Tensor]) -> None:
        """Every node that the outputs depend on and that was not read yet."""
        wanted = needed(self.proto.node, outputs)
        for node in self.proto.node:
            if any(name in wanted and name not in scope for name in node.output):
                self._step(node, scope)

    # ---- inputs

    def _bind_inputs(self, scope: dict[str, Tensor]) -> None:
        layout, builder = self.layout, self.space.builder
        inputs = [builder.input(t, layout.features, f"frame {t}") for t in range(layout.frames)]
        rows = np.stack([self.space.ids(p) for p in inputs])
        if layout.input.tokens:
            scope[layout.input.name] = input_words(layout, self.proto)
            self.words.rows = rows
        else:
            scope[layout.input.name] = View(layout.arrange(rows[None]), layout.input.type)
        fixed = {one.name: one.said for one in self.choices.fix}
        for name, numbers in self.told.items():
            scope[name] = numbers
            said = f"the sequence length, {self.length} of {layout.frames} frames"
            self.notes.append(f"input {name!r}: {f'fixed, {fixed[name]}' if name in fixed else said}")

    @property
    def length(self) -> int:
        """What the model is told as its sequence length; the number of frames where it is told none."""
        fixed = {one.name for one in self.choices.fix}
        told = [int(k.array.reshape(-1)[0]) for name, k in self.told.items() if name not in fixed]
        return told[0] if told else self.layout.frames

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
                    f"Give it numbers: --fix {missing[0]}=zeros, or a number or a file in place of zeros.",
                )
            raise InvalidInput(
                where, "its inputs are computed by earlier nodes", repr(missing[0]), "Export again."
            )
        attributes = decoded(node, where)
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
            self.types,
        )

    def _results(self, node: onnx.NodeProto, context: NodeContext, scope: dict[str, Tensor]) -> list[Tensor]:
        if node.domain not in ("", "ai.onnx"):
            raise foreign(context, node.domain)
        looked = looked_up(node.op_type, context.inputs, context.attribute("axis"))
        if looked is not None:
            return [self.words.vectors(context, *looked)]
        context = self.words.valued(context)
        if node.op_type == "If":
            return loop.branch(context, scope, self._step)
        if node.op_type == "Loop":
            return loop.unroll(context, scope, self._step)
        if node.op_type == "Scan":
            return loop.scan(context, scope, self._step)
        if node.op_type not in OPERATORS:
            raise context.refuse("certrnn interprets the operator", node.op_type, _SUPPORTED)
        handler = OPERATORS[node.op_type]
        if any(isinstance(t, Tokens) for t in context.inputs) and node.op_type in WORDWISE:
            return tabulated(context, handler)
        return handler(context)

    # ---- the end

    def _read(self, output: str, scope: dict[str, Tensor]) -> Reading:
        if output not in scope:
            raise InvalidInput("reading the graph's output", "it is computed by a node", repr(output))
        whole = self.at_length
        timed = whole.timed if whole is not None and whole.answer.output == output else None
        return Reader(self.space, self.layout.frames, self.choices, timed).read(output, scope[output])

    def _agrees(self, answer: Answer, whole: Answer) -> None:
        """Refuse a shorter length at which the output would be read in another way."""
        if (answer.said, answer.kind, answer.cut) != (whole.said, whole.kind, whole.cut):
            raise Unsupported(
                f"reading output {answer.output!r}",
                "it is read alike at every sequence length",
                f"{answer.said} at length {self.length}, and {whole.said} at length {self.layout.frames}",
                "Say with --cut T which scores mean class 1.",
            )

    def _follows(self, other: str, answering: str, reading: Reading, scope: dict[str, Tensor]) -> None:
        """Refuse an output that may say something else than the one that answers, where no option chose one."""
        try:
            self._walk({other}, scope)
            self._settle(other, scope)
            if isinstance(scope.get(other), Known):
                return
            same = self._read(other, scope).key == reading.key
        except CertrnnError:
            same = False
        if not same:
            names = ", ".join(repr(o.name) for o in self.proto.output)
            raise Unsupported(
                f"reading model {self.file.path.name!r}",
                "it has one output, or all of its outputs decide alike",
                f"outputs {names}, and {other!r} does not follow from {answering!r}",
                f"Choose one with --output NAME, or in Python certrnn.load(.., output={answering!r}).",
            )

    def _finish(self, reading: Reading, scope: dict[str, Tensor]) -> Lowered:
        result = scope[reading.answer.output]
        steps, classes = reading.answer.steps, reading.answer.classes
        if steps > 1 and reading.answer.kind != "numbers" and not self.choices.multi_label:
            self.notes.append(
                f"output {reading.answer.output!r}: read as {steps} steps of {classes} scores each"
            )
        position = self.space.vector(reading.scores, "scores")
        numbers = None if isinstance(result, Chosen) else self.space.vector(_arguments(result), "scores")
        self.space.ids(position if numbers is None else max(position, numbers))
        whole = self.space.builder.build(position)
        graph = simplify(whole)
        written = None if numbers is None else simplify(self.space.builder.build(numbers))
        function, groups, scale = "", np.zeros(0, dtype=np.int64), (1.0, 0.0)
        if isinstance(result, Normalised):
            function, scale = result.function, result.scale
            groups = result.groups[result.entries].reshape(-1)
        elif isinstance(result, Chosen):
            function = "ArgMax"
        return Lowered(
            graph=graph,
            whole=whole,
            numbers=graph if numbers == position else written,
            function=function,
            groups=groups,
            table=self._table(result),
            scale=scale,
            sigmoids=self._sigmoids(result),
            answer=reading.answer,
            shape=result.shape,
            tensors={n: t.ids for n, t in scope.items() if isinstance(t, View)},
            starts=np.array([0, *np.cumsum([n.size for n in whole.nodes])]),
            known={n: t for n, t in scope.items() if isinstance(t, Known)},
            notes=(*self.notes, f"output {reading.answer.output!r}: {reading.answer.said}", *reading.notes),
            warnings=(
                *reading.notes,
                *self._roundings(),
                *self.space.warnings,
                *([SAID] if self.words.read else []),
            ),
            timed=reading.timed,
            cuts=tuple(self.words.cuts),
            read=tuple(self.words.read.values()),
            rows_axis=self.rows_axis,
            words={n: t for n, t in scope.items() if isinstance(t, Tokens)},
            recurrences=tuple(self.space.recurrences),
        )

    def _table(self, result: Tensor) -> Table | None:
        if not isinstance(result, Normalised):
            return None
        place = self.space.vector(result.scores, "arguments")
        self.space.ids(place)
        arguments = simplify(self.space.builder.build(place))
        return Table(arguments, result.groups, result.entries.reshape(-1))

    def _roundings(self) -> list[str]:
        names = ", ".join(sorted(name_of(kind) for kind in self.space.roundings))
        told = f"the file casts numbers to {names} on the way: rounded there by a deployment, and by no proof"
        return [told] if names else []

    def _sigmoids(self, result: Tensor) -> Graph | None:
        """The arguments of an output of sigmoids, where nothing but numbers is asked of it."""
        if not (self.choices.numbers and isinstance(result, View) and self.space.probabilities(result.ids)):
            return None
        ids = self.space.resolved(result.ids.reshape(-1))
        inner = self.space.vector(self.space.sources(*self.space.locate(ids)), "scores")
        self.space.ids(inner)
        return simplify(self.space.builder.build(inner))


def _arguments(tensor: Tensor) -> np.ndarray:
    """Elements of an output in row-major order; of normalised values their arguments."""
    if isinstance(tensor, Normalised):
        return tensor.scores[tensor.entries].reshape(-1)
    assert isinstance(tensor, View)
    return tensor.ids.reshape(-1)
