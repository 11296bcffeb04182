"""Threat models and specifications as documents write them down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Radii:
    """Radii of features: their shape, a digest of their float64 values, the smallest and the largest, and, of few, the
    values themselves in row-major order."""

    shape: tuple[int, ...]
    sha256: str
    smallest: float
    largest: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class ThreatRecord:
    """What may change: a ``ball`` in a norm (one budget over the sequence where ``joint``), ``words`` (so many of them
    have substitutes, with a digest), or ``edits`` (at most so many, to words of an alphabet or to synonyms, as these
    were named). Others are known by their name only."""

    kind: str
    norm: str | None = None
    joint: bool = False
    radii: Radii | None = None
    words: int | None = None
    sha256: str | None = None
    edits: int | None = None
    alphabet: str = ""
    synonyms: str = ""


@dataclass(frozen=True)
class SpecificationRecord:
    """What must hold: ``label``, ``target`` or ``accept`` with classes, or ``threshold``; an end that is None asks
    nothing."""

    kind: str
    classes: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
