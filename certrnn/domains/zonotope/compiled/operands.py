"""What instructions work on: records within the records of instructions, of places and how far apart things lie."""

from __future__ import annotations

from typing import NamedTuple

from certrnn.domains.zonotope.compiled.records import Place


class Planes(NamedTuple):
    """Vectors in ``v``: where the first begins, and how far apart they are."""

    base: int
    step: int


class Rows(NamedTuple):
    """Rows of generators in ``g``: where the first begins, and how far apart they are."""

    start: int | Place
    stride: int


class Target(NamedTuple):
    """Rows of generators that are computed: their absolute values are added to ``total``, and they themselves to what
    stands there already if ``added``."""

    start: int | Place
    stride: int
    total: int
    added: int


class Source(NamedTuple):
    """Rows of generators, times a ``slope`` element by element."""

    start: int | Place
    stride: int
    slope: int


class Panels(NamedTuple):
    """Weights in ``s``: a ``number`` of panels of ``depth`` rows."""

    start: int
    number: int
    depth: int


class Function(NamedTuple):
    """A function's own kernel: the address of its machine code, and its parameters (see :class:`.ScalarKernel`)."""

    address: int
    first: float
    second: float


NOTHING = Source(0, 0, 0)
"""No source at all."""
