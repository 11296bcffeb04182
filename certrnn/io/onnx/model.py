"""A model read from an ONNX file: its graph for every input shape, and the same file in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.layout import DataInput, Layout, data_inputs, fit
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.onnx.lower import Embedding, Lowered, choose_input, lower
from certrnn.io.onnx.reader import ModelFile, load
from certrnn.io.onnx.replay import Session
from certrnn.ir import Graph

_NUMPY: dict[int, type] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
}


def read(path: str | Path, output: str | None = None) -> OnnxModel:
    """Read an ONNX classifier.

    Parameters
    ----------
    path: the model file; external data is looked for in its folder only.
    output: name of the output that holds the scores; the first one by default.

    Raises
    ------
    InvalidInput: the file is missing or damaged.
    Unsupported: its operator set, inputs or outputs are not of a kind certrnn reads. Nodes are read later, by
        :meth:`OnnxModel.graph`.
    """
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
    names = [o.name for o in file.proto.graph.output]
    chosen = names[0] if output is None and names else output
    if chosen not in names or chosen is None:
        raise InvalidInput(f"reading model {file.path.name!r}", f"the output is one of {names}", repr(output))
    return OnnxModel(file, source, chosen)


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A classifier from an ONNX file. Data is ``x`` (samples N, frames T, features D) whatever the file's layout.

    Parameters
    ----------
    length: what every sample's sequence length is said to be; None for its number of frames. See :meth:`at_length`.
    """

    file: ModelFile
    input: DataInput
    output: str
    length: int | None = None
    _lowered: dict[tuple[int, int, int | None], Lowered] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.file.path

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

    def at_length(self, length: int) -> OnnxModel:
        """The same model on samples whose first ``length`` frames are no padding.

        Raises
        ------
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
        return fit(self.input, self.file.proto.graph, int(shape[0]), int(shape[1]))

    def lowered(self, shape: tuple[int, ...]) -> Lowered:
        """Everything known about the model on samples of shape (T, D); computed once a shape."""
        frames, features = (int(shape[0]), int(shape[1])) if len(shape) == 2 else (0, 0)
        length = None if self.length == frames else self.length
        key = (frames, features, length)
        if key not in self._lowered:
            if length is not None and not 0 < length < frames:
                raise InvalidInput(
                    "fitting the data to the model", f"a sequence length lies in 1..{frames}", length
                )
            self._lowered[key] = lower(self.file, self.layout(shape), self.output, length)
        return self._lowered[key]

    def graph(self, shape: tuple[int, ...]) -> Graph:
        """The network on one sample of shape (T, D), its scores as output.

        Raises
        ------
        InvalidInput: the data does not fit the model, or the file is damaged.
        Unsupported: a node is not interpreted; the message names it.
        """
        return self.lowered(shape).graph

    def head(self, shape: tuple[int, ...]) -> str:
        """``"logits"`` for one score a class, ``"binary"`` where class 1 wins if the one score is positive."""
        return self.lowered(shape).head

    def steps(self, shape: tuple[int, ...]) -> int:
        """How many steps the scores belong to, one after the other: 1, or the number of frames."""
        return self.lowered(shape).steps

    def notes(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """What was unrolled, folded, cut and dropped, a line each."""
        return self.lowered(shape).notes

    @cached_property
    def embedding(self) -> Embedding | None:
        """The table that words are looked up in; None where the input is floats."""
        if not self.input.tokens:
            return None
        table = _embedding_table(self.file, self.input.name)
        if table is None:
            raise Unsupported(
                f"reading input {self.input.name!r}",
                "integer input is looked up in one constant table by a Gather",
                "no such node",
                "Export with an embedding layer, or with float inputs.",
            )
        return table

    def embed(self, words: np.ndarray) -> np.ndarray:
        """Word vectors (N, T, E) of words (N, T); negative words count from the end of the table, as in ONNX."""
        table = self.embedding
        if table is None:
            raise InvalidInput(
                "looking up words", "the model has an embedding", f"input {self.input.name!r} of floats"
            )
        words = np.asarray(words)
        size = len(table.table)
        if (
            words.ndim != 2
            or words.dtype.kind not in "iu"
            or (words.size and not -size <= words.min() <= words.max() < size)
        ):
            raise InvalidInput(
                "looking up words", f"words are integers (N, T) in [-{size}, {size})", words.dtype
            )
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
        """Scores (N, C) of ``x`` (N, T, D) as onnxruntime computes them from the file's numbers.

        With an embedding ``x`` holds word vectors, fed past the table. The scores are the arguments of a softmax,
        sigmoid or argmax at the end of the model. All samples run at once where the batch axis is dynamic.

        Raises
        ------
        Unsupported: onnxruntime cannot load or run the model.
        """
        x = np.asarray(x)
        lowered = self.lowered(x.shape[1:])
        scores = self._run(x, (lowered.scores,))[0].reshape(len(x), -1)
        expected = lowered.tensors[lowered.scores].size
        if scores.shape[1] != expected:
            raise Unsupported(
                "running the model in onnxruntime",
                f"it computes {expected} numbers a sample, as the graph does",
                scores.shape[1],
            )
        return scores[:, lowered.picked]

    def run_onnxruntime_from_embedding(self, x: np.ndarray) -> np.ndarray:
        """Scores (N, C) of word vectors (N, T, E); the same as :meth:`run_onnxruntime`."""
        return self.run_onnxruntime(x)

    def run_onnxruntime_on_words(self, words: np.ndarray) -> np.ndarray:
        """Scores (N, C) of words (N, T) from the whole file, embedding included."""
        if self.embedding is None:
            raise InvalidInput(
                "running words", "the model has an embedding", f"input {self.input.name!r} of floats"
            )
        words = np.asarray(words)
        lowered = self.lowered((words.shape[1], self.embedding.table.shape[1]))
        name = lowered.scores
        session = self._session(None, (name,))
        runs = [
            session.run((name,), self.feed(words[i : i + 1]))[0].reshape(1, -1) for i in range(len(words))
        ]
        return np.concatenate(runs)[:, lowered.picked]

    def inner(self, sample: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        """The named tensors of the file for one sample (T, D)."""
        return self._run_some(self._session(sample.shape, names), sample[None], names)

    def _run(self, x: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        layout = self.layout(x.shape[1:])
        session = self._session(x.shape[1:], names)
        # an answer at every frame may lie with the frames before the batch: one by one there is no doubt
        if layout.dynamic_batch and len(x) > 1 and self.lowered(x.shape[1:]).steps == 1:
            try:
                together = self._run_some(session, x, names)
                if all(r.shape[:1] == (len(x),) for r in together):
                    return together
            except Unsupported:
                pass  # a batch of one was baked into the file behind a dynamic axis: run one by one
        runs = [self._run_some(session, x[i : i + 1], names) for i in range(len(x))]
        return [np.concatenate([r[k].reshape(1, -1) for r in runs]) for k in range(len(names))]

    def _run_some(self, session: Session, x: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        layout = self.layout(x.shape[1:])
        table = self.lowered(x.shape[1:]).embedding
        if table is None:
            return session.run(names, self.feed(x))
        words = self.feed(np.zeros(x.shape[:2], dtype=np.int64))
        places = layout.arrange(np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2]))
        vectors = x.reshape(-1, x.shape[2])[places].astype(np.float32)
        return session.run(names, {**words, table.tensor: vectors})

    def _session(self, shape: tuple[int, ...] | None, names: tuple[str, ...]) -> Session:
        """A session with the named outputs, cut behind the embedding where a shape is given."""
        key = "\n".join([str(shape is not None and self.input.tokens), *names])
        if key not in self._sessions:
            table = None if shape is None else self.lowered(shape).embedding
            cut = None
            if table is not None:
                cut = (table.tensor, onnx.TensorProto.FLOAT, [*self.input.dims, table.table.shape[1]])
            self._sessions[key] = Session(self.file.proto, names, cut)
        return self._sessions[key]


def _embedding_table(file: ModelFile, name: str) -> Embedding | None:
    """The matrix that the input's words index, before any shape is known."""
    from certrnn.io.onnx.reader import to_array

    tensors = {t.name: t for t in file.proto.graph.initializer}
    reached = {name}
    for node in file.proto.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
        if node.op_type == "Gather" and node.input[0] in tensors and node.input[1] in reached:
            table = to_array(tensors[node.input[0]], "reading the embedding").astype(np.float64)
            return Embedding(table, node.output[0]) if table.ndim == 2 else None
        if node.input and node.input[0] in reached and node.op_type != "Shape" and node.output:
            reached.add(node.output[0])
    return None
