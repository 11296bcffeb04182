"""Where things lie in the one work array of a thread.

All of a region's numbers lie in one flat array at offsets known to the compiler: only so can it prove that rows do not
overlap and turn every loop over a row into SIMD code.

* An *axis block* describes 2 PARENTS intervals of one axis, one row a quantity: slot 8 m + s is half m of
  parent s.
* The *cell block* holds what is computed for the LANES quarters of PARENTS cells: lane 16 m + 8 n + s is half m
  in x and half n in y of parent s.
* The *parent block* holds those PARENTS cells.

A loop of few steps that do little is unrolled before it can become SIMD code, so the loops here do much at a step.
"""

from transformers_abs._protocol import DIRECTIONS

PARENTS = 8
"""Cells that are quartered at a time: few enough that they are seldom idle, and a vector of the widest processors."""
SLOTS = 2 * PARENTS
LANES = 4 * PARENTS

# Rows of an axis block: what _axis says of an interval ...
VALUE, VALUE_SPREAD, FIRST, SECOND, SECOND_SPREAD = range(5)
LINEAR, LINEAR_STEP, E, E_STEP, BEND, CUT_E, CUT_STEP = range(5, 12)
# ... its ends, centre and half-width; the factor and its slope at the low ends and the high ends of wide intervals.
LOW, HIGH, CENTER, HALF, END_VALUE, END_SLOPE = 12, 13, 14, 15, 16, 18
EXPONENTIAL = 20
AXIS_ROWS = 21

# Rows of the cell block: Taylor terms of the residual on a cell (see _cells) ...
R, A, B, C, XX, XX_SPREAD, YY, YY_SPREAD, RADIUS = range(9)
# ... the same with the cell's sign, the bound above sign * residual, a value attained, what it falls short of by;
SIGN, SR, SA, SB, REST, BOUND, SEEN, LOSS, PARENT_BOUND = range(9, 18)
# ... and where the cell lies in the cuts, and the largest increase of the linear part that they leave.
CUT_X, CUT_Y, STEP_X, STEP_Y, CENTER_ROOM, NEAREST_ROOM, CROSSED, SLOPE_X, SLOPE_Y, REACH = range(18, 28)
CELL_ROWS = 28

# Rows of the block of the PARENTS cells being quartered: their ends, where they are cut, their bounds and signs ...
X0, X1, X2, Y0, Y1, Y2, BOUND_BEFORE, SIGN_BEFORE = range(8)
# ... the largest of some number of their quarters, each side's in a row of its own with -inf for the other side's.
LARGEST_UP, LARGEST_DOWN = 8, 9
QUARTER = 10  # where SEEN is largest
PARENT_ROWS = 11

# What is given of each axis: the box, the slope, the quadratic's own coefficient and frame, the frame of the cuts.
LOWER, UPPER, SLOPE, BENDING, MIDPOINT, SCALE, CUT_MIDPOINT, CUT_SCALE = range(8)
GIVEN_ROWS = 8

COARSE = 8
"""Coarse intervals of an axis."""
COARSE_BATCHES = COARSE * COARSE // LANES
BOX_LEVELS, CUT_LEVELS = 1, 2
"""How often a coarse cell can be quartered, and that with cuts or where cells are wide: 16 or 32 intervals an axis."""

# Queues of cells waiting to be quartered, QUEUE_ROWS numbers a cell.
X_LOW, X_HIGH, Y_LOW, Y_HIGH, QUEUED_BOUND, QUEUED_SIGN = range(6)
QUEUE_ROWS = 6
CAPACITY = 2 * COARSE * COARSE * 4 ** (CUT_LEVELS - 1)
"""Cells of both sides that can wait to be quartered."""

# The state of a side (0: above g, 1: above -g): the largest bound, the best value seen, and where.
TOP, BEST, AT_X, AT_Y = 0, 1, 2, 3
STATE_ROWS = 4

STRIPS = len(DIRECTIONS)

AXIS_X = 0
AXIS_Y = AXIS_X + AXIS_ROWS * SLOTS
CELL = AXIS_Y + AXIS_ROWS * SLOTS
PARENT = CELL + CELL_ROWS * LANES
GIVEN_X = PARENT + PARENT_ROWS * PARENTS
GIVEN_Y = GIVEN_X + GIVEN_ROWS
CROSS = GIVEN_Y + GIVEN_ROWS  # twice the quadratic's xy
WIDTHS = CROSS + 1
STATE = WIDTHS + STRIPS
NODES_X = STATE + 2 * STATE_ROWS
NODES_Y = NODES_X + COARSE + 1
QUEUE_A = NODES_Y + COARSE + 1
QUEUE_B = QUEUE_A + QUEUE_ROWS * CAPACITY
WORK_SIZE = QUEUE_B + QUEUE_ROWS * CAPACITY
