"""Files of word vectors, for networks that take vectors and hold no table of their own."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from certrnn.io.data.arrays import NPZ_MAGICS, npz_members
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import MAX_VALUES, Origin, shown
from certrnn.io.text.vocabulary import Vocabulary

_WORDS = ("words", "vocab", "vocabulary", "tokens")
_VECTORS = ("vectors", "embeddings", "embedding", "weights", "weight")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Word vectors.

    Args:
        table: (words, features) float64, finite.
        vocabulary: which row is whose; None where the file holds vectors alone.
    """

    table: np.ndarray
    vocabulary: Vocabulary | None


def read_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Word vectors in GloVe's text format (``word v1 .. vD`` a line, word2vec's heading line allowed), or npz with
    ``vectors`` (words, features) and optionally ``words``; also gzipped.

    Raises:
        InvalidInput: the file is missing or damaged, vectors differ in length or are not finite.
    """
    origin = Origin(Path(path))
    content = file_content(origin.path, origin)
    if content.startswith(NPZ_MAGICS):
        return _npz(content, origin)
    try:
        return _lines(content.decode("utf-8-sig"), origin)
    except UnicodeDecodeError as error:
        raise origin.invalid(
            "word vectors are text in UTF-8 or npz", f"other bytes from byte {error.start}"
        ) from None


def _npz(content: bytes, origin: Origin) -> Embeddings:
    arrays = {name.lower(): array for name, array in npz_members(content, origin).items()}
    table = next((arrays[name] for name in _VECTORS if name in arrays), None)
    if table is None or table.ndim != 2 or table.dtype.kind not in "fiu" or 0 in table.shape:
        received = shown({name: array.shape for name, array in arrays.items()}, 100)
        raise origin.invalid("vectors is an array (words, features) of numbers", received)
    words = next((arrays[name] for name in _WORDS if name in arrays), None)
    if words is None:
        return Embeddings(_finite(table.astype(np.float64), origin), None)
    if words.dtype.kind != "U" or words.shape != table.shape[:1]:
        raise origin.invalid(f"words is a list of {len(table)} texts", f"{words.dtype}, shape {words.shape}")
    return _named([str(word) for word in words], table.astype(np.float64), origin)


def _lines(text: str, origin: Origin) -> Embeddings:
    entries = [line.rstrip("\r").rstrip(" ") for line in text.split("\n") if line.strip()]
    if len(entries) > 1 and entries[0].count(" ") == 1 != entries[1].count(" "):
        entries = entries[1:]  # word2vec's heading: number of words, number of features
    width = entries[0].count(" ") if entries else 0
    rows = [_row(line, width) for line in entries]
    if width < 1 or width * len(rows) > MAX_VALUES:
        raise origin.invalid("a line is a word and its vector", shown(rows[0] if rows else "nothing"))
    for number, row in enumerate(rows, start=1):
        if len(row) != width + 1:
            raise origin.invalid(f"every word has {width} numbers", f"{len(row) - 1} for word {number}")
    try:
        table = np.loadtxt(io.StringIO("\n".join(" ".join(row[1:]) for row in rows)), ndmin=2, comments=None)
    except ValueError as error:
        raise origin.invalid("vectors are numbers", shown(str(error), 100)) from None
    return _named([row[0] for row in rows], table, origin)


def _row(line: str, width: int) -> list[str]:
    """A word and its numbers; a few words of GloVe's hold spaces, none of them numbers."""
    word, *numbers = line.rsplit(" ", width) if width else [line]
    return line.split(" ") if any(_number(part) for part in word.split(" ")[1:]) else [word, *numbers]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(words: list[str], table: np.ndarray, origin: Origin) -> Embeddings:
    """A word that stands twice keeps its first vector, as every reader of GloVe does that looks from the top."""
    ids: dict[str, int] = {}
    for number, word in enumerate(words):
        ids.setdefault(word, number)
    return Embeddings(_finite(table, origin), Vocabulary(ids))


def _finite(table: np.ndarray, origin: Origin) -> np.ndarray:
    if not np.isfinite(table).all():
        raise origin.invalid("every number of a vector is finite", "nan or inf")
    return table
