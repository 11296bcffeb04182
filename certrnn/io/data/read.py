"""One door for all sample files."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from pathlib import Path

import numpy as np

from certrnn.io.data.arrays import NPY_MAGIC, NPZ_MAGICS, npz_members, read_npy, read_npz
from certrnn.io.data.idx import is_idx, read_idx
from certrnn.io.data.samples import Arrange, Arrays, Origin, Samples, as_written, check, shown
from certrnn.io.data.tables import read_csv, read_jsonl

MAX_BYTES = 1 << 31
"""Most bytes read from a file, and most that a gzip file may unpack to."""

_GZIP = b"\x1f\x8b"


def read_samples(path: str | os.PathLike[str], arrange: Arrange = as_written) -> Samples:
    """Sequences and labels of an npz, npy, csv, jsonl or idx file, also gzipped; told apart by content.

    Args:
        arrange: makes samples (N, T, D) of the array that the file holds, whatever its axes mean.

    Raises:
        InvalidInput: the file is missing, damaged, too large, or holds values, labels or shapes that make no sense.
    """
    origin = Origin(Path(path))
    content = file_content(origin.path, origin)
    return check(_arrays(content, origin), origin, arrange)


def _arrays(content: bytes, origin: Origin) -> Arrays:
    if not content.strip():
        raise origin.invalid("the file holds samples", "an empty file")
    if content.startswith(NPY_MAGIC):
        return read_npy(content, origin)
    if content.startswith(NPZ_MAGICS):
        return read_npz(content, origin)
    if is_idx(content):
        return read_idx(content, _idx_labels(origin), origin)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise origin.invalid(
            "the file is npz, npy, idx, csv or jsonl, text in UTF-8",
            f"bytes {content[:4].hex()} and no text from byte {error.start}",
        ) from None
    if "\x00" in text:
        raise origin.invalid("text holds no zero bytes", f"one at character {text.index(chr(0))}")
    return read_jsonl(text, origin) if text.lstrip().startswith("{") else read_csv(text, origin)


def read_array_file(path: str | os.PathLike[str], name: str) -> np.ndarray:
    """The array of an npy file; of an npz file the one called ``name``, or the only one.

    Raises:
        InvalidInput: the file is missing, damaged, or holds no such array.
    """
    origin = Origin(Path(path))
    content = file_content(origin.path, origin)
    if content.startswith(NPY_MAGIC):
        return read_npy(content, origin).x
    if not content.startswith(NPZ_MAGICS):
        raise origin.invalid(
            "the numbers are an array, in npy or npz", "another format", "Save it with np.save."
        )
    arrays = npz_members(content, origin)
    if name not in arrays and len(arrays) != 1:
        raise origin.invalid(f"one array is named {name!r}, or is the only one", shown(sorted(arrays)))
    return arrays.get(name, next(iter(arrays.values())))


def file_content(path: Path, origin: Origin) -> bytes:
    """The bytes of a regular file, unpacked where gzipped, never more than MAX_BYTES."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device may never end
            raise origin.invalid("the path names a regular file", "a folder, pipe or device")
        if status.st_size > MAX_BYTES:
            raise origin.invalid(f"the file has at most {MAX_BYTES} bytes", status.st_size, "Split it.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise origin.invalid(
            "the file can be read", shown(getattr(error, "strerror", None) or str(error))
        ) from None
    if not content.startswith(_GZIP):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            unpacked = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise origin.invalid("the gzip file is whole", shown(str(error)), "Fetch it again.") from None
    if len(unpacked) > MAX_BYTES:
        raise origin.invalid(f"the file unpacks to at most {MAX_BYTES} bytes", "more", "Split it.")
    return unpacked


def _idx_labels(origin: Origin) -> bytes | None:
    """The labels beside MNIST's images: ``t10k-labels-idx1-ubyte`` for ``t10k-images-idx3-ubyte``."""
    name = origin.path.name
    sibling = origin.path.with_name(name.replace("images", "labels").replace("idx3", "idx1"))
    if sibling.name == name or not sibling.is_file():
        return None
    return file_content(sibling, Origin(sibling))
