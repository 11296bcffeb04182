"""Dataclasses as trees of plain values and back: a run stores, hashes and sends every field, also one added later."""

from __future__ import annotations

import base64
import enum
import hashlib
import importlib
import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from certrnn.errors import InvalidInput, Unsupported

Keep = Callable[[np.ndarray], Any]
"""Where the bytes of an array go; returns what stands for them in the tree."""

T = TypeVar("T")

_HOUSE = "certrnn."
_KINDS = "biuf"
_MAGIC = b"certrnn1"


def tree(value: Any, keep: Keep) -> Any:
    """What ``json`` can write: dataclasses become their type's name and all their fields.

    Raises:
        Unsupported: something that is neither a number, text, an array, a container nor a dataclass of certrnn's: it
            could not be told from another of its kind, so nothing may be kept under its name.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, enum.Enum):
        return {"$enum": name_of(type(value)), "name": value.name}
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, tuple):
        return [tree(part, keep) for part in value]
    if isinstance(value, list):
        return {"$list": [tree(part, keep) for part in value]}
    if isinstance(value, dict):
        return {"$dict": [[tree(k, keep), tree(v, keep)] for k, v in value.items()]}
    if isinstance(value, torch.Tensor):
        return {"$tensor": keep(value.detach().cpu().numpy())}
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return {"$array": keep(value)}
    if is_dataclass(value) and not isinstance(value, type):
        own = {f.name: tree(getattr(value, f.name), keep) for f in fields(value) if f.init}
        return {"$type": name_of(type(value)), **own}
    raise Unsupported(
        "writing down a question",
        "it is made of numbers, text, arrays and dataclasses",
        f"a {type(value).__name__}",
    )


def value(tree: Any, load: Callable[[Any], np.ndarray]) -> Any:
    """What :func:`tree` was made of; ``load`` finds the arrays again.

    Raises:
        InvalidInput: a type that is not certrnn's, or not there any more.
    """
    if isinstance(tree, list):
        return tuple(value(part, load) for part in tree)
    if not isinstance(tree, dict):
        return tree
    if "$type" in tree:
        own = {name: value(part, load) for name, part in tree.items() if name != "$type"}
        return _built(tree["$type"], own)
    (tag, inner), *_ = tree.items()
    if tag == "$enum":
        return _type(inner)[tree["name"]]
    if tag == "$float":
        return float(inner)
    if tag == "$list":
        return [value(part, load) for part in inner]
    if tag == "$dict":
        return {value(k, load): value(v, load) for k, v in inner}
    if tag in ("$tensor", "$array"):
        array = load(inner)
        return torch.from_numpy(array) if tag == "$tensor" else array
    raise InvalidInput("reading a stored question", "its parts are known", repr(tag))


def as_text(content: Any) -> Any:
    """A tree with its arrays inside, for a file that people read."""

    def inside(array: np.ndarray) -> list[Any]:
        return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]

    return tree(content, inside)


def from_text(document: Any) -> Any:
    """What :func:`as_text` was made of."""
    return value(document, lambda part: _array(part[0], part[1], base64.b64decode(part[2])))


def digest(content: Any) -> str:
    """sha256 of a value and everything in it, 64 hexadecimal digits.

    >>> digest((1.0, "a")) == digest((1.0, "a")), digest((1.0, "a")) == digest((1, "a"))
    (True, False)
    """
    return tree_digest(hashed(content))


def hashed(content: Any) -> Any:
    """A tree with the digests of its arrays."""
    return tree(content, lambda a: [a.dtype.str, list(a.shape), hashlib.sha256(a.tobytes()).hexdigest()])


def tree_digest(document: Any) -> str:
    """sha256 of a tree without arrays."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def pack(content: Any) -> bytes:
    """A value as bytes for another process: a header in JSON, then the arrays."""
    arrays: list[np.ndarray] = []

    def aside(array: np.ndarray) -> int:
        arrays.append(array)
        return len(arrays) - 1

    made = tree(content, aside)
    header = json.dumps([made, [[a.dtype.str, list(a.shape)] for a in arrays]]).encode()
    return b"".join([_MAGIC, len(header).to_bytes(8, "little"), header, *(a.tobytes() for a in arrays)])


def unpack(content: bytes) -> Any:
    """What :func:`pack` was given."""
    if content[:8] != _MAGIC:
        raise InvalidInput("reading a message", "it was written by this version of certrnn", content[:8])
    start = 16 + int.from_bytes(content[8:16], "little")
    made, shapes = json.loads(content[16:start])
    arrays: list[np.ndarray] = []
    for kind, shape in shapes:
        size = np.dtype(kind).itemsize * math.prod(shape)
        arrays.append(_array(kind, shape, content[start : start + size]))
        start += size
    return value(made, lambda place: arrays[place])


def _array(kind: str, shape: list[int], content: bytes) -> np.ndarray:
    return np.frombuffer(content, dtype=np.dtype(kind)).reshape(shape).copy()


def name_of(kind: type) -> str:
    """The name of one of certrnn's classes, by which :func:`class_named` finds it again.

    Raises:
        Unsupported: a class that is not certrnn's own.
    """
    if not kind.__module__.startswith(_HOUSE) or "." in kind.__qualname__:
        raise Unsupported(
            "writing down a question", "its types are certrnn's own", f"{kind.__module__}.{kind.__qualname__}"
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def class_named(name: str, base: type[T]) -> type[T]:
    """The class of certrnn's with that name, one that derives from ``base``.

    Raises:
        InvalidInput: there is none such.
    """
    candidate = _found(name)
    if isinstance(candidate, type) and issubclass(candidate, base):
        return candidate
    raise _strange(name)


def _type(name: str) -> Any:
    candidate = _found(name)
    if isinstance(candidate, type) and (is_dataclass(candidate) or issubclass(candidate, enum.Enum)):
        return candidate
    raise _strange(name)


def _found(name: str) -> Any:
    module, _, own = name.partition(":")
    if module.startswith(_HOUSE):
        try:
            return getattr(importlib.import_module(module), own)
        except (ImportError, AttributeError):
            return None
    return None


def _strange(name: str) -> InvalidInput:
    return InvalidInput(
        "reading a stored question", "its types are certrnn's own", name, "Use the version that wrote it."
    )


def _built(name: str, own: dict[str, Any]) -> Any:
    try:
        return _type(name)(**own)
    except TypeError:
        raise InvalidInput(
            "reading a stored question",
            f"the fields are those of {name}",
            sorted(own),
            "Use the version that wrote it.",
        ) from None
