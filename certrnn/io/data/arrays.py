"""numpy's npy and npz files, read without numpy's own loader: no pickle, no size believed unchecked."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from typing import IO, Literal

import numpy as np

from certrnn.io.data.samples import MAX_VALUES, Arrays, Origin, shown

NPY_MAGIC = b"\x93NUMPY"
NPZ_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
X_KEYS = ("x", "inputs", "input", "data", "samples", "features")
Y_KEYS = ("y", "label", "labels", "target", "targets", "class")
NAME_KEYS = ("name", "names", "id", "ids")
LENGTH_KEYS = ("length", "lengths")

_DESCR = re.compile(r"""['"]descr['"]\s*:\s*['"]([<>|=]?)([biufU])(\d{1,6})['"]""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(((?:\s*\d{1,18}\s*,)*(?:\s*\d{1,18}\s*)?)\)""")
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "U": range(1, 257)}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # encrypted members, and NotImplementedError for unknown compression
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)


def read_npy(content: bytes, origin: Origin) -> Arrays:
    """The array of an npy file as x."""
    x = _array(io.BytesIO(content), len(content), "array", origin)
    return Arrays(x, notes=_bytes_note(x))


def read_npz(content: bytes, origin: Origin) -> Arrays:
    """Arrays ``x`` (or the only array that is no label), ``y``, ``names`` and ``lengths`` of an npz file."""
    return named_arrays(npz_members(content, origin), origin)


def npz_members(content: bytes, origin: Origin) -> dict[str, np.ndarray]:
    """All arrays of an npz file by their names."""
    try:
        return _members(content, origin)
    except _DAMAGE as error:
        raise origin.invalid(
            "the npz archive is whole", shown(f"{type(error).__name__}: {error}", 120), "Save it again."
        ) from None


def named_arrays(arrays: dict[str, np.ndarray], origin: Origin) -> Arrays:
    """Sorts arrays by the names they carry (case does not matter)."""
    names = _pick(arrays, NAME_KEYS, origin)
    lengths = _pick(arrays, LENGTH_KEYS, origin)
    y = _asked(_pick(arrays, Y_KEYS, origin), lengths)
    x = _pick(arrays, X_KEYS, origin)
    if x is None:
        known = {*Y_KEYS, *NAME_KEYS, *LENGTH_KEYS}
        rest = [key for key in arrays if key.lower() not in known]
        if len(rest) != 1:
            raise origin.invalid(
                "one array is named x", shown(sorted(arrays)), "Save with np.savez(file, x=x, y=y)."
            )
        x = arrays[rest[0]]
    if names is not None and (names.ndim != 1 or names.dtype.kind not in "Uiu"):
        raise origin.invalid("names is a list of text", f"type {names.dtype}, shape {names.shape}")
    named = None if names is None else tuple(str(name) for name in names)
    known = {*X_KEYS, *Y_KEYS, *NAME_KEYS, *LENGTH_KEYS}
    unread = [key for key in arrays if key.lower() not in known and arrays[key] is not x]
    return Arrays(x, y, named, lengths, notes=(*_bytes_note(x), *_unread_note(unread)))


def _unread_note(names: list[str]) -> tuple[str, ...]:
    """A mask, weights or whatever else a file holds changes nothing here, which its writer may not expect."""
    return (f"other arrays of the file are not read: {shown(names)}",) if names else ()


def _bytes_note(x: np.ndarray) -> tuple[str, ...]:
    """Bytes are most often pixels; what a network was trained on, the file does not say."""
    if x.dtype != np.uint8:
        return ()
    return ("x holds bytes, read as they are (0..255): divide by 255 first where the network was trained so",)


def _asked(y: np.ndarray | None, lengths: np.ndarray | None) -> np.ndarray | None:
    """Labels, those of padded frames as -1, whatever the file fills them with: they ask nothing."""
    if y is None or lengths is None or y.ndim != 2 or lengths.ndim != 1 or len(y) != len(lengths):
        return y
    padding = np.arange(y.shape[1]) >= lengths[:, None]
    if y.shape[1] == 1 or y.dtype.kind not in "biuf" or not padding.any():
        return y
    return np.where(padding, -1, y.astype(np.float64 if y.dtype.kind == "f" else np.int64))


def _pick(arrays: dict[str, np.ndarray], keys: tuple[str, ...], origin: Origin) -> np.ndarray | None:
    present = [key for key in arrays if key.lower() in keys]
    if len(present) > 1:
        raise origin.invalid(f"only one array is named one of {', '.join(keys)}", shown(present))
    return arrays[present[0]] if present else None


def _members(content: bytes, origin: Origin) -> dict[str, np.ndarray]:
    members: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise origin.invalid("members are stored or deflated", f"compression {info.compress_type}")
            if name in members:
                raise origin.invalid("every member has a name of its own", shown(info.filename))
            with archive.open(info) as stream:
                members[name] = _array(stream, info.file_size, shown(name), origin)
    return members


def _array(stream: IO[bytes], size: int, name: str, origin: Origin) -> np.ndarray:
    """One npy array of ``size`` bytes in all; its declared size is checked before its content is read."""
    head = stream.read(8)
    if head[:6] != NPY_MAGIC or len(head) < 8 or head[6] not in (1, 2, 3):
        raise origin.invalid(f"{name!r} is an npy array of version 1 to 3", shown(head))
    width = 2 if head[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > 10_000:
        raise origin.invalid(f"the header of {name!r} has at most 10000 bytes", f"{length} bytes")
    header = stream.read(length).decode("latin1")
    dtype, shape, order = _header(header, name, origin)
    count = math.prod(shape)
    if count > MAX_VALUES:
        raise origin.invalid(
            f"{name!r} holds at most {MAX_VALUES} values", f"shape {shape}", "Split the file."
        )
    present = size - 8 - width - length
    if count * dtype.itemsize != present:
        raise origin.invalid(
            f"{name!r} holds {count * dtype.itemsize} bytes, as its shape {shape} and type {dtype} say",
            f"{present} bytes",
            "The file is cut or damaged; save it again.",
        )
    data = stream.read(present)
    if len(data) != present or stream.read(1):  # the read past the end makes zipfile compare the checksum
        raise origin.invalid(f"{name!r} holds {present} bytes", f"{len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order=order)


def _header(header: str, name: str, origin: Origin) -> tuple[np.dtype, tuple[int, ...], Literal["C", "F"]]:
    descr, order, shape = _DESCR.search(header), _ORDER.search(header), _SHAPE.search(header)
    if descr is None or order is None or shape is None or int(descr[3]) not in _SIZES[descr[2]]:
        raise origin.invalid(
            f"{name!r} holds plain numbers (bool, integer or float of at most 8 bytes)",
            shown(header.strip(), 100),
            "Save it as float64; objects (pickle) are never read.",
        )
    sizes = tuple(int(part) for part in shape[1].split(",") if part.strip())
    if len(sizes) > 8 or any(size > MAX_VALUES for size in sizes):
        raise origin.invalid(f"{name!r} holds at most {MAX_VALUES} values", f"shape {shown(shape[0])}")
    return np.dtype("".join(descr.groups())), sizes, "F" if order[1] == "True" else "C"
