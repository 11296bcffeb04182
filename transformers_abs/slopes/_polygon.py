"""Convex polygons in the plane, N at a time: what is left of the slopes after some half-planes are excluded.

A polygon is a row of ``vertices`` (N, V, 2), of which the first ``counts[i]`` are in use, in order.
"""

from __future__ import annotations

import numpy as np

from transformers_abs.compilation import kernel


def squares(count: int, spare: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` squares [-1, 1]^2 with room for ``spare`` cuts; a cut adds at most one vertex."""
    vertices = np.zeros((count, 4 + spare, 2))
    vertices[:, :4] = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
    return vertices, np.full(count, 4)


@kernel
def cut(vertices, counts, normal, point, depth):
    """Keep, in place, the part with ``normal . (v - point) <= -depth``; an empty result leaves the polygon as it was.

    Sutherland and Hodgman's clipping by one half-plane; ``normal`` and ``point`` are (2, N), ``depth`` (N,).
    """
    part = np.empty((vertices.shape[1] + 1, 2))
    for i in range(vertices.shape[0]):
        size = 0
        for k in range(counts[i]):
            here = vertices[i, k]
            after = vertices[i, (k + 1) % counts[i]]
            s = normal[0, i] * (here[0] - point[0, i]) + normal[1, i] * (here[1] - point[1, i]) + depth[i]
            t = normal[0, i] * (after[0] - point[0, i]) + normal[1, i] * (after[1] - point[1, i]) + depth[i]
            if s <= 0.0:
                part[size] = here
                size += 1
            if (s < 0.0 < t or t < 0.0 < s) and size < vertices.shape[1]:
                part[size] = here + (after - here) * (s / (s - t))
                size += 1
        if 3 <= size <= vertices.shape[1]:
            counts[i] = size
            vertices[i, :size] = part[:size]


@kernel
def centroids(vertices, counts, out):
    """Fill ``out`` (2, N) with the centres of gravity; where the area vanishes, with the mean of the vertices."""
    for i in range(vertices.shape[0]):
        origin = vertices[i, 0]
        area, x, y = 0.0, 0.0, 0.0
        mean_x, mean_y = 0.0, 0.0
        for k in range(counts[i]):
            a = vertices[i, k] - origin
            b = vertices[i, (k + 1) % counts[i]] - origin
            cross = a[0] * b[1] - a[1] * b[0]
            area += cross
            x += cross * (a[0] + b[0])
            y += cross * (a[1] + b[1])
            mean_x += vertices[i, k, 0] / counts[i]
            mean_y += vertices[i, k, 1] / counts[i]
        if abs(area) > 1e-200:
            out[0, i] = origin[0] + x / (3.0 * area)
            out[1, i] = origin[1] + y / (3.0 * area)
        else:
            out[0, i] = mean_x
            out[1, i] = mean_y
