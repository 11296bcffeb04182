"""Everything that a result depends on, as one value: what was asked, of which network and data, and how.

:func:`written` makes the JSON of it and :func:`read` the value again; :mod:`certrnn.certification.statement` builds it.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

from certrnn.threats.records import SpecificationRecord, ThreatRecord

Pairs = tuple[tuple[str, str], ...]
"""Names and what they stand for; an object in JSON."""
Numbers = tuple[tuple[str, float], ...]
"""Names and numbers; an object in JSON."""
Need = Callable[[bool, str, object], None]
"""``need(holds, requirement, received)`` raises where something does not hold."""


@dataclass(frozen=True)
class File:
    """A file that was read: the option that named it, its name as given, and the sha256 of its bytes."""

    option: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where samples came from: files, what was said about reading them, and how many samples they hold."""

    files: tuple[File, ...]
    options: Pairs
    total: int


@dataclass(frozen=True)
class Read:
    """How the network was read: its output by name and what its numbers mean, how samples lie in its input, and the
    ``--output`` and ``--layout`` that were given."""

    output: str
    reading: str
    arrangement: str
    given: Pairs = ()


@dataclass(frozen=True)
class Data:
    """Which samples: their numbers in their source, and a digest of them as the network gets them.

    Args:
        source: None where they came from a program.
        samples: their numbers, as ``--samples`` takes them.
        count: how many they are.
        sha256: of their values, labels and padding.
        labels: ``data``, ``own answers`` (the network's, where the data has none), or ``none``.
        done: what was done to the values, or "".
    """

    source: Source | None
    samples: str
    count: int
    sha256: str
    labels: str
    done: str = ""


@dataclass(frozen=True)
class Way:
    """How it was answered: the method, the search and its numbers (or the only eps it tried), whether an attack ran,
    the seconds of a row, and what followed the first method of ``auto`` where that was not all of its methods."""

    method: str
    search: str = ""
    numbers: Numbers = ()
    grid: tuple[float, ...] = ()
    attack: bool = True
    budget: float | None = None
    steps: tuple[str, ...] = ()

    @property
    def floor(self) -> float | None:
        """The smallest eps that a search tries, where it tries only given ones."""
        if self.grid:
            return self.grid[0]
        return 0.5 ** (dict(self.numbers)["last"] - 1) if self.search == "PaperGrid" else None


@dataclass(frozen=True)
class Question:
    """What a result depends on, besides the model's own files.

    Args:
        eps: the eps that were asked, or None where the largest was searched.
        clip, clip_used: the valid range as it was asked, and as it is in the network's numbers (rounded outward).
        semantics: what a certificate is about.
        versions: of everything that took part in the answer.
    """

    threat: ThreatRecord
    specification: SpecificationRecord
    eps: tuple[float, ...] | None
    frames: str
    clip: tuple[float, float] | None
    clip_used: tuple[float, float] | None
    network: Read
    data: Data
    way: Way
    semantics: str
    versions: Pairs

    @property
    def searched(self) -> bool:
        """Whether the largest eps was searched."""
        return self.eps is None

    def anywhere(self) -> Question:
        """Without the names of files, which say where something lay and not what it was."""
        source = self.data.source
        if source is None:
            return self
        files = tuple(replace(file, name="") for file in source.files)
        return replace(self, data=replace(self.data, source=replace(source, files=files)))


def written(value: Any) -> Any:
    """What strict JSON takes: objects for dataclasses and pairs, lists for tuples."""
    if is_dataclass(value) and not isinstance(value, type):
        kinds = get_type_hints(type(value))
        return {f.name: _field(getattr(value, f.name), kinds[f.name]) for f in fields(value)}
    return [written(part) for part in value] if isinstance(value, tuple) else value


def _field(value: Any, kind: Any) -> Any:
    return dict(value) if kind in (Pairs, Numbers) else written(value)


def read(kind: Any, tree: Any, need: Need, where: str = "question") -> Any:
    """The value of type ``kind`` that :func:`written` wrote as ``tree``.

    A key that is missing takes its default; keys that are not known here are left alone: a later version wrote them.
    """
    if is_dataclass(kind):
        need(isinstance(tree, dict), f"{where} is an object", tree)
        return _built(kind, tree, need, where)
    if kind in (Pairs, Numbers):
        need(isinstance(tree, dict), f"{where} is an object", tree)
        inner = get_args(get_args(kind)[0])[1]
        return tuple((name, read(inner, part, need, f"{where}.{name}")) for name, part in tree.items())
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (one for one in get_args(kind) if one is not type(None))
        return None if tree is None else read(inner, tree, need, where)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), tree, need, where)
    return _plain(kind, tree, need, where)


def _built(kind: Any, tree: dict[str, Any], need: Need, where: str) -> Any:
    hints, values = get_type_hints(kind), {}
    for field in fields(kind):
        if field.name in tree:
            values[field.name] = read(hints[field.name], tree[field.name], need, f"{where}.{field.name}")
    missing = [f.name for f in fields(kind) if f.name not in values and f.default is f.default_factory]
    need(not missing, f"{where} has {', '.join(missing)}", sorted(map(str, tree)))
    return kind(**values)


def _tuple(kinds: tuple[Any, ...], tree: Any, need: Need, where: str) -> tuple[Any, ...]:
    need(isinstance(tree, list), f"{where} is a list", tree)
    if kinds[-1] is ...:
        return tuple(read(kinds[0], part, need, where) for part in tree)
    need(len(tree) == len(kinds), f"{where} has {len(kinds)} parts", tree)
    return tuple(read(one, part, need, where) for one, part in zip(kinds, tree, strict=True))


def _plain(kind: Any, tree: Any, need: Need, where: str) -> Any:
    if kind is float:
        known = type(tree) in (int, float) and abs(tree) < 1e308 and math.isfinite(tree)
        need(known, f"{where} is a finite number", tree)
        return float(tree)
    whole = kind is not int or (type(tree) is int and abs(tree) < 2**63)
    need(type(tree) is kind and whole, f"{where} is of type {kind.__name__}", tree)
    return tree
