"""The idx format of MNIST: two zero bytes, a type, a rank, sizes, values, all big-endian."""

from __future__ import annotations

import math

import numpy as np

from certrnn.io.data.samples import MAX_VALUES, Arrays, Origin

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def is_idx(content: bytes) -> bool:
    """True where the first bytes are those of an idx file."""
    return len(content) >= 4 and content[:2] == b"\x00\x00" and content[2] in _TYPES


def read_array(content: bytes, origin: Origin) -> np.ndarray:
    """The array of an idx file."""
    if not is_idx(content) or not 1 <= content[3] <= 4:
        raise origin.invalid("an idx file starts with 0, 0, type, rank 1 to 4", content[:4].hex())
    dtype, rank = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * rank
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    count = math.prod(shape)
    if count > MAX_VALUES or count * dtype.itemsize != len(content) - start:
        raise origin.invalid(
            f"the file holds as many values as its shape {shape} says, at most {MAX_VALUES}",
            f"{len(content) - start} bytes of {dtype}",
            "The file is cut or damaged.",
        )
    return np.frombuffer(content, dtype=dtype, offset=start).reshape(shape)


def read_idx(content: bytes, labels: bytes | None, origin: Origin) -> Arrays:
    """Images as x, rows as frames; unsigned bytes become [0, 1], the scale that every user applies."""
    images = read_array(content, origin)
    y = None if labels is None else read_array(labels, origin)
    if images.dtype == np.uint8:
        return Arrays(
            images / 255.0, y, rows=True, notes=("bytes 0..255 of the idx file were divided by 255",)
        )
    return Arrays(images, y, rows=True)
