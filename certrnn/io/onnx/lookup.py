"""What words stand for: the vectors that a network looks up, which are its frames.

The graph begins behind the tables. A frame is all that one word is looked up as, side by side: several tables, or one
table at several functions of the word, give several blocks of features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import onnx

from certrnn.errors import Unsupported
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, check_elements

MAX_BLOCKS = 16
"""Most ways in which a network may look a word up."""


@dataclass(frozen=True, eq=False)
class Lookup:
    """Rows of a constant matrix at functions of words.

    Args:
        tensor: name of the ONNX tensor of rows.
        name: of the matrix.
        table: (rows, D), float64.
        words: the numbers looked up, as functions of words.
    """

    tensor: str
    name: str
    table: np.ndarray
    words: Tokens

    @property
    def used(self) -> np.ndarray:
        """Which functions of words occur."""
        return np.unique(self.words.functions)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Word vectors (words, features) by the input's words, cut off in front of the graph.

    Args:
        table: (words, features), float64, of the words 0, 1, ...
        lookups: where they are looked up.
        columns: by tensor and function (its numbers, as bytes) the first feature of what is looked up.
        wraps: True where word ``-k`` is looked up as word ``words - k`` is.
    """

    table: np.ndarray
    lookups: tuple[Lookup, ...]
    columns: dict[tuple[str, bytes], int]
    wraps: bool

    @property
    def least(self) -> int:
        """The smallest word."""
        return -len(self.table) if self.wraps else 0

    def offsets(self, tensor: str, words: Tokens) -> np.ndarray | None:
        """The first feature of each entry's vector; None where a function was not seen before."""
        starts = [self.columns.get((tensor, row.tobytes())) for row in words.rows]
        used = np.unique(words.functions)
        if any(starts[k] is None for k in used):
            return None
        return np.array([-1 if start is None else start for start in starts])[words.functions]


def embedding_of(lookups: Sequence[Lookup], where: str) -> Embedding | None:
    """The vectors of words that are looked up so; None where nothing is.

    Raises:
        Unsupported: no word is one that every table has, or there are too many ways.
    """
    if not lookups:
        return None
    width = lookups[0].words.rows.shape[1]
    legal = np.ones(width, dtype=bool)
    for lookup in lookups:
        numbers = lookup.words.rows[lookup.used]
        legal &= ((numbers >= -len(lookup.table)) & (numbers < len(lookup.table))).all(axis=0)
    onward = legal[width // 2 :]
    size = int(onward.argmin()) if not onward.all() else max(len(lookup.table) for lookup in lookups)
    if not size:
        raise Unsupported(where, "word 0 is a row of every table", "none of them")
    begin = width // 2 - (size if legal[width // 2 - size : width // 2].all() else 0)
    blocks: dict[tuple[str, bytes], int] = {}
    columns: dict[tuple[str, bytes], int] = {}
    parts: list[np.ndarray] = []
    for lookup in lookups:
        for row in lookup.words.rows[lookup.used]:
            key = (lookup.name, row.tobytes())
            if key not in blocks:
                blocks[key] = sum(part.shape[1] for part in parts)
                parts.append(lookup.table[row[begin : width // 2 + size] % len(lookup.table)])
            columns[lookup.tensor, row.tobytes()] = blocks[key]
    if len(parts) > MAX_BLOCKS:
        raise Unsupported(where, f"a word is looked up in at most {MAX_BLOCKS} ways", len(parts))
    vectors = np.concatenate(parts, axis=1)
    wraps = len(vectors) == 2 * size and np.array_equal(vectors[:size], vectors[size:])
    return Embedding(vectors[-size:], tuple(lookups), columns, wraps)


def looked_up(op: str, inputs: Sequence[Tensor | None], axis: int | None) -> tuple[Known, Tokens] | None:
    """The constant matrix of floats that a node looks words up in, and the numbers of its rows; None for other nodes.

    A one-hot vector is a row of a matrix that the node describes.
    """
    if op == "Gather" and isinstance(words := inputs[1], Tokens):
        table = inputs[0]
        return (table, words) if isinstance(table, Known) and table.real and table.array.ndim == 2 else None
    if (
        op != "OneHot"
        or not isinstance(words := inputs[0], Tokens)
        or axis not in (-1, len(words.shape), None)
    ):
        return None
    depth, values = inputs[1:]
    if not isinstance(depth, Known) or not isinstance(values, Known) or not values.real:
        return None
    count = int(depth.array.reshape(-1)[0])
    off, on = values.array.tolist()
    check_elements("reading one-hot words", count * count)
    table = np.where(np.eye(count, dtype=bool), on, off)
    return Known(table, values.relative_error, f"one of {count}", values.kind), words


@dataclass(frozen=True, eq=False)
class Cut:
    """A tensor of looked-up rows that onnxruntime is fed: entry e of one sample is its features
    ``offsets[e] .. offsets[e] + width`` at frame ``frames[e]``, of the element type ``kind``."""

    tensor: str
    frames: np.ndarray
    offsets: np.ndarray
    width: int
    kind: int

    def vectors(self, x: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The tensor for samples ``x`` (N, T, F).

        Args:
            places: the input's words, numbered sample * T + frame; of several samples :meth:`order` must be known.
        """
        frames, offsets = self.frames, self.offsets
        if len(x) > 1:
            frames = places.transpose(self.order(places, x.shape[1]))
            offsets = np.full(frames.shape, offsets.flat[0])
        flat = x.reshape(-1, x.shape[2])
        vectors = flat[frames[..., None], offsets[..., None] + np.arange(self.width)]
        return vectors.astype(onnx.helper.tensor_dtype_to_np_dtype(self.kind))

    def order(self, places: np.ndarray, frames: int) -> tuple[int, ...] | None:
        """The one order of the input's axes in which words lie here; None where there is none, or several."""
        if places.ndim != self.frames.ndim or len(np.unique(self.offsets)) != 1:
            return None
        one = places % frames
        orders = [order for order in permutations(range(one.ndim)) if self._lies(one.transpose(order))]
        return orders[0] if len(orders) == 1 else None

    def _lies(self, arranged: np.ndarray) -> bool:
        """Whether every sample of an arrangement of several is arranged as one sample is here."""
        if any(n not in (1, m) for n, m in zip(self.frames.shape, arranged.shape, strict=True)):
            return False
        return bool((np.broadcast_to(self.frames, arranged.shape) == arranged).all())
