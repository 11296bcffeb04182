"""What the machine's instructions are, and where a value's numbers lie.

All numbers of one propagation lie in four flat arrays: ``v`` holds vectors and ``w`` weights and other constants; ``g``
holds generators and ``s`` the weights by which they are multiplied, both in single precision. A value is ``PLANES``
vectors in a row in ``v``, one a quantity; slices of a value share them at an offset.
"""

from __future__ import annotations

# Planes of a value: center, slack, size (see certrnn.domains.zonotope.value), box, the generators' part of the size ...
CENTER, SLACK, SIZE, LOWER, UPPER, SPREAD = range(6)
# ... sums of absolute generators, and what is read off: radius, magnitude, bounds of the zonotope within its box ...
ABSOLUTE, RADIUS, MAGNITUDE, LOW, HIGH = range(6, 11)
# ... radii of fresh symbols of its own, and the slopes of a relaxed function.
FRESH, SLOPE_X, SLOPE_Y = range(11, 14)
PLANES = 14

# Instructions; operands are the parameters of the machine's branches, in their order.
(
    INPUT,
    CONSTANT,
    AFFINE,
    SCALE,
    SUM,
    GATHER,
    READ,
    UNIVARIATE,
    BIVARIATE,
    CLEAR,
    PRODUCT,
    SCALED_PRODUCT,
    OUTER,
    PLACE,
    COMBINE,
    ABSOLUTES,
    COLUMNS,
    MULTIPLY,
    JOIN,
    FRAME,
    DIRECTIONAL,
    WIDTHS,
    LOWER_ROWS,
) = range(23)

OPERANDS = 22
"""Integers of an instruction, its number included."""

FACTORS, SINGLES = 5, 4
"""Numbers that go with an instruction; the last of them pays for single precision, and is zero where it has no part."""

# Functions of one argument, by number; those of two arguments are told by their factors.
TANH, SIGMOID, PIECEWISE = range(3)

# Scratch of the machine, vectors of the longest value each: directional sums (six), alone sums (two), scales and
# centers (two each), bounds (four), slopes (two), offsets (two), witnesses (four), vectors that a product
# takes and gives.
DIRECTIONS, ALONE, SCALES, CENTERS, BOXES, SLOPES, OFFSETS, WITNESSES, GIVEN, TAKEN, IDLE = (
    0, 6, 8, 10, 12, 16, 18, 20, 24, 30, 36,
)  # fmt: skip
SCRATCH = 37
