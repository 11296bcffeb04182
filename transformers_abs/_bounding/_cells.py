"""Bounds of a residual over the cells of a grid.

On a cell with centre (x, y), half-widths (hx, hy) and coordinates |xi|, |eta| <= 1 the residual g satisfies (Taylor)

    g = r + a xi + b eta + c xi eta + e,    -sxy + min(0, ..) <= e <= sxy + max(0, gxx hx^2 / 2) + max(0, gyy hy^2 / 2)

where r is the value at the centre, a = g_x hx, b = g_y hy, c = g_xy hx hy at the centre and sxy bounds the variation of
g_xy hx hy: directions in which g is concave cost the upper bound nothing. The bilinear part is extremal at a corner of
the cell: its maximum is max(|a + b| + c, |a - b| - c). Where the cell is clipped by cuts, weak duality replaces it
(:mod:`._clipping`). Where the cell is wide, plain interval arithmetic is intersected.

Rounding is paid at the end, once (:func:`._search.rounding_budget`).
"""

from __future__ import annotations

from transformers_abs._bounding._axis import (
    BEND,
    COARSE,
    E,
    E_STEP,
    FIRST,
    FIRST_SPREAD,
    LINEAR,
    LINEAR_STEP,
    SECOND,
    SECOND_SPREAD,
    SPLIT,
    VALUE,
    VALUE_SPREAD,
)
from transformers_abs._compile import kernel

# Rows of a cell array (rows, cells): bounds above g and above -g; values that g and -g surely attain in the cell (up to
# rounding), at its best corner or its centre; the value at the centre.
UPPER, LOWER, SEEN_UP, SEEN_DOWN, MIDDLE = 0, 1, 2, 3, 4
# Only for the fine cells of one side: the parts that the cuts need.
ALONG_X, ALONG_Y, REST, BILINEAR = 5, 6, 7, 8
CELL_ROWS = 9


@kernel
def coarse_cells(tx, ty, cross, cells):
    """Both bounds on all COARSE x COARSE cells; ``cross`` is twice the quadratic's xy."""
    for i in range(COARSE):
        p, pr, p1, p1r, p2, p2r = (
            tx[VALUE, i],
            tx[VALUE_SPREAD, i],
            tx[FIRST, i],
            tx[FIRST_SPREAD, i],
            tx[SECOND, i],
            tx[SECOND_SPREAD, i],
        )
        line, step, ex, gx, bend = (
            tx[LINEAR, i],
            tx[LINEAR_STEP, i],
            tx[E, i],
            cross * tx[E_STEP, i],
            tx[BEND, i],
        )
        size = abs(p)
        for j in range(COARSE):
            q, qr, q1, q1r, q2, q2r = (
                ty[VALUE, j],
                ty[VALUE_SPREAD, j],
                ty[FIRST, j],
                ty[FIRST_SPREAD, j],
                ty[SECOND, j],
                ty[SECOND_SPREAD, j],
            )
            r = p * q - line - ty[LINEAR, j] - cross * ex * ty[E, j]
            a = p1 * q - step - gx * ty[E, j]
            b = p * q1 - ty[LINEAR_STEP, j] - cross * ex * ty[E_STEP, j]
            c = p1 * q1 - gx * ty[E_STEP, j]
            s, d = abs(a + b), abs(a - b)
            up, down = max(s + c, d - c), max(s - c, d + c)
            sxy = p1 * q1r + p1r * (q1 + q1r)
            xx, xxr = p2 * q - bend, abs(p2) * qr + p2r * (abs(q) + qr)
            yy, yyr = p * q2 - ty[BEND, j], size * q2r + pr * (abs(q2) + q2r)
            k = i * COARSE + j
            cells[UPPER, k] = r + up + sxy + max(0.0, xx + xxr) + max(0.0, yy + yyr)
            cells[LOWER, k] = down - r + sxy + max(0.0, xxr - xx) + max(0.0, yyr - yy)
            cells[SEEN_UP, k] = max(r, r + up - sxy + (xx - xxr) + (yy - yyr))
            cells[SEEN_DOWN, k] = max(-r, down - r - sxy - (xx + xxr) - (yy + yyr))
            cells[MIDDLE, k] = r


@kernel
def coarse_intervals(tx, ty, cross, cells):
    """Intersect both bounds with plain interval arithmetic."""
    for i in range(COARSE):
        p, pr = tx[VALUE, i], tx[VALUE_SPREAD, i]
        ex, gx, loose = tx[E, i], abs(tx[E_STEP, i]), abs(tx[LINEAR_STEP, i]) + abs(tx[BEND, i])
        for j in range(COARSE):
            q, qr = ty[VALUE, j], ty[VALUE_SPREAD, j]
            ey, gy = ty[E, j], abs(ty[E_STEP, j])
            radius = abs(p) * qr + pr * (abs(q) + qr) + loose + abs(ty[LINEAR_STEP, j]) + abs(ty[BEND, j])
            radius += abs(cross) * (abs(ex) * gy + gx * (abs(ey) + gy))
            k = i * COARSE + j
            r = cells[MIDDLE, k]
            cells[UPPER, k] = min(cells[UPPER, k], r + radius)
            cells[LOWER, k] = min(cells[LOWER, k], radius - r)


@kernel
def fine_cells(tx, ty, cross, i0, j0, sign, cells):
    """The bound above ``sign * g`` on the SPLIT x SPLIT fine cells of one coarse cell, that starts at (i0, j0)."""
    for m in range(SPLIT):
        i = i0 + m
        p, pr, p1, p1r, p2, p2r = (
            sign * tx[VALUE, i],
            tx[VALUE_SPREAD, i],
            sign * tx[FIRST, i],
            tx[FIRST_SPREAD, i],
            sign * tx[SECOND, i],
            tx[SECOND_SPREAD, i],
        )
        line, step, ex, gx, bend = (
            sign * tx[LINEAR, i],
            sign * tx[LINEAR_STEP, i],
            sign * cross * tx[E, i],
            sign * cross * tx[E_STEP, i],
            sign * tx[BEND, i],
        )
        size, size1, size2 = abs(p), abs(p1), abs(p2)
        for n in range(SPLIT):
            j = j0 + n
            q, qr, q1, q1r, q2, q2r = (
                ty[VALUE, j],
                ty[VALUE_SPREAD, j],
                ty[FIRST, j],
                ty[FIRST_SPREAD, j],
                ty[SECOND, j],
                ty[SECOND_SPREAD, j],
            )
            r = p * q - line - sign * ty[LINEAR, j] - ex * ty[E, j]
            a = p1 * q - step - gx * ty[E, j]
            b = p * q1 - sign * ty[LINEAR_STEP, j] - ex * ty[E_STEP, j]
            c = p1 * q1 - gx * ty[E_STEP, j]
            up = max(abs(a + b) + c, abs(a - b) - c)
            sxy = size1 * q1r + p1r * (q1 + q1r)
            xx, xxr = p2 * q - bend, size2 * qr + p2r * (abs(q) + qr)
            yy, yyr = p * q2 - sign * ty[BEND, j], size * q2r + pr * (abs(q2) + q2r)
            rest = r + sxy + max(0.0, xx + xxr) + max(0.0, yy + yyr)
            k = m * SPLIT + n
            cells[UPPER, k] = rest + up
            cells[SEEN_UP, k] = max(r, r + up - sxy + (xx - xxr) + (yy - yyr))
            cells[MIDDLE, k] = r
            cells[ALONG_X, k] = a
            cells[ALONG_Y, k] = b
            cells[REST, k] = rest
            cells[BILINEAR, k] = c


@kernel
def fine_intervals(tx, ty, cross, i0, j0, cells):
    """Intersect the bound of :func:`fine_cells` with plain interval arithmetic."""
    for m in range(SPLIT):
        i = i0 + m
        p, pr = tx[VALUE, i], tx[VALUE_SPREAD, i]
        ex, gx, loose = tx[E, i], abs(tx[E_STEP, i]), abs(tx[LINEAR_STEP, i]) + abs(tx[BEND, i])
        for n in range(SPLIT):
            j = j0 + n
            q, qr = ty[VALUE, j], ty[VALUE_SPREAD, j]
            ey, gy = ty[E, j], abs(ty[E_STEP, j])
            radius = abs(p) * qr + pr * (abs(q) + qr) + loose + abs(ty[LINEAR_STEP, j]) + abs(ty[BEND, j])
            radius += abs(cross) * (abs(ex) * gy + gx * (abs(ey) + gy))
            k = m * SPLIT + n
            cells[UPPER, k] = min(cells[UPPER, k], cells[MIDDLE, k] + radius)
