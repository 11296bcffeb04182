"""The same file in onnxruntime: what is certified of a model is held against it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.fixed import fixed_inputs
from certrnn.io.onnx.layout import DataInput, Layout
from certrnn.io.onnx.lookup import Embedding
from certrnn.io.onnx.lower import Lowered
from certrnn.io.onnx.reader import ModelFile
from certrnn.io.onnx.replay import Session

NUMPY: dict[int, type] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
}
"""Number types of inputs."""


class Deployed(ABC):
    """Runs a model's file on samples (N, T, D)."""

    file: ModelFile
    input: DataInput
    choices: Choices
    length: int | None
    _sessions: dict[str, Session]

    @property
    @abstractmethod
    def output(self) -> str:
        """Name of the output that answers."""

    @property
    @abstractmethod
    def lengths(self) -> tuple[onnx.ValueInfoProto, ...]:
        """The inputs that are told how many frames are no padding."""

    @cached_property
    @abstractmethod
    def embedding(self) -> Embedding | None:
        """The vectors that words stand for."""

    @abstractmethod
    def layout(self, shape: tuple[int, ...]) -> Layout:
        """How samples of shape (T, D) lie in the model's input tensor."""

    @abstractmethod
    def lowered(self, shape: tuple[int, ...]) -> Lowered:
        """Everything known about the model on samples of shape (T, D)."""

    @abstractmethod
    def own_words(self, frames: int) -> np.ndarray:
        """A word for each frame of the classes that the samples are said to have."""

    def feed(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs of the model file for onnxruntime: ``x`` is (N, T, D) floats, or (N, T) words."""
        x = np.asarray(x)
        features = len(self.embedding.table[0]) if self.embedding is not None else x.shape[-1]
        layout = self.layout((x.shape[1], features))
        tensor = layout.arrange(x).astype(NUMPY[self.input.type])
        return {self.input.name: np.ascontiguousarray(tensor), **self.beside(len(x) * layout.copies, layout)}

    def beside(self, samples: int, layout: Layout) -> dict[str, np.ndarray]:
        """The other inputs of so many samples: their lengths, and what is fixed."""
        fixed = fixed_inputs(self.file.proto.graph, self.choices.fix, layout)
        told = {name: one.repeated(samples) for name, one in fixed.items()}
        return {**self._lengths(samples, layout.frames), **told}

    def _lengths(self, samples: int, frames: int) -> dict[str, np.ndarray]:
        kinds = {i.name: i.type.tensor_type for i in self.lengths}
        length = frames if self.length is None else self.length
        return {
            n: np.full([samples] * len(t.shape.dim), length, dtype=NUMPY[int(t.elem_type)])
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

    def run_rows(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The final outputs (N, size) of as many samples as the file takes at once: each alone, and all together.

        Args:
            samples: floats (N, T, D), or words (N, T).
        """
        features = samples.shape[2] if self.embedding is None else self.embedding.table.shape[1]
        shape = samples.shape[1], features
        lowered, layout = self.lowered(shape), self.layout(shape)
        assert lowered.rows_axis is not None
        session, names = self._session(None, (self.output,)), (self.output,)
        alone = [session.run(names, self.feed(one[None]))[0].take([0], lowered.rows_axis) for one in samples]
        tensor = replace(layout, copies=1).arrange(samples).astype(NUMPY[self.input.type])
        feed = {self.input.name: np.ascontiguousarray(tensor), **self.beside(len(samples), layout)}
        (output,) = session.run(names, feed)
        together = np.moveaxis(output, lowered.rows_axis, 0).reshape(len(samples), -1)
        return np.concatenate([one.reshape(1, -1) for one in alone]), together

    def run_onnxruntime_on_words(self, words: np.ndarray) -> np.ndarray:
        """The same scores of words (N, T) from the whole file, embedding included."""
        if self.embedding is None:
            raise InvalidInput(
                "running words", "the model has an embedding", f"input {self.input.name!r} of floats"
            )
        words, name = np.asarray(words), self.output
        shape = (words.shape[1], self.embedding.table.shape[1])
        lowered = self.lowered(shape)
        session = self._session(None, (name,))
        runs = [
            self._one_row(session.run((name,), self.feed(words[i : i + 1]))[0], lowered).reshape(1, -1)
            for i in range(len(words))
        ]
        return self._scores(np.concatenate(runs), shape)

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
                outputs = self._run_some(session, x, (self.output,))[0]
                if outputs.shape == (len(x), *lowered.shape[1:]):
                    return outputs.reshape(len(x), -1)
            except Unsupported:
                pass  # a batch of one was baked into the file behind a dynamic axis: run one by one
        runs = [self._run_some(session, x[i : i + 1], (self.output,))[0] for i in range(len(x))]
        return np.concatenate([self._one_row(run, lowered).reshape(1, -1) for run in runs])

    def _one_row(self, output: np.ndarray, lowered: Lowered) -> np.ndarray:
        """The answer to one of the samples that a file takes at once."""
        return output if lowered.rows_axis is None else output.take([0], axis=lowered.rows_axis)

    def _places(self, x: np.ndarray) -> np.ndarray:
        """The words of samples as they lie in the input, numbered sample * T + frame."""
        count, frames = x.shape[:2]
        return self.layout(x.shape[1:]).arrange(np.arange(count * frames).reshape(count, frames, -1))

    def _run_some(self, session: Session, x: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        cuts = self.lowered(x.shape[1:]).cuts
        if not cuts:
            return session.run(names, self.feed(x))
        words = self.feed(np.broadcast_to(self.own_words(x.shape[1]), x.shape[:2]))
        places = self._places(x)
        vectors = {cut.tensor: cut.vectors(x, places) for cut in cuts}
        return session.run(names, words | vectors)

    def _session(self, shape: tuple[int, ...] | None, names: tuple[str, ...]) -> Session:
        """A session with the named outputs, cut behind the embedding where a shape is given."""
        cuts = () if shape is None else self.lowered(shape).cuts
        key = "\n".join([str(bool(cuts)), *names])
        if key not in self._sessions:
            declared = [
                (cut.tensor, cut.kind, [*(None for _ in cut.frames.shape), cut.width]) for cut in cuts
            ]
            self._sessions[key] = Session(self.file.proto, names, declared)
        return self._sessions[key]
