"""Which axis of a model's input is the batch, which is time, and how a sample (T, D) lies in it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from certrnn.errors import Unsupported


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

    @property
    def precision(self) -> type[np.floating[Any]]:
        """The number type that data is rounded to; word vectors count as float32."""
        match self.type:
            case onnx.TensorProto.DOUBLE:
                return np.float64
            case onnx.TensorProto.FLOAT16:
                return np.float16
            case _:
                return np.float32

    @property
    def shown(self) -> str:
        """The declared axes, as in ``(batch, 20, ?)``."""
        axes = zip(self.dims, self.names, strict=True)
        return f"({', '.join(name or ('?' if size is None else str(size)) for size, name in axes)})"


@dataclass(frozen=True)
class Slot:
    """Some or all positions of one axis of the input: ``size`` of them, None for any number."""

    axis: int
    size: int | None


@dataclass(frozen=True)
class Layout:
    """How samples of one shape lie in the input tensor.

    Args:
        batch_axis: None for a model of single samples.
        slots: the sample's positions in row-major order, every size known; an axis may hold several slots.
        time: which slot holds the frames; None where every value is a frame of its own, or all values are one frame.
        by: how the time axis is known; "" where it is the declared order only.
        dynamic_batch: True where any number of samples may run at once.
        copies: how many samples the file takes at once, where that is fixed: one sample fills all of them.
        frames, features: T and D of the data.
    """

    input: DataInput
    batch_axis: int | None
    slots: tuple[Slot, ...]
    time: int | None
    by: str
    dynamic_batch: bool
    frames: int
    features: int
    copies: int = 1

    @property
    def time_axis(self) -> int | None:
        """Axis of the frames in the model's input; None where a sample is flat."""
        return None if self.time is None else self.slots[self.time].axis

    @property
    def sample(self) -> tuple[int, ...]:
        """The input's shape without its batch axis."""
        rest = [axis for axis in range(len(self.input.dims)) if axis != self.batch_axis]
        return tuple(math.prod(int(s.size or 1) for s in self.slots if s.axis == axis) for axis in rest)

    def arrange(self, x: np.ndarray) -> np.ndarray:
        """Samples (N, T, D), or words (N, T), as the model's input tensor; N is 1 where there is no batch axis of any
        length."""
        x = np.repeat(x, self.copies, axis=0)
        if self.time is not None:
            sizes = [int(slot.size or 1) for slot in self.slots]
            rest = [size for place, size in enumerate(sizes) if place != self.time]
            x = np.moveaxis(x.reshape(len(x), sizes[self.time], *rest), 1, 1 + self.time)
        tensor = x.reshape(len(x), *self.sample)
        return tensor[0] if self.batch_axis is None else np.moveaxis(tensor, 0, self.batch_axis)

    def gather(self, tensors: np.ndarray) -> np.ndarray:
        """Samples (N, T, D) from tensors (N, ..) of the shape of :attr:`sample`: what :meth:`arrange` undoes."""
        x = tensors.reshape(len(tensors), *(int(slot.size or 1) for slot in self.slots))
        if self.time is not None:
            x = np.moveaxis(x, 1 + self.time, 1)
        return x.reshape(len(x), self.frames, self.features)

    def __str__(self) -> str:
        """One plain line, such as ``input 'x': (batch, frames 20, features 12), batch axis 0, time axis 1``."""
        axes = ", ".join(self._axis(axis) for axis in range(len(self.input.dims)))
        batch = "no batch axis" if self.batch_axis is None else f"batch axis {self.batch_axis}"
        return f"input {self.input.name!r}: ({axes}), {batch}, {self._when()}"

    def _axis(self, axis: int) -> str:
        if axis == self.batch_axis:
            return "batch"
        here = [place for place, slot in enumerate(self.slots) if slot.axis == axis]
        labels = [self._slot(place) for place in here if len(here) == 1 or self.slots[place].size != 1]
        size = math.prod(int(self.slots[place].size or 1) for place in here)
        return labels[0] if len(labels) == 1 else f"{size} = {' x '.join(labels)}"

    def _slot(self, place: int) -> str:
        size = self.slots[place].size
        if self.time is None:
            return f"{size} values"
        if place == self.time:
            return f"{'words' if self.input.tokens else 'frames'} {size}"
        return "1" if size == 1 else f"features {size}"

    def _when(self) -> str:
        if self.time is None:
            return "no time axis"
        axis = self.time_axis
        alone = sum(slot.axis == axis for slot in self.slots) == 1
        return f"time {'axis' if alone else 'within axis'} {axis}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of rows must know: of a fixed batch, and where the graph does not say which axis is time."""
        batch = (
            f"the file takes {self.copies} samples at once: each sample is run as {self.copies} equal ones"
        )
        return (*((batch,) if self.copies > 1 else ()), *self._untraced)

    @property
    def _untraced(self) -> tuple[str, ...]:
        if self.by:
            return ()
        name = f"input {self.input.name!r}"
        if self.time is not None:
            return (
                f"no node says which axis of {name} is time: frames are its axis {self.time_axis}, as declared",
            )
        frames = (
            "every value is a frame of its own"
            if self.features == 1
            else f"it is read as {self.frames} frames"
        )
        frames = "all values are one frame" if self.frames == 1 else frames
        return (f"no node says what time is in {name}: {frames}",)


def data_inputs(inputs: Iterable[onnx.ValueInfoProto]) -> list[DataInput]:
    """Inputs as they are declared."""
    return [_declared(info) for info in inputs]


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
