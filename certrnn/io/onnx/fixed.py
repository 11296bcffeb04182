"""Inputs that are no data: states, rates and masks are given numbers, the same for every sample."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data import read_array_file
from certrnn.io.onnx.kinds import FORMATS, rounded
from certrnn.io.onnx.layout import Layout

_WHERE = "reading --fix"
_REMEDY = "Write NAME=zeros, NAME=VALUE or NAME=FILE, FILE an npy or npz file."
_WORDS = {"zeros": 0.0, "ones": 1.0, "false": 0.0, "true": 1.0}

Number = float | int | bool | np.ndarray | Sequence[float]


@dataclass(frozen=True)
class Fixed:
    """The numbers of one input.

    Args:
        name: of the input.
        said: how a person gave them: ``zeros``, a number, or a file's name and the digest of its bytes.
        values: in row-major order.
        shape: () for one number that every element of the input is.
    """

    name: str
    said: str
    values: tuple[float, ...]
    shape: tuple[int, ...] = ()

    @staticmethod
    def of(name: str, value: str | Number) -> Fixed:
        """What was given for an input: a word, a number as text, a file, or numbers.

        Raises:
            UsageError: none of them.
            InvalidInput: the file is missing or holds no array for this input.
        """
        if not isinstance(value, str):
            array = np.asarray(value, dtype=np.float64)
            said = repr(array.item()) if array.ndim == 0 else f"array {_digest(array.tobytes())}"
            return Fixed(name, said, tuple(array.reshape(-1).tolist()), array.shape)._checked()
        if value.lower() in _WORDS:
            return Fixed(name, value.lower(), (_WORDS[value.lower()],))
        try:
            return Fixed(name, value, (float(value),))._checked()
        except ValueError:
            return _of_file(name, value)

    def _checked(self) -> Fixed:
        if not self.values or not np.isfinite(self.values).all():
            raise InvalidInput(_WHERE, f"the numbers of {self.name!r} are finite", self.said)
        return self


def _of_file(name: str, text: str) -> Fixed:
    path, _, digest = text.partition(" sha256:")
    if not Path(path).is_file():
        raise UsageError(_WHERE, f"{name!r} is zeros, ones, a number or a file", repr(text), _REMEDY)
    array = np.asarray(read_array_file(path, name), dtype=np.float64)
    file_digest = _digest(Path(path).read_bytes())
    if digest and digest != file_digest:
        raise InvalidInput(f"reading {path}", f"its digest is {digest}", file_digest)
    said = f"{path} sha256:{file_digest}"
    return Fixed(name, said, tuple(array.reshape(-1).tolist()), array.shape)._checked()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


Given = Mapping[str, str | Number] | Sequence["str | Fixed"]


def parse_fixed(inputs: Given) -> tuple[Fixed, ...]:
    """Inputs and their numbers: a mapping, or texts ``NAME=VALUE``, in the order of their names.

    Raises:
        UsageError: a text of another form, or an input twice.

    >>> parse_fixed(["h0=zeros"])[0].values, parse_fixed({"rate": 16000})[0].said
    ((0.0,), '16000.0')
    """
    if isinstance(inputs, Mapping):
        fixed = [Fixed.of(name, value) for name, value in inputs.items()]
    else:
        fixed = [one if isinstance(one, Fixed) else _parsed(one) for one in inputs]
    names = [one.name for one in fixed]
    if len(set(names)) < len(names):
        raise UsageError(_WHERE, "an input is given once", ", ".join(sorted(names)))
    return tuple(sorted(fixed, key=lambda one: one.name))


def _parsed(text: str) -> Fixed:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(_WHERE, "an input's name, = and what it is", repr(text), _REMEDY)
    return Fixed.of(name, value)


@dataclass(frozen=True, eq=False)
class FixedInput:
    """An input of one sample.

    Args:
        array: its numbers, of the file's own type.
        batch: the axis along which samples are repeated; None where there is none.
    """

    array: np.ndarray
    batch: int | None

    def repeated(self, samples: int) -> np.ndarray:
        """The same for several samples."""
        return self.array if self.batch is None else np.repeat(self.array, samples, axis=self.batch)


def fixed_inputs(graph: onnx.GraphProto, fixed: Sequence[Fixed], layout: Layout) -> dict[str, FixedInput]:
    """The inputs that a person gave numbers, for samples of one shape.

    Raises:
        InvalidInput: the numbers do not fit the input.
    """
    known = {one.name: one for one in fixed}
    return {i.name: _filled(i, known[i.name], layout) for i in graph.input if i.name in known}


def _filled(info: onnx.ValueInfoProto, fixed: Fixed, layout: Layout) -> FixedInput:
    dims = list(info.type.tensor_type.shape.dim)
    sizes, batch = _sizes(dims, layout)
    numbers = np.array(fixed.values).reshape(fixed.shape)
    if None in sizes and len(fixed.shape) == len(sizes):
        sizes = [n if size is None else size for size, n in zip(sizes, fixed.shape, strict=True)]
    if sum(size is None for size in sizes) > 1:
        raise InvalidInput(
            f"fixing input {info.name!r}",
            "its shape is declared, but for one axis",
            f"({', '.join(d.dim_param or str(d.dim_value or '?') for d in dims)})",
            f"Pass all of its numbers: --fix {info.name}=FILE.",
        )
    shape = tuple(1 if size is None else size for size in sizes)
    try:
        array = np.broadcast_to(numbers, shape)
    except ValueError as error:
        raise InvalidInput(
            f"fixing input {info.name!r}", f"its numbers have shape {shape} for one sample", numbers.shape
        ) from error
    return FixedInput(_typed(info, array), batch)


def _sizes(
    dims: list[onnx.TensorShapeProto.Dimension], layout: Layout
) -> tuple[list[int | None], int | None]:
    """Lengths of the axes for one sample, as far as names and declarations say them, and the batch axis."""
    names = {name: axis for axis, name in enumerate(layout.input.names) if name}
    sizes: list[int | None] = []
    batch: int | None = None
    sample = dict(
        zip([a for a in range(len(layout.input.dims)) if a != layout.batch_axis], layout.sample, strict=True)
    )
    for axis, dim in enumerate(dims):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            sizes.append(int(dim.dim_value))
            continue
        source = names.get(dim.dim_param)
        is_batch = (
            source == layout.batch_axis if source is not None else dim.dim_param.lower().startswith("batch")
        )
        sizes.append(1 if is_batch else None if source is None else sample[source])
        batch = axis if is_batch else batch
    if sum(size is None for size in sizes) == 1 and batch is None:
        batch = sizes.index(None)  # the only axis of any length holds the samples, as those of states do
    return sizes, batch


def _typed(info: onnx.ValueInfoProto, array: np.ndarray) -> np.ndarray:
    kind = int(info.type.tensor_type.elem_type)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    numbers = rounded(array, kind).astype(dtype) if kind in FORMATS else array.astype(dtype)
    if kind not in FORMATS and not np.array_equal(numbers.astype(np.float64), array):
        raise InvalidInput(
            f"fixing input {info.name!r}", f"its numbers are of type {dtype}", array.reshape(-1)[:3].tolist()
        )
    return np.array(numbers, order="C")
