"""A model read from an ONNX file: its graph for every input shape, and the same file in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.axes import Traced, trace
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.layout import DataInput, Layout, data_inputs
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.onnx.letters import Letters, parse_layout
from certrnn.io.onnx.lookup import Embedding
from certrnn.io.onnx.lower import Lowered, lower
from certrnn.io.onnx.reader import ModelFile, load
from certrnn.io.onnx.replay import Session
from certrnn.io.onnx.roles import Roles, roles
from certrnn.io.onnx.tensors import Known
from certrnn.io.onnx.vocabulary import read_embedding
from certrnn.io.onnx.wanted import choose_input, outputs_in_order
from certrnn.ir import Graph

GUESSED_FRAMES = 8
"""Frames of a sample where neither the file nor data says how many there are."""

_NUMPY: dict[int, type] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
}


def read(path: str | Path, choices: Choices | None = None) -> OnnxModel:
    """Read an ONNX classifier.

    Args:
        path: the model file; external data is looked for in its folder only.
        choices: what the file alone does not settle.

    Raises:
        InvalidInput: the file is missing or damaged, or has no such output.
        Unsupported: its operator set, inputs or outputs are not of a kind certrnn reads. Nodes are read later, by
            :meth:`OnnxModel.graph`.
    """
    chosen = choices or Choices()
    parse_layout(chosen.layout)
    file = load(path)
    source = choose_input(data_inputs(file.proto.graph), file.proto.graph)
    if source.type not in _NUMPY:
        raise Unsupported(
            f"reading input {source.name!r}",
            "its elements are floats or integer words",
            {number: kind for kind, number in onnx.TensorProto.DataType.items()}.get(
                source.type, source.type
            ),
        )
    names = outputs_in_order(file.proto.graph, chosen)
    known = [o.name for o in file.proto.graph.output]
    if not names or names[0] not in known:
        raise InvalidInput(
            f"reading model {file.path.name!r}",
            f"the output is one of {', '.join(map(repr, known)) or 'none'}",
            repr(chosen.output),
            "Choose one of these with --output NAME.",
        )
    return OnnxModel(file, source, chosen)


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A classifier from an ONNX file. Data is ``x`` (samples N, frames T, features D) whatever the file's layout.

    Args:
        length: what every sample's sequence length is said to be; None for its number of frames. See :meth:`at_length`.
    """

    file: ModelFile
    input: DataInput
    choices: Choices = field(default_factory=Choices)
    length: int | None = None
    _lowered: dict[tuple[object, ...], Lowered] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def output(self) -> str:
        """Name of the output that answers."""
        return outputs_in_order(self.file.proto.graph, self.choices)[0]

    @property
    def framewise(self) -> bool:
        """True where several answers of a sample are those of its frames, False where they are independent labels."""
        return not self.choices.multi_label

    def as_numbers(self) -> OnnxModel:
        """The same model with its output taken as numbers instead of classes."""
        return replace(self, choices=replace(self.choices, numbers=True))

    @property
    def sha256(self) -> str:
        """Digest of the model file."""
        return self.file.sha256

    @property
    def external(self) -> tuple[tuple[str, str], ...]:
        """Names and digests of the external data files, which belong to the model as much as its own file."""
        return self.file.external

    @property
    def opset(self) -> int:
        return self.file.opset

    @cached_property
    def takes_lengths(self) -> bool:
        """True where the file has an input that says how many frames are no padding (torch's packed sequences)."""
        return bool(length_inputs(self.file.proto.graph))

    @cached_property
    def spoken(self) -> str:
        """Which of the file's inputs are read as sequence lengths, in a line, or ""."""
        names = " and ".join(repr(info.name) for info in length_inputs(self.file.proto.graph))
        return f"input {names} is read as the sequence length" if names else ""

    def at_length(self, length: int) -> OnnxModel:
        """The same model on samples whose first ``length`` frames are no padding.

        Raises:
            InvalidInput: the file has no input for lengths.
        """
        if not self.takes_lengths:
            raise InvalidInput(
                "setting the sequence length",
                "the model has an input for it",
                "none such",
                "Cut the samples.",
            )
        return replace(self, length=length)

    # ---- reading

    def layout(self, shape: tuple[int, ...]) -> Layout:
        """How samples of shape (T, D) lie in the model's input tensor."""
        if len(shape) != 2 or min(shape) < 1:
            raise InvalidInput(
                "fitting the data to the model", "a sample has shape (frames, features)", shape
            )
        return self.roles.fit(int(shape[0]), int(shape[1]))

    @cached_property
    def traced(self) -> Traced:
        """What the graph says about the axes of its input."""
        return trace(self.file.proto, self.input.name, self.input.dims)

    @cached_property
    def letters(self) -> Letters | None:
        """The axes of the data's array, as the user named them."""
        return parse_layout(self.choices.layout)

    @cached_property
    def roles(self) -> Roles:
        """What the axes of the input mean: traced, named, as the user said, or as declared."""
        return roles(self.input, self.traced, self.letters)

    def lowered(self, shape: tuple[int, ...]) -> Lowered:
        """Everything known about the model on samples of shape (T, D); computed once a shape."""
        frames, features = (int(shape[0]), int(shape[1])) if len(shape) == 2 else (0, 0)
        length = None if self.length == frames else self.length
        key = (frames, features, length, self.choices)
        if key not in self._lowered:
            if length is not None and not 0 < length < frames:
                raise InvalidInput(
                    "fitting the data to the model", f"a sequence length lies in 1..{frames}", length
                )
            whole = None if length is None else replace(self, length=None).lowered(shape)
            layout, embedding = self.layout(shape), self.embedding
            self._lowered[key] = lower(self.file, layout, self.choices, length, whole, embedding)
        return self._lowered[key]

    def graph(self, shape: tuple[int, ...]) -> Graph:
        """The network on one sample of shape (T, D), its scores as output.

        Raises:
            InvalidInput: the data does not fit the model, or the file is damaged.
            Unsupported: a node is not interpreted; the message names it.
        """
        return self.lowered(shape).graph

    def steps(self, shape: tuple[int, ...]) -> int:
        """How many steps the scores belong to, one after the other: 1, or the number of frames."""
        return self.lowered(shape).steps

    def reading(self, shape: tuple[int, ...]) -> str:
        """How the output's numbers are read, such as ``3 classes, the largest of Softmax answers``."""
        return self.lowered(shape).answer.said

    def arrangement(self, shape: tuple[int, ...]) -> str:
        """How a sample (frames, features) lies in the model's input: batch and time axis, in a line."""
        return str(self.layout(shape))

    def notes(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """What was unrolled, folded, cut and dropped, a line each."""
        return (*self.lowered(shape).notes, *self.layout(shape).notes)

    @cached_property
    def embedding(self) -> Embedding | None:
        """The table that words are looked up in; None where the input is floats."""
        if not self.input.tokens:
            return None
        frames, _ = self.roles.shape(GUESSED_FRAMES)
        found = read_embedding(self.file, self.roles.fit(frames, 1), self._told(frames))
        if found is None:
            raise Unsupported(
                f"reading input {self.input.name!r}",
                "integer input is looked up in constant tables by a Gather",
                "no such node",
                "Export with an embedding layer, or with float inputs.",
            )
        return found

    def _told(self, frames: int) -> dict[str, Known]:
        """The inputs for lengths, of one sample."""
        return {name: Known(numbers) for name, numbers in self._lengths(1, frames).items()}

    def embed(self, words: np.ndarray) -> np.ndarray:
        """Word vectors (N, T, E) of words (N, T); negative words count from the end of the table, as in ONNX."""
        table = self.embedding
        if table is None:
            raise InvalidInput(
                "looking up words", "the model has an embedding", f"input {self.input.name!r} of floats"
            )
        words = np.asarray(words)
        size = len(table.table)
        if words.ndim != 2 or words.dtype.kind not in "iu":
            received = f"shape {words.shape}, {words.dtype}"
            raise InvalidInput("looking up words", "words are integers (N, T)", received)
        wrong = words[(words < table.least) | (words >= size)]
        if wrong.size:
            requirement = f"words are numbers from {table.least} to {size - 1}, rows of the embedding"
            remedy = "Number words as the network's own vocabulary does."
            raise InvalidInput("looking up words", requirement, int(wrong[0]), remedy)
        return table.table[words]

    # ---- onnxruntime

    def feed(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs of the model file for onnxruntime: ``x`` is (N, T, D) floats, or (N, T) words."""
        x = np.asarray(x)
        features = len(self.embedding.table[0]) if self.embedding is not None else x.shape[-1]
        layout = self.layout((x.shape[1], features))
        tensor = layout.arrange(x).astype(_NUMPY[self.input.type])
        return {self.input.name: np.ascontiguousarray(tensor), **self._lengths(len(x), x.shape[1])}

    def _lengths(self, samples: int, frames: int) -> dict[str, np.ndarray]:
        kinds = {i.name: i.type.tensor_type for i in length_inputs(self.file.proto.graph)}
        length = frames if self.length is None else self.length
        return {
            n: np.full([samples] * len(t.shape.dim), length, dtype=_NUMPY[int(t.elem_type)])
            for n, t in kinds.items()
        }

    def run_onnxruntime(self, x: np.ndarray) -> np.ndarray:
        """Scores (N, steps * classes) of ``x`` (N, T, D) in the file's own final output, as onnxruntime computes it.

        They decide as the graph's scores do: the largest of a step wins, or a lone one where it is positive. Of a file
        that ends in a softmax they are its probabilities, of one that names a class 1 for it and 0 for others. With an
        embedding ``x`` holds word vectors, fed past the table. All samples run at once where the batch axis is dynamic.

        Raises:
            Unsupported: onnxruntime cannot load or run the model.
        """
        x = np.asarray(x)
        return self._scores(self.run_outputs(x), x.shape[1:])

    def run_outputs(self, x: np.ndarray, together: bool = True) -> np.ndarray:
        """The final output (N, size) of ``x`` (N, T, D), flattened, of the file's own type; all samples at once where
        that is possible and ``together`` allows it."""
        return self._run(np.asarray(x), together)

    def run_onnxruntime_on_words(self, words: np.ndarray) -> np.ndarray:
        """The same scores of words (N, T) from the whole file, embedding included."""
        if self.embedding is None:
            raise InvalidInput(
                "running words", "the model has an embedding", f"input {self.input.name!r} of floats"
            )
        words, name = np.asarray(words), self.output
        session = self._session(None, (name,))
        runs = [
            session.run((name,), self.feed(words[i : i + 1]))[0].reshape(1, -1) for i in range(len(words))
        ]
        return self._scores(np.concatenate(runs), (words.shape[1], self.embedding.table.shape[1]))

    def run_on_words(self, words: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
        """The named tensors of the whole file for one text of words (T,)."""
        return self._session(None, tuple(names)).run(tuple(names), self.feed(words[None]))

    def _scores(self, outputs: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        lowered = self.lowered(shape)
        expected = (
            int(np.prod(lowered.answer.places.shape)) if lowered.numbers is None else lowered.numbers.outputs
        )
        if outputs.shape[1] != expected:
            raise Unsupported(
                "running the model in onnxruntime",
                f"it computes {expected} numbers a sample, as the graph does",
                outputs.shape[1],
            )
        return lowered.answer.scores(outputs)

    def inner(self, sample: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        """The named tensors of the file for one sample (T, D)."""
        return self._run_some(self._session(sample.shape, names), sample[None], names)

    def _run(self, x: np.ndarray, together: bool) -> np.ndarray:
        lowered, layout = self.lowered(x.shape[1:]), self.layout(x.shape[1:])
        session = self._session(x.shape[1:], (self.output,))
        ordered = all(cut.order(self._places(x), x.shape[1]) is not None for cut in lowered.cuts)
        # where one sample's output begins with its batch axis, that of several does
        if together and layout.dynamic_batch and len(x) > 1 and lowered.shape[:1] == (1,) and ordered:
            try:
                found = self._run_some(session, x, (self.output,))[0]
                if found.shape == (len(x), *lowered.shape[1:]):
                    return found.reshape(len(x), -1)
            except Unsupported:
                pass  # a batch of one was baked into the file behind a dynamic axis: run one by one
        runs = [self._run_some(session, x[i : i + 1], (self.output,))[0] for i in range(len(x))]
        return np.concatenate([run.reshape(1, -1) for run in runs])

    def _places(self, x: np.ndarray) -> np.ndarray:
        """The words of samples as they lie in the input, numbered sample * T + frame."""
        count, frames = x.shape[:2]
        return self.layout(x.shape[1:]).arrange(np.arange(count * frames).reshape(count, frames, -1))

    def _run_some(self, session: Session, x: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        cuts = self.lowered(x.shape[1:]).cuts
        if not cuts:
            return session.run(names, self.feed(x))
        words = self.feed(np.zeros(x.shape[:2], dtype=np.int64))
        places = self._places(x)
        vectors = {cut.tensor: cut.vectors(x, places).astype(np.float32) for cut in cuts}
        return session.run(names, words | vectors)

    def _session(self, shape: tuple[int, ...] | None, names: tuple[str, ...]) -> Session:
        """A session with the named outputs, cut behind the embedding where a shape is given."""
        cuts = () if shape is None else self.lowered(shape).cuts
        key = "\n".join([str(bool(cuts)), *names])
        if key not in self._sessions:
            declared = [
                (cut.tensor, onnx.TensorProto.FLOAT, [*(None for _ in cut.frames.shape), cut.width])
                for cut in cuts
            ]
            self._sessions[key] = Session(self.file.proto, names, declared)
        return self._sessions[key]
