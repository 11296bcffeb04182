"""Where things lie in the one work array of a thread.

All of a region's numbers lie in one flat array at offsets known to the compiler: only so can it prove that rows do not
overlap and turn every loop over a row into SIMD code.

* An *axis block* describes 2 PARENTS intervals of one axis, one row a quantity: slot 16 m + s is half m of
  parent s.
* The *cell block* holds what is computed for the LANES quarters of PARENTS cells: lane 32 m + 16 n + s is half m
  in x and half n in y of parent s.
"""

PARENTS = 16
"""Cells that are quartered at a time."""
SLOTS = 2 * PARENTS
LANES = 4 * PARENTS

# Rows of an axis block: what _axis says of an interval ...
VALUE, VALUE_SPREAD, FIRST, FIRST_SPREAD, SECOND, SECOND_SPREAD = 0, 1, 2, 3, 4, 5
LINEAR, LINEAR_STEP, E, E_STEP, BEND, CUT_E, CUT_STEP = 6, 7, 8, 9, 10, 11, 12
# ... its ends, centre and half-width; the factor and its derivatives at the low ends, high ends and centres.
LOW, HIGH, CENTER, HALF = 13, 14, 15, 16
P, P1, P2 = 17, 20, 23
AXIS_ROWS = 26

# Rows of the cell block: Taylor terms of the residual on a cell (see _cells) ...
R, A, B, C, MIXED, XX_HIGH, XX_LOW, YY_HIGH, YY_LOW, RADIUS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
# ... the same with the cell's sign, the bound above sign * residual, a value attained, what it falls short of by;
SIGN, SR, SA, SB, REST, BOUND, SEEN, LOSS, PARENT_BOUND = 10, 11, 12, 13, 14, 15, 16, 17, 18
# ... and where the cell lies in the cuts, and the largest increase of the linear part that they leave.
CUT_X, CUT_Y, STEP_X, STEP_Y, CENTER_ROOM, NEAREST_ROOM, CROSSED, SLOPE_X, SLOPE_Y, REACH = range(19, 29)
CELL_ROWS = 29

AXIS_X = 0
AXIS_Y = AXIS_X + AXIS_ROWS * SLOTS
CELL = AXIS_Y + AXIS_ROWS * SLOTS
WORK_SIZE = CELL + CELL_ROWS * LANES
