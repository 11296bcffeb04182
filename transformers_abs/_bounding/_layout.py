"""Where things lie in the one work array of a thread.

All of a region's numbers lie in one flat array at offsets known to the compiler: only so can it prove that rows do not
overlap and turn every loop over a row into SIMD code.

* An *axis block* describes 2 PARENTS intervals of one axis, one row a quantity: slot 16 m + s is half m of
  parent s.
* The *cell block* holds what is computed for the LANES quarters of PARENTS cells: lane 32 m + 16 n + s is half m
  in x and half n in y of parent s.
"""

from transformers_abs._protocol import DIRECTIONS

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

# What is given of each axis: the box, the slope, the quadratic's own coefficient and frame, the frame of the cuts.
LOWER, UPPER, SLOPE, BENDING, MIDPOINT, SCALE, CUT_MIDPOINT, CUT_SCALE = range(8)
GIVEN_ROWS = 8

# Queues of cells waiting to be quartered, QUEUE_ROWS numbers each.
X_LOW, X_HIGH, Y_LOW, Y_HIGH, QUEUED_BOUND, QUEUED_SIGN = range(6)
QUEUE_ROWS = 6
BOX_LEVELS, CUT_LEVELS = 1, 2
"""How often a coarse cell can be quartered, and that with cuts or where cells are wide: 16 or 32 intervals an axis."""
CAPACITY = 2 * LANES * 4 ** (CUT_LEVELS - 1) + 4
"""Cells of both sides that can wait to be quartered, and room for one more parent's."""

# The state of a side (0: above g, 1: above -g): the largest bound counted, the best value seen, and where.
TOP, BEST, AT_X, AT_Y = 0, 1, 2, 3
STATE_ROWS = 4

STRIPS = len(DIRECTIONS)
COARSE = 8
"""Coarse intervals of an axis."""

AXIS_X = 0
AXIS_Y = AXIS_X + AXIS_ROWS * SLOTS
CELL = AXIS_Y + AXIS_ROWS * SLOTS
GIVEN_X = CELL + CELL_ROWS * LANES
GIVEN_Y = GIVEN_X + GIVEN_ROWS
CROSS = GIVEN_Y + GIVEN_ROWS  # twice the quadratic's xy
WIDTHS = CROSS + 1
STATE = WIDTHS + STRIPS
NODES_X = STATE + 2 * STATE_ROWS
NODES_Y = NODES_X + COARSE + 1
QUEUE_A = NODES_Y + COARSE + 1
QUEUE_B = QUEUE_A + QUEUE_ROWS * CAPACITY
WORK_SIZE = QUEUE_B + QUEUE_ROWS * CAPACITY
