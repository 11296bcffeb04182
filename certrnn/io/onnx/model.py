"""A model read from an ONNX file: its graph for every input shape, and the same file in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.axes import Traced, trace
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.deployed import NUMPY, Deployed
from certrnn.io.onnx.layout import DataInput, Layout
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.onnx.letters import Letters, parse_layout
from certrnn.io.onnx.lookup import Embedding
from certrnn.io.onnx.lower import Lowered, lower
from certrnn.io.onnx.marks import Marks, WordClasses
from certrnn.io.onnx.reader import ModelFile, load
from certrnn.io.onnx.replay import Session
from certrnn.io.onnx.roles import Roles, roles
from certrnn.io.onnx.tensors import Known, known
from certrnn.io.onnx.vocabulary import read_embedding
from certrnn.io.onnx.wanted import choose_input, given_numbers, outputs_in_order, unread
from certrnn.ir import Graph

GUESSED_FRAMES = 8
"""Frames of a sample where neither the file nor data says how many there are."""


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
    source = choose_input(file.proto.graph, chosen)
    if source.type not in NUMPY:
        raise Unsupported(
            f"reading input {source.name!r}",
            "its elements are floats or integer words",
            {number: kind for kind, number in onnx.TensorProto.DataType.items()}.get(
                source.type, source.type
            ),
            "Disturbances are real numbers: export with a float input, without the cast that follows this one.",
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
class OnnxModel(Deployed):
    """A classifier from an ONNX file. Data is ``x`` (samples N, frames T, features D) whatever the file's layout.

    Args:
        length: what every sample's sequence length is said to be; None for its number of frames. See :meth:`at_length`.
        checked: numbers of frames for which arithmetic on words was held against onnxruntime.
        marks: the classes of every sample's words; () for words none of which is padding. See :meth:`at_marks`.
    """

    file: ModelFile
    input: DataInput
    choices: Choices = field(default_factory=Choices)
    length: int | None = None
    marks: Marks = ()
    _lowered: dict[tuple[object, ...], Lowered] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _told_apart: dict[int, WordClasses | None] = field(default_factory=dict)
    checked: set[int] = field(default_factory=set)

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
        return bool(self.lengths)

    @property
    def lengths(self) -> tuple[onnx.ValueInfoProto, ...]:
        """The inputs that are told how many frames are no padding."""
        fixed = {one.name for one in self.choices.fix}
        return tuple(info for info in length_inputs(self.file.proto.graph) if info.name not in fixed)

    @cached_property
    def spoken(self) -> str:
        """Which of the file's inputs are sequence lengths, and which are fixed, in a line, or ""."""
        names = " and ".join(repr(info.name) for info in self.lengths)
        told = [f"input {names} is read as the sequence length"] if names else []
        return "; ".join([*told, *(f"input {one.name!r} is fixed: {one.said}" for one in self.choices.fix)])

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

    def at_marks(self, marks: Marks) -> OnnxModel:
        """The same model on samples whose words are of these classes, where it computes masks from them."""
        return replace(self, marks=marks) if marks else self

    def marks_of(self, words: np.ndarray, frames: int | None = None) -> Marks:
        """The classes of words; () where the network computes nothing but vectors from them.

        Args:
            words: (K,) those of a sample, or any.
            frames: of how many frames samples are, where that is not K.
        """
        classes = self._classes(len(words) if frames is None else frames)
        return () if classes is None else classes.of_words(words)

    def marks_of_vectors(self, x: np.ndarray, frames: int) -> Marks:
        """The classes of the words whose vectors ``x`` (K, D) are, in samples of so many frames.

        Raises:
            InvalidInput: a vector is no word's.
        """
        classes = self._classes(frames)
        return () if classes is None else classes.of_vectors(x)

    def marks_of_vector(self, vector: np.ndarray, frames: int) -> set[int]:
        """The classes of the words whose vector (D,) is this one, in samples of so many frames; none for no word's."""
        classes = self._classes(frames)
        return set() if classes is None else classes.of_vector(vector)

    def words_like(self, chance: np.ndarray) -> np.ndarray:
        """Words (N, T) of the classes that the samples are said to have, picked by numbers (N, T) from [0, 1)."""
        assert self.embedding is not None
        every = np.arange(self.embedding.least, len(self.embedding.table))
        classes = self._classes(chance.shape[1])
        if classes is None:
            return every[(chance * len(every)).astype(np.int64)]
        marks = classes.of_words(self.own_words(chance.shape[1]))
        told = np.array(classes.of_words(every))
        pools = [every[told == mark] for mark in marks]
        return np.stack(
            [p[(c * len(p)).astype(np.int64)] for p, c in zip(pools, chance.T, strict=True)], axis=1
        )

    def own_words(self, frames: int) -> np.ndarray:
        """A word for each frame of the classes that the samples are said to have."""
        assert self.embedding is not None
        classes = self._classes(frames) if self.marks else None
        if classes is None:
            return np.full(frames, len(self.embedding.table) - 1)
        return classes.members[list(self.marks)]

    def _classes(self, frames: int) -> WordClasses | None:
        """The classes of words that the network tells apart beside looking them up; None where it does not."""
        table = self.embedding
        if table is None:
            return None
        if frames not in self._told_apart:
            read = replace(self, marks=(), length=None).lowered((frames, table.table.shape[1])).read
            self._told_apart[frames] = WordClasses.of(table, read, f"reading input {self.input.name!r}")
        return self._told_apart[frames]

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
        key = (frames, features, length, self.choices, self.marks)
        if key not in self._lowered:
            if length is not None and not 0 < length < frames:
                raise InvalidInput(
                    "fitting the data to the model", f"a sequence length lies in 1..{frames}", length
                )
            whole = None if length is None else replace(self, length=None).lowered(shape)
            layout, table = self.layout(shape), self.embedding
            words = None if table is None else self.own_words(frames)
            told = replace(self, length=length)._told(layout)
            self._lowered[key] = lower(self.file, layout, self.choices, told, whole, table, words)
            self._require_classes(frames, self._lowered[key])
        return self._lowered[key]

    def _require_classes(self, frames: int, lowered: Lowered) -> None:
        """Refuse functions of words that are read for some words only."""
        classes = self._classes(frames) if self.marks else None
        if classes is not None and not all(classes.knows(row) for row in lowered.read):
            raise Unsupported(
                f"reading input {self.input.name!r}", "masks are computed alike for all words", "others"
            )

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
        graph = self.file.proto.graph
        left = sorted(unread(graph, self.choices) - given_numbers(graph))
        idle = tuple(f"input {name!r}: nothing that answers reads it" for name in left)
        return (*idle, *self.lowered(shape).notes, *self.layout(shape).notes)

    @cached_property
    def embedding(self) -> Embedding | None:
        """The table that words are looked up in; None where the input is floats."""
        if not self.input.tokens:
            return None
        frames, _ = self.roles.shape(GUESSED_FRAMES)
        layout = self.roles.fit(frames, 1)
        table = read_embedding(self.file, layout, self._told(layout))
        if table is None:
            raise Unsupported(
                f"reading input {self.input.name!r}",
                "integer input is looked up in constant tables by a Gather",
                "no such node",
                "Export with an embedding layer, or with float inputs.",
            )
        return table

    def _told(self, layout: Layout) -> dict[str, Known]:
        """The inputs beside the data, of one sample."""
        return {name: known(numbers, name) for name, numbers in self.beside(layout.copies, layout).items()}

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
