"""What the machine's instructions are, and where a value's numbers lie.

All numbers of one propagation lie in four flat arrays: ``v`` holds vectors and ``w`` weights and other constants; ``g``
holds generators and ``s`` the weights by which they are multiplied, both in single precision. A value is ``PLANES``
vectors in a row in ``v``, one a quantity; slices of a value share them at an offset.

Unless they say otherwise, fields of an instruction are places in ``v``; ``table`` is one in the integers of ``index``,
``rows`` counts symbols, and ``size`` elements of a value. A new instruction is a record here, named in
:data:`INSTRUCTIONS`, and a branch of the machine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from certrnn.domains.accounts import LinearCharges, RelaxedCharges
from certrnn.domains.zonotope.compiled.operands import Function, Panels, Planes, Rows, Source, Target
from certrnn.domains.zonotope.compiled.records import Record, columns, encoded

# Planes of a value: center, slack, size (see certrnn.domains.zonotope.value), box, the generators' part of the size ...
CENTER, SLACK, SIZE, LOWER, UPPER, SPREAD = range(6)
# ... sums of absolute generators, and what is read off: radius, magnitude, bounds of the zonotope within its box ...
ABSOLUTE, RADIUS, MAGNITUDE, LOW, HIGH = range(6, 11)
# ... radii of fresh symbols of its own, and the slopes of a relaxed function.
FRESH, SLOPE_X, SLOPE_Y = range(11, 14)
PLANES = 14

# Scratch of the machine, vectors of the longest value each: directional sums (six), alone sums (two), scales and
# centers (two each), bounds (four), slopes (two), offsets (two), witnesses (four), vectors that a product
# takes and gives.
DIRECTIONS, ALONE, SCALES, CENTERS, BOXES, SLOPES, OFFSETS, WITNESSES, GIVEN, TAKEN, IDLE = (
    0, 6, 8, 10, 12, 16, 18, 20, 24, 30, 36,
)  # fmt: skip
SCRATCH = 37

VECTOR, CONSTANTS, NUMBER = range(3)
"""What the second factor of :class:`Multiply` is: a vector in ``v``, constants in ``w``, or one of these for all."""


class Input(NamedTuple):
    """A frame, from its place ``first`` in the region."""

    out: Planes
    size: int
    first: int
    disturbed: int
    one: float


class Constant(NamedTuple):
    """Center, radius, lower and upper bounds from ``given`` in ``w``."""

    out: Planes
    size: int
    given: int
    one: float


class Affine(NamedTuple):
    """``W x + bias``: panels of doubles and ``bias`` in ``w``; ``magnitude`` and ``spread`` are what the node is
    charged by, and ``lost`` a sum of absolute values whose product with slopes may underflow (-1: none)."""

    out: Planes
    size: int
    x: Planes
    x_size: int
    magnitude: int
    spread: int
    panels: int
    bias: int
    lost: int
    scratch: Planes
    charges: LinearCharges


class Scale(NamedTuple):
    """``weight x + bias`` element by element; both in ``w``."""

    out: Planes
    size: int
    x: Planes
    weight: int
    bias: int
    charges: LinearCharges


class Sum(NamedTuple):
    """Values times coefficients in ``w``, ``terms`` of them; the table holds base, step, size and spread of each."""

    out: Planes
    size: int
    terms: int
    table: int
    coefficients: int
    charges: LinearCharges


class Gather(NamedTuple):
    """Elements of several values; the table holds place and step of each."""

    out: Planes
    size: int
    table: int
    raising: float
    single: float


class Read(NamedTuple):
    """Radius, magnitude and bounds of a value; ``dense`` says whether it has rows, ``diagonal`` where its own radii
    are (-1: none)."""

    value: Planes
    size: int
    dense: int
    diagonal: int
    raising: float


class Univariate(NamedTuple):
    """A function of one argument; ``symbols`` says whether its argument has any."""

    out: Planes
    size: int
    x: Planes
    function: Function
    symbols: int
    charges: RelaxedCharges


class Bivariate(NamedTuple):
    """A function of two arguments; ``symbols`` says whether these have any."""

    out: Planes
    size: int
    x: Planes
    y: Planes
    function: Function
    symbols: int
    scratch: Planes
    charges: RelaxedCharges


class Clear(NamedTuple):
    """Zeros."""

    start: int
    size: int


class Product(NamedTuple):
    """Generators times weights."""

    rows: int
    source: Rows
    panels: Panels
    target: Target


class ScaledProduct(NamedTuple):
    """Generators times weights times a ``slope``, element by element of the generators."""

    rows: int
    source: Rows
    panels: Panels
    slope: int
    target: Target


class Outer(NamedTuple):
    """Row i is ``values[i]`` times row i of ``columns``, in ``w``."""

    rows: int
    size: int
    values: int
    columns: Planes
    target: Target


class Diagonal(NamedTuple):
    """``values`` as the diagonal of rows, put on top of what stands there if ``added``; -1: zeros."""

    rows: int
    values: int
    target: Rows
    added: int


class Combine(NamedTuple):
    """The sum of the first ``terms`` of four sources."""

    rows: int
    size: int
    terms: int
    first: Source
    second: Source
    third: Source
    fourth: Source
    idle: int
    target: Target


class Absolutes(NamedTuple):
    """Absolute values of rows, added to ``total``."""

    rows: int
    size: int
    source: Rows
    total: int


class Columns(NamedTuple):
    """Columns copied: the table holds ``pairs`` of a column of the target and one of the source."""

    rows: int
    pairs: int
    table: int
    source: Rows
    target: Rows


class Multiply(NamedTuple):
    """``first second``, vectors; ``kind`` says what the second is, and the first is ones where it is -1."""

    out: int
    size: int
    first: int
    kind: int
    second: int


class Join(NamedTuple):
    """``sum |v_k|`` of vectors, ``terms`` of them, whose places the table holds."""

    out: int
    size: int
    terms: int
    table: int
    raising: float


class Frame(NamedTuple):
    """Centers and scales in which directions of a pair of values are counted."""

    x: Planes
    y: Planes
    size: int
    scratch: Planes


class Directional(NamedTuple):
    """Sums of absolute values by direction, of symbols that both values have."""

    rows: int
    size: int
    x: Rows
    y: Rows
    scratch: Planes


class Widths(NamedTuple):
    """Widths of a pair of values in each direction; ``x_own`` and ``y_own`` are radii of symbols that only one of them
    has (-1: none)."""

    x: Planes
    y: Planes
    size: int
    x_own: int
    y_own: int
    scratch: Planes
    charges: RelaxedCharges


class LowerRows(NamedTuple):
    """Lower bounds of the specification's rows over the output; ``own`` are radii of its own symbols (-1: none)."""

    value: Planes
    size: int
    generators: Rows
    rows: int
    own: int
    charges: LinearCharges


INSTRUCTIONS: tuple[type[Record], ...] = (
    Input, Constant, Affine, Scale, Sum, Gather, Read, Univariate, Bivariate, Clear, Product, ScaledProduct, Outer,
    Diagonal, Combine, Absolutes, Columns, Multiply, Join, Frame, Directional, Widths, LowerRows,
)  # fmt: skip
"""Every instruction; its place here is the number that rows of it begin with."""

OPERANDS = 1 + max(len(columns(record)) for record in INSTRUCTIONS)
"""Numbers in a row."""


def row(record: Record) -> list[int]:
    """An instruction whose places are known, as a row of OPERANDS numbers."""
    numbers = encoded(record, INSTRUCTIONS.index(type(record)))
    return numbers + [0] * (OPERANDS - len(numbers))


def _is_a(typing: Any, record: Any, row: Any) -> Any:
    code = INSTRUCTIONS.index(record.instance_class)

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        array = context.make_array(signature.args[1])(context, builder, operands[1])
        first = builder.load(cgutils.gep(builder, array.data, 0))
        return builder.icmp_signed("==", first, first.type(code))

    return types.boolean(record, row), emit


is_a: Any = intrinsic(_is_a)
"""``is_a(Record, row)`` in compiled code: whether a row was written from a record of this type."""
