"""What an output of a file says: which of its numbers are compared, and what a lone one means.

The result of reading is an :class:`Answer`, which takes the file's own numbers, and the elements of the graph that
decide as these numbers do. Both sides of every certificate come from here: bounds from the elements, replays from the
answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.lone import Lone, of_pair, of_value
from certrnn.io.onnx.monotone import arguments
from certrnn.io.onnx.repeats import repeated
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.spans import members, moves, own_frames, spans, windows
from certrnn.io.onnx.tensors import Chosen, Normalised, Tensor, View

AnswerKind = Literal["classes", "score", "label", "numbers"]
_ANOTHER = "Name another output with --output, or check the export."


@dataclass(frozen=True, eq=False)
class Answer:
    """How the numbers of an output answer.

    Args:
        output: the output's name.
        kind: ``classes`` (the largest number wins), ``score`` (class 1 above ``cut``), ``label`` (the number of the
            class) or ``numbers`` (nothing is decided).
        places: (steps, numbers a step): where they stand in the flattened output of one sample.
        classes: scores a step.
        cut: of a lone score.
        said: the same in words.
    """

    output: str
    kind: AnswerKind
    places: np.ndarray
    classes: int
    cut: float
    said: str

    @property
    def steps(self) -> int:
        """How many answers a sample has."""
        return len(self.places)

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Scores (N, steps * classes) that decide as the outputs (N, size) do: as the graph's scores, but for strictly
        increasing functions."""
        taken = outputs.reshape(len(outputs), -1)[:, self.places.reshape(-1)].astype(np.float64)
        if self.kind == "score":
            return taken - self.cut
        if self.kind != "label":
            return taken
        numbers = np.where(np.isfinite(taken), taken, -1).astype(np.int64)
        return (numbers[..., None] == np.arange(self.classes)).reshape(len(taken), -1).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Reading:
    """An answer, and the elements ``scores`` (steps * classes,) of the graph that decide alike; ``notes`` are lines
    that a reader of results must know, ``timed`` the output's axes that trace to time."""

    answer: Answer
    scores: np.ndarray
    notes: tuple[str, ...] = ()
    timed: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for outputs that always decide alike."""
        return self.answer.steps, self.answer.classes, self.scores.tobytes()


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads outputs of one lowered file.

    Args:
        frames: of a sample.
        timed: the axes of the output that trace to time, where a longer sequence showed them: steps that a network is
            told to leave out depend on nothing.
    """

    space: Space
    frames: int
    choices: Choices
    timed: tuple[int, ...] | None = None

    def read(self, name: str, tensor: Tensor) -> Reading:
        """How one output answers.

        Raises:
            Unsupported: it is constant, of a shape that is neither one answer nor one a frame, or ambiguous.
        """
        fixed = isinstance(tensor, View) and not self.space.varies(tensor.ids.reshape(-1))
        if fixed or not isinstance(tensor, View | Normalised | Chosen):
            raise self._refused(name, "the output depends on the input", "a constant", _ANOTHER)
        size = int(np.prod(tensor.shape, dtype=np.int64))
        if not size:
            raise self._refused(name, "the output holds numbers", f"shape {tensor.shape}", _ANOTHER)
        if self.choices.numbers:
            return self._numbers(name, tensor)
        return replace(self._decided(name, tensor), timed=self._timed(tensor))

    def _decided(self, name: str, tensor: View | Normalised | Chosen) -> Reading:
        places = self._places(name, tensor)
        if self.choices.multi_label:
            return self._each(name, tensor, places)
        if isinstance(tensor, Chosen):
            return self._label(name, tensor, places)
        return (
            self._lone(name, tensor, places) if places.shape[1] == 1 else self._classes(name, tensor, places)
        )

    # ---- which numbers belong together

    def _places(self, name: str, tensor: View | Normalised | Chosen) -> np.ndarray:
        """Places (steps, numbers a step) in the flattened output."""
        numbered = np.arange(int(np.prod(tensor.shape, dtype=np.int64))).reshape(tensor.shape)
        long = [axis for axis, length in enumerate(tensor.shape) if length > 1]
        timed = self._timed(tensor)
        other = [axis for axis in long if axis not in timed]
        for axis in other if self.timed is None else ():
            self._require_scores(name, tensor, axis)
        single = isinstance(tensor, Chosen)
        if len(timed) > 1 or len(other) > (0 if single else 1):
            shown = ", ".join(f"{axis} (length {tensor.shape[axis]})" for axis in long)
            raise self._refused(
                name,
                "the output is one vector of class scores a sample, or one a frame on an axis that traces to time",
                f"shape {tensor.shape} for one sample of {self.frames} frames; axes {shown}, "
                f"of which {len(timed)} trace to time",
                "Export the scores of one frame, e.g. the last, or of every frame.",
            )
        return np.moveaxis(numbered, [*timed, *other], range(len(long))).reshape(
            tensor.shape[timed[0]] if timed else 1, -1
        )

    def _timed(self, tensor: View | Normalised | Chosen) -> tuple[int, ...]:
        """Axes that are as long as the sequence and move through it."""
        if self.timed is not None:
            return self.timed
        return tuple(
            axis
            for axis, length in enumerate(tensor.shape)
            if length == self.frames > 1 and self._moves(tensor, axis) and self._steps(tensor, axis)
        )

    def _require_scores(self, name: str, tensor: View | Normalised | Chosen, axis: int) -> None:
        """An axis along which scores are taken at several frames holds answers, no classes.

        Raises:
            Unsupported: that is one.
        """
        length = tensor.shape[axis]
        if self._moves(tensor, axis):
            received = f"axis {axis}, which moves through the frames and has length {length}"
        elif isinstance(tensor, View | Normalised) and repeated(self.space, self._elements(tensor), axis):
            received = f"axis {axis} of length {length}, whose numbers are one function of different places"
        else:
            return
        raise self._refused(
            name,
            "the output is one vector of class scores a sample, or one a frame on an axis that traces to time",
            f"{received}, for {self.frames} frames",
            "Export the scores of one frame, e.g. the last, or of every frame.",
        )

    def _moves(self, tensor: View | Normalised | Chosen, axis: int) -> bool:
        return moves(*self._ends(tensor), axis)

    def _steps(self, tensor: View | Normalised | Chosen, axis: int) -> bool:
        """True where entry k stands for a window about frame k, and for frame k itself."""
        if not windows(*self._ends(tensor), axis):
            return False
        ids = np.moveaxis(self._made_of(tensor), axis, 0).reshape(tensor.shape[axis], -1)
        positions, places = self.space.locate(ids.reshape(-1))
        known = [
            self._members[n][p if len(self._members[n]) > 1 else 0]
            for n, p in zip(positions, places, strict=True)
        ]
        return own_frames(np.bitwise_or.reduce(np.array(known).reshape(*ids.shape, -1), axis=1))

    def _ends(self, tensor: View | Normalised | Chosen) -> tuple[np.ndarray, np.ndarray]:
        """First and last frame that each number stands for, of the tensor's shape."""
        first, last = self._spans
        ids = self._made_of(tensor)
        return first[ids].min(axis=-1), last[ids].max(axis=-1)

    def _made_of(self, tensor: View | Normalised | Chosen) -> np.ndarray:
        """The elements that each number is made of, of the tensor's shape and one axis more."""
        if isinstance(tensor, Chosen):
            return tensor.classes[tensor.entries]
        return self._elements(tensor)[..., None]

    @staticmethod
    def _elements(tensor: View | Normalised) -> np.ndarray:
        """The elements of a tensor, of normalised values their arguments."""
        return tensor.ids if isinstance(tensor, View) else tensor.scores[tensor.entries]

    @cached_property
    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        return spans(self.space.builder.nodes, self.space.recurrences)

    @cached_property
    def _members(self) -> list[np.ndarray]:
        return members(self.space.builder.nodes, self.space.recurrences, self.frames)

    # ---- what they say

    def _numbers(self, name: str, tensor: View | Normalised | Chosen) -> Reading:
        size = int(np.prod(tensor.shape, dtype=np.int64))
        said = f"{size} number{'s' if size > 1 else ''}, as they are"
        answer = Answer(name, "numbers", np.arange(size)[None], size, 0.0, said)
        if isinstance(tensor, View):
            return Reading(answer, tensor.ids.reshape(-1))
        inner = tensor.classes.reshape(-1) if isinstance(tensor, Chosen) else tensor.scores[tensor.entries]
        return Reading(answer, inner.reshape(-1))

    def _label(self, name: str, tensor: Chosen, places: np.ndarray) -> Reading:
        rows = tensor.classes[tensor.entries.reshape(-1)[places[:, 0]]]
        said = f"the number of one of {rows.shape[1]} classes{_at(len(places))}"
        answer = Answer(name, "label", places, rows.shape[1], 0.0, said)
        return Reading(answer, arguments(self.space, rows).reshape(-1))

    def _classes(self, name: str, tensor: View | Normalised, places: np.ndarray) -> Reading:
        if isinstance(tensor, Normalised):
            entries = tensor.entries.reshape(-1)[places]
            ids, what = tensor.comparable(entries, f"reading output {name!r}"), f" of {tensor.function}"
        else:
            ids, what = tensor.ids.reshape(-1)[places], ""
        inner = arguments(self.space, ids)
        notes: tuple[str, ...] = ()
        if isinstance(tensor, View) and self.space.probabilities(ids):
            what = " of independent sigmoids"
            notes = (
                "independent sigmoids are read as classes of which the largest answers; with --multi-label each "
                "is a yes or no of its own",
            )
        said = f"{ids.shape[1]} classes, the largest{what} answers{_at(len(places))}"
        return Reading(Answer(name, "classes", places, ids.shape[1], 0.0, said), inner.reshape(-1), notes)

    def _lone(self, name: str, tensor: View | Normalised, places: np.ndarray) -> Reading:
        lone = self._read_lone(name, tensor, places[:, 0])
        said = f"2 classes from one {lone.what}, class 1 {lone.where}{_at(len(places))}"
        return Reading(Answer(name, "score", places, 1, lone.cut, said), lone.scores(self.space))

    def _each(self, name: str, tensor: View | Normalised | Chosen, places: np.ndarray) -> Reading:
        """Every score a yes or no."""
        if len(places) > 1 or not isinstance(tensor, View):
            raise self._refused(
                name,
                "with --multi-label the output holds one independent score a label, once a sample",
                f"an answer at each of {len(places)} steps" if len(places) > 1 else "exclusive classes",
                "Leave --multi-label out.",
            )
        label = self.choices.label
        if label is not None and label >= places.size:
            requirement = f"--label is one of its labels 0..{places.size - 1}"
            raise self._refused(name, requirement, str(label), "Choose another.")
        which = f"{places.size} labels, each" if label is None else f"label {label} of {places.size},"
        places = places if label is None else places[:, label : label + 1]
        lone = self._read_lone(name, tensor, places[0])
        said = f"{which} given where its {lone.what} {lone.where.removeprefix('where it ')}"
        return Reading(
            Answer(name, "score", places.reshape(-1, 1), 1, lone.cut, said), lone.scores(self.space)
        )

    def _read_lone(self, name: str, tensor: View | Normalised | Chosen, places: np.ndarray) -> Lone:
        where = f"reading output {name!r}"
        if isinstance(tensor, Normalised):
            return of_pair(tensor, tensor.entries.reshape(-1)[places], self.choices.cut, where)
        assert isinstance(tensor, View)
        return of_value(self.space, tensor.ids.reshape(-1)[places], self.choices.cut, where)

    @staticmethod
    def _refused(name: str, requirement: str, received: str, remedy: str) -> Unsupported:
        return Unsupported(f"reading output {name!r}", requirement, received, remedy)


def _at(steps: int) -> str:
    return "" if steps == 1 else f", at each of {steps} steps"
