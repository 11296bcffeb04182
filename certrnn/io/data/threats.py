"""Files about what may change: radii of features, and substitutes of words."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.errors import InvalidInput
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import MAX_VALUES, Origin, shown
from transformers_abs.decimals import at_least

MAX_SETS = 1 << 22
"""Most lines of a file of substitutes."""

Substitutes = Mapping[tuple[int, int], np.ndarray]
"""By sample and position: vectors (K, D) floats, or words (K,) integers."""


def read_radii(path: str | Path) -> np.ndarray:
    """Radii of features from npy, or from text: numbers between commas or spaces, a line a frame. At most three axes.

    Raises:
        InvalidInput: the file is missing, damaged or holds something else.
    """
    origin = Origin(Path(path))
    content = file_content(origin.path, origin)
    if content.startswith(b"PK"):
        raise origin.invalid(
            "radii are one array, in npy or as text", "an npz archive", "Save the array with np.save."
        )
    try:
        if content.startswith(b"\x93NUMPY"):
            array = np.load(io.BytesIO(content), allow_pickle=False)
        else:
            text = content.decode("utf-8").replace(",", " ")
            if not text.strip():
                raise ValueError("it is empty")
            array = np.loadtxt(io.StringIO(text), dtype=np.float64, ndmin=1, converters=_radius)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise origin.invalid("radii are numbers, in npy or as text", shown(str(error))) from None
    if array.dtype.kind not in "iuf" or not 0 < array.size <= MAX_VALUES or array.ndim not in (1, 2, 3):
        raise origin.invalid(
            "radii are an array of one to three axes", f"shape {array.shape}, type {array.dtype}"
        )
    radii = array.astype(np.float64)
    return radii[0] if radii.ndim == 2 and len(radii) == 1 else radii


def read_substitutes(path: str | Path) -> dict[tuple[int, int], np.ndarray]:
    """Substitutes of words from jsonl, a line a word: ``{"sample": 0, "position": 3, "substitutes": [[..], ..]}`` with
    vectors, or with numbers of words where the network looks words up.

    Raises:
        InvalidInput: the file is missing, damaged or holds something else.
    """
    origin = Origin(Path(path))
    lines = file_content(origin.path, origin).splitlines()
    if len(lines) > MAX_SETS:
        raise origin.invalid(f"there are at most {MAX_SETS} lines", len(lines))
    sets: dict[tuple[int, int], np.ndarray] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place, substitutes = _entry(line, number, origin)
        if place in sets:
            raise origin.invalid(
                "a word has one line", f"a second one for sample {place[0]}, position {place[1]}"
            )
        sets[place] = substitutes
    if not sets:
        raise origin.invalid("some word has substitutes", "no line")
    return sets


def _radius(text: str) -> float:
    """A radius as it is written, rounded up: 0.3 is no float64, and the nearest one is smaller."""
    value = float(text)
    return at_least(text) if math.isfinite(value) else value


def _entry(line: bytes, number: int, origin: Origin) -> tuple[tuple[int, int], np.ndarray]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise origin.invalid(f"line {number} is JSON", shown(str(error))) from None
    names = ("sample", "position", "substitutes")
    if not isinstance(entry, dict) or any(name not in entry for name in names):
        raise origin.invalid(f"line {number} has {', '.join(names)}", shown(line.decode("utf-8", "replace")))
    sample, position = (_whole(entry[name], f"line {number}: {name}", origin) for name in names[:2])
    return (sample, position), _substitutes(entry["substitutes"], number, origin)


def _whole(value: Any, what: str, origin: Origin) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise origin.invalid(f"{what} is a whole number from 0", shown(repr(value)))
    return value


def _substitutes(entry: Any, number: int, origin: Origin) -> np.ndarray:
    requirement = f"line {number}: substitutes are vectors of equally many numbers, or numbers of words"
    try:
        array = np.array(entry) if isinstance(entry, list) and entry else np.zeros(0)
    except (ValueError, OverflowError, RecursionError):
        raise origin.invalid(requirement, shown(repr(entry))) from None
    words = array.ndim == 1 and array.dtype.kind == "i"
    vectors = array.ndim == 2 and array.size and array.dtype.kind in "if"
    if not words and not (vectors and np.isfinite(array.astype(np.float64)).all()):
        raise origin.invalid(requirement, shown(repr(entry)))
    return array if words else array.astype(np.float64)


def require_fitting(substitutes: Substitutes, features: int) -> None:
    """Vectors have the network's number of features.

    Raises:
        InvalidInput: some have not.
    """
    for (sample, position), vectors in substitutes.items():
        if vectors.ndim == 2 and vectors.shape[1] != features:
            raise InvalidInput(
                f"reading the substitutes of sample {sample}, position {position}",
                f"vectors have {features} features",
                vectors.shape[1],
            )
