"""Which axis of a model's input is the batch, which is time, and how a sample (T, D) lies in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported

_BATCH_NAMES = ("batch", "n", "b", "bs", "samples", "sample", "unk__")
_TRANSPARENT = frozenset(
    [
        "Identity",
        "Cast",
        "CastLike",
        "Dropout",
        "Relu",
        "Tanh",
        "Sigmoid",
        "LeakyRelu",
        "Clip",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "MatMul",
        "BatchNormalization",
    ]
)
_RECURRENT = frozenset({"RNN", "LSTM", "GRU"})


@dataclass(frozen=True)
class DataInput:
    """The one input of a model that carries data: its name, type and declared axes (None where dynamic)."""

    name: str
    type: int
    dims: tuple[int | None, ...]
    names: tuple[str, ...]

    @property
    def tokens(self) -> bool:
        """True for integer words."""
        return self.type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


@dataclass(frozen=True)
class Layout:
    """How samples of one shape lie in the input tensor.

    Parameters
    ----------
    batch_axis: None for a model of single samples.
    sample: the input's shape without its batch axis.
    transposed: True where the sample lies as (D, T) instead of (T, D).
    dynamic_batch: True where any number of samples may run at once.
    frames, features: T and D of the data.
    """

    input: DataInput
    batch_axis: int | None
    sample: tuple[int, ...]
    transposed: bool
    dynamic_batch: bool
    frames: int
    features: int

    @property
    def time_axis(self) -> int | None:
        """Axis of the frames in the model's input; None where a sample is flat."""
        if self.input.tokens:
            axes = [i for i, n in enumerate(self.sample) if n == self.frames]
        elif self.sample == (self.features, self.frames) and self.transposed:
            axes = [1]
        else:
            axes = [0] if self.sample[:1] == (self.frames,) and len(self.sample) > 1 else []
        if not axes:
            return None
        return axes[0] + (1 if self.batch_axis is not None and axes[0] >= self.batch_axis else 0)

    def arrange(self, x: np.ndarray) -> np.ndarray:
        """Samples (N, T, D), or words (N, T), as the model's input tensor; N is 1 where there is no batch axis."""
        if self.transposed:
            x = np.swapaxes(x, 1, 2)
        tensor = x.reshape(len(x), *self.sample)
        return tensor[0] if self.batch_axis is None else np.moveaxis(tensor, 0, self.batch_axis)


def data_inputs(graph: onnx.GraphProto) -> list[DataInput]:
    """The graph's inputs that are no initializers."""
    given = {t.name for t in graph.initializer}
    return [_declared(i) for i in graph.input if i.name not in given]


def _declared(info: onnx.ValueInfoProto) -> DataInput:
    if not info.type.HasField("tensor_type"):
        raise Unsupported(
            f"reading input {info.name!r}", "an input is a tensor", info.type.WhichOneof("value")
        )
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        raise Unsupported(
            f"reading input {info.name!r}",
            "its number of axes is declared",
            "no shape",
            "Export with a shape.",
        )
    dims = tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in tensor.shape.dim
    )
    return DataInput(info.name, tensor.elem_type, dims, tuple(d.dim_param for d in tensor.shape.dim))


def fit(source: DataInput, graph: onnx.GraphProto, frames: int, features: int) -> Layout:
    """The layout of samples of shape (frames, features).

    Raises
    ------
    InvalidInput: the model's fixed axes do not fit the data.
    """
    axes = _traced(graph, source)
    for batch, order in _candidates(source, axes):
        sample = _sample(source, batch, order, frames, features)
        if sample is not None:
            dynamic = batch is not None and source.dims[batch] is None
            return Layout(source, batch, sample, order == "transposed", dynamic, frames, features)
    shown = ", ".join(
        n or ("?" if d is None else str(d)) for d, n in zip(source.dims, source.names, strict=True)
    )
    words = f"{frames} words" if source.tokens else f"{frames} frames of {features} features"
    raise InvalidInput(
        "fitting the data to the model",
        f"a sample fits input {source.name!r} of shape ({shown})",
        words,
        "Pass data of that shape, or export with a batch axis of 1 and a dynamic sequence length.",
    )


def _candidates(source: DataInput, traced: dict[str, int] | None) -> list[tuple[int | None, str]]:
    """Batch axes to try, best first, each with the order of the rest."""
    rank = len(source.dims)
    if traced is not None:
        batch, time = traced["batch"], traced["time"]
        rest = [a for a in range(rank) if a != batch]
        if rank == 3 and rest[0] != time:
            return [(batch, "transposed")]
        return [(batch, "rows")]
    named = [
        a for a, n in enumerate(source.names) if n.lower().startswith("batch") or n.lower() in _BATCH_NAMES
    ]
    order: list[int | None] = [a for a in named if source.dims[a] is None]
    order += [a for a in range(min(2, rank)) if a not in order]
    return [(a, "rows") for a in [*order, None]]


def _sample(
    source: DataInput, batch: int | None, order: str, frames: int, features: int
) -> tuple[int, ...] | None:
    """Lengths of the axes other than ``batch`` for one sample; None where they do not fit."""
    if batch is not None and source.dims[batch] not in (None, 1):
        return None
    rest = [d for a, d in enumerate(source.dims) if a != batch]
    wanted = [frames] if source.tokens else [frames, features]
    if order == "transposed":
        wanted = wanted[::-1]
    if len(rest) == len(wanted):
        return tuple(wanted) if all(d in (None, w) for d, w in zip(rest, wanted, strict=True)) else None
    total = int(np.prod(wanted))
    if len(rest) > len(wanted) and None in rest:
        fill = iter(wanted)  # an axis of fixed length 1 stays, the others take the data's lengths in order
        rest = [d if d == 1 else next((w for w in fill if d in (None, w)), 1) for d in rest]
    unknown = [i for i, d in enumerate(rest) if d is None]
    fixed = int(np.prod([d for d in rest if d is not None], dtype=np.int64))
    if len(unknown) == 1 and fixed and total % fixed == 0:
        rest[unknown[0]] = total // fixed
    lengths = [d for d in rest if d is not None]
    return tuple(lengths) if len(lengths) == len(rest) and int(np.prod(lengths)) == total else None


def _traced(graph: onnx.GraphProto, source: DataInput) -> dict[str, int] | None:
    """Follow the input to a recurrent node, whose axes are known; None where the way is not clear."""
    reached: dict[str, list[int | None]] = {source.name: list(range(len(source.dims)))}
    for node in graph.node:
        if not node.input:
            continue
        words = (
            node.op_type == "Gather" and len(node.input) > 1 and node.input[1] in reached and source.tokens
        )
        name = node.input[1] if words else next((i for i in node.input if i in reached), None)
        if name is None or name not in reached:
            continue
        axes = reached[name]
        attributes = {a.name: a for a in node.attribute}
        if node.op_type in _RECURRENT and node.input[0] == name and len(axes) == 3:
            layout = attributes["layout"].i if "layout" in attributes else 0
            time, batch = (axes[1], axes[0]) if layout else (axes[0], axes[1])
            return None if time is None or batch is None else {"batch": batch, "time": time}
        moved: list[int | None] | None = None
        if words:
            moved = [*axes, None]
        elif node.op_type == "Transpose":
            order = list(attributes["perm"].ints) if "perm" in attributes else list(range(len(axes)))[::-1]
            moved = [axes[p] for p in order] if sorted(order) == list(range(len(axes))) else None
        elif node.op_type in _TRANSPARENT:
            moved = axes
        if moved is not None and node.output:
            reached[node.output[0]] = moved
    return None
