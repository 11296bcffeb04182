"""Encloses ``f(x, y) - a x - b y - q(x, y)`` on boxes, clipped by cuts: the only analysis of functions that is needed.

Lemma T (Taylor). On a cell with middle m and half-widths r, ``h(m + d) <= h(m) + g . d + (1/2) max d^T H d``, g the
gradient at m and H within the second derivatives on the cell. These follow from values at m, because ``|sigmoid'| <=
1/4``, ``|sigmoid''| <= 1/(6 sqrt 3)``, ``|sigmoid'''| <= 1/8``, ``|tanh'| <= 1``, ``|tanh''| <= 4/(3 sqrt 3)`` and
``|tanh'''| <= 2`` (mean value theorem).

Lemma C (cuts). Where ``n . d <= w`` holds as well, ``g . d <= |g_x - mu n_x| r_x + |g_y - mu n_y| r_y + mu w`` for
every ``mu >= 0``.

Lemma S (search). Every point lies in some cell whose bound is counted, or in a cell that a cut excludes. Which cells
are cut in halves, and what counts as good enough, therefore affects tightness alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from certrnn.certificates.checker.arithmetic import SIGMOID_ERROR, TANH_ERROR, sigmoid, tanh

ARITY = {"tanh": 1, "sigmoid": 1, "relu": 1, "leaky": 1, "sigmoid_tanh": 2, "mul_sigmoid": 2, "product": 2}
MOST_LEVELS, MOST_CELLS = 40, 1 << 22
SECOND_S, SECOND_T = 0.0962250448649377, 0.769800358919502  # at least 1/(6 sqrt 3) and 4/(3 sqrt 3)

Range = tuple[np.ndarray, np.ndarray]


class Cuts(NamedTuple):
    """``|normal . ((x, y) - center)| <= width``: normal (K, 2, N), center (2, N), width (K, N), exact numbers."""

    normal: np.ndarray
    center: np.ndarray
    width: np.ndarray


class Quadratic(NamedTuple):
    """``q = xx dx^2 + 2 xy dx dy + yy dy^2``, d the distance from ``center`` (2, N): coefficients (3, N)."""

    coefficients: np.ndarray
    center: np.ndarray


class Local(NamedTuple):
    """A function about the middle of a cell: value, its error, gradient (2, N), its error, and second derivatives."""

    value: np.ndarray
    error: np.ndarray
    gradient: np.ndarray
    tilt: np.ndarray
    xx: Range
    xy: Range
    yy: Range


def _around(value: np.ndarray, reach: np.ndarray, low: float, high: float) -> Range:
    more = reach + 2.0**-44
    return np.maximum(value - more, low), np.minimum(value + more, high)


def _times(a: Range, b: Range) -> Range:
    """Products of two ranges, 2^-44 wider than computed: their factors are at most a few thousand times one."""
    ends = np.stack([a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]])
    slack = 2.0**-44 * (1.0 + np.abs(ends).max(0))
    return ends.min(0) - slack, ends.max(0) + slack


def _sigmoid(x: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, Range, Range, Range]:
    """Value and slope at x, and the ranges of the function and its two derivatives within r of x."""
    s = sigmoid(x)
    first = s * (1.0 - s)
    value, slope = _around(s, 0.25 * r, 0.0, 1.0), _around(first, SECOND_S * r, 0.0, 0.25)
    return s, first, value, slope, _around(first * (1.0 - 2.0 * s), 0.125 * r, -SECOND_S, SECOND_S)


def _tanh(x: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, Range, Range, Range]:
    t = tanh(x)
    first = 1.0 - t * t
    value, slope = _around(t, r, -1.0, 1.0), _around(first, SECOND_T * r, 0.0, 1.0)
    return t, first, value, slope, _around(-2.0 * t * first, 2.0 * r, -SECOND_T, SECOND_T)


def describe(name: str, parameter: float, m: np.ndarray, r: np.ndarray) -> Local:
    """The function on the cells ``m +- r``, both (2, N); a cell of a rectifier lies on one side of zero."""
    x, y = m
    zero = np.zeros_like(x)
    none, fixed = (zero, zero), np.full_like(x, 2.0**-44)
    if name in ("relu", "leaky"):
        slope = np.where(x > 0.0, 1.0, parameter if name == "leaky" else 0.0)
        return Local(slope * x, 2.0**-52 * np.abs(x), np.stack([slope, zero]), zero, none, none, none)
    if name == "sigmoid":
        s, first, _, _, second = _sigmoid(x, r[0])
        return Local(s, zero + SIGMOID_ERROR, np.stack([first, zero]), fixed, second, none, none)
    if name == "tanh":
        t, first, _, _, second = _tanh(x, r[0])
        return Local(t, zero + TANH_ERROR, np.stack([first, zero]), fixed, second, none, none)
    if name == "sigmoid_tanh":
        s, ds, s_range, ds_range, dds = _sigmoid(x, r[0])
        t, dt, t_range, dt_range, ddt = _tanh(y, r[1])
        gradient, error = np.stack([ds * t, s * dt]), zero + 2.0 * TANH_ERROR
        return Local(
            s * t,
            error,
            gradient,
            fixed,
            _times(dds, t_range),
            _times(ds_range, dt_range),
            _times(s_range, ddt),
        )
    if name == "mul_sigmoid":
        s, ds, _, ds_range, dds = _sigmoid(y, r[1])
        gradient, size = np.stack([s, x * ds]), 1.0 + np.abs(x)
        yy = _times((x - r[0] - 2.0**-50 * size, x + r[0] + 2.0**-50 * size), dds)
        return Local(x * s, 2.0 * SIGMOID_ERROR * size, gradient, fixed * size, none, ds_range, yy)
    if name != "product":
        raise ValueError(f"functions are {', '.join(ARITY)}; got {name!r}")
    one = zero + 1.0
    return Local(x * y, 2.0**-52 * np.abs(x * y), np.stack([y, x]), zero, none, (one, one), none)


class _Search:
    """Maxima of ``h`` (problem p < N) and of ``-h`` (problem N + p) over the regions of N functions."""

    def __init__(
        self,
        name: str,
        parameter: float,
        slopes: np.ndarray,
        cuts: Cuts | None,
        q: Quadratic | None,
        wide: np.ndarray,
    ) -> None:
        self.name, self.parameter, self.slopes, self.cuts, self.q = name, parameter, slopes, cuts, q
        self.count = slopes.shape[1]
        self.best = np.full(2 * self.count, -np.inf)
        self.bound = np.full(2 * self.count, -np.inf)
        self.wide = np.maximum(wide, 2.0**-900)

    def step(self, which: np.ndarray, m: np.ndarray, r: np.ndarray, share: float) -> np.ndarray:
        """Bound cells, count those that are good enough or excluded, and return for the others which axis to halve:
        0 or 1; -1 where nothing is left to do."""
        own = which % self.count
        sign = np.where(which < self.count, 1.0, -1.0)
        f, a = describe(self.name, self.parameter, m, r), self.slopes[:, own]
        terms = a * m
        value, gradient = f.value - terms[0] - terms[1], f.gradient - a
        error = f.error + 2.0**-50 * (np.abs(f.value) + np.abs(terms).sum(0))
        tilt = f.tilt + 2.0**-50 * (np.abs(a).sum(0) + np.abs(f.gradient).sum(0))
        xx, xy, yy = f.xx, f.xy, f.yy
        if self.q is not None:
            (cxx, cxy, cyy), d = self.q.coefficients[:, own], m - self.q.center[:, own]
            parts = np.stack([cxx * d[0] ** 2, 2.0 * cxy * d[0] * d[1], cyy * d[1] ** 2])
            value = value - parts.sum(0)
            bend = np.stack([cxx * d[0] + cxy * d[1], cxy * d[0] + cyy * d[1]])
            gradient = gradient - 2.0 * bend
            # d itself is rounded: by at most 2^-53 (|m| + |center|)
            size, far = np.abs(m) + np.abs(self.q.center[:, own]), np.abs(d)
            steep = np.abs(cxx) * far[0] + np.abs(cxy) * far.sum(0) + np.abs(cyy) * far[1]
            curved = np.abs(cxx) + 2.0 * np.abs(cxy) + np.abs(cyy)
            error = error + 2.0**-49 * (
                np.abs(parts).sum(0) + steep * size.sum(0) + 2.0**-49 * curved * size.sum(0) ** 2
            )
            tilt = tilt + 2.0**-48 * (steep + curved * size.sum(0))
            xx, xy, yy = (
                (low - 2.0 * c - 2.0**-50 * np.abs(c), high - 2.0 * c + 2.0**-50 * np.abs(c))
                for (low, high), c in zip((xx, xy, yy), (cxx, cxy, cyy), strict=True)
            )
        value, gradient = sign * value, sign * gradient
        tops = [np.where(sign > 0, high, -low) for low, high in (xx, yy)]
        bottoms = [np.where(sign > 0, low, -high) for low, high in (xx, yy)]
        mixed = np.maximum(np.abs(xy[0]), np.abs(xy[1])) * r[0] * r[1]
        above = 0.5 * sum(np.maximum(t, 0.0) * x * x for t, x in zip(tops, r, strict=True)) + mixed
        below = 0.5 * sum(np.minimum(t, 0.0) * x * x for t, x in zip(bottoms, r, strict=True)) - mixed
        linear, crossed, inside, outside = self._linear(own, m, r, gradient)
        first = np.abs(gradient) * r
        error = error + tilt * r.sum(0) + 2.0**-48 * (first.sum(0) + above + np.abs(value))
        top = np.where(outside, -np.inf, value + linear + above + error)
        # a point of the cell that the region holds, as far as is known: where one cut crosses it the lemma is exact
        seen = np.where(crossed > 1, np.where(inside, value, -np.inf), value + linear + below)
        seen = np.where(outside, -np.inf, seen)
        np.maximum.at(self.best, which, seen)
        good = self.best[which] + self.best[(which + self.count) % (2 * self.count)]
        enough = self.best[which] + share * np.maximum(good, 0.0) + 4.0 * error
        done = ~(top > enough)
        np.maximum.at(self.bound, which[done], top[done])
        self.top = top
        spread = [np.maximum(np.abs(t), np.abs(b)) * x * x for t, b, x in zip(tops, bottoms, r, strict=True)]
        scores = [
            np.where(crossed > 1, x / w, s) for s, x, w in zip(spread, r, self.wide[:, own], strict=True)
        ]
        return np.where(done, -1, np.where((scores[0] >= scores[1]) & (r[0] > 0.0) | (r[1] == 0.0), 0, 1))

    def _linear(
        self, own: np.ndarray, m: np.ndarray, r: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """At least ``max g . d`` over each cell and one of its cuts; how many cuts cross it; whether its middle lies
        within all; whether one excludes it."""
        whole = (np.abs(g) * r).sum(0)
        if self.cuts is None:
            no = np.zeros(len(own), dtype=bool)
            return whole, no.astype(np.int64), ~no, no
        n, width = self.cuts.normal[:, :, own], self.cuts.width[:, own]
        far = m - self.cuts.center[:, own]
        distance = n[:, 0] * far[0] + n[:, 1] * far[1]
        size = np.abs(n[:, 0]) * (np.abs(m[0]) + np.abs(far[0])) + np.abs(n[:, 1]) * (
            np.abs(m[1]) + np.abs(far[1])
        )
        reach = np.abs(n[:, 0]) * r[0] + np.abs(n[:, 1]) * r[1]
        n, hidden = n * np.where(distance < 0.0, -1.0, 1.0)[:, None], 2.0**-48 * (size + width + reach)
        room = width - np.abs(distance) + hidden
        outside = (room < -reach - hidden).any(0)
        crossed = (room < reach).sum(0)
        here = np.flatnonzero(crossed)
        best = whole.copy()
        best[here] = self._cut(
            whole[here], n[..., here], room[:, here], reach[:, here], r[:, here], g[:, here]
        )
        return best, crossed, (room >= 0.0).all(0), outside

    def _cut(
        self,
        whole: np.ndarray,
        n: np.ndarray,
        room: np.ndarray,
        reach: np.ndarray,
        r: np.ndarray,
        g: np.ndarray,
    ) -> np.ndarray:
        """At least ``max g . d`` by lemma C: the cut that says most, with the multipliers at which a term vanishes."""
        best = whole
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for axis in (0, 1):
                mu = g[axis] / n[:, axis]
                mu = np.where((mu > 0.0) & np.isfinite(mu) & (room < reach), mu, 0.0)
                rest = np.abs(g[0] - mu * n[:, 0]) * r[0] + np.abs(g[1] - mu * n[:, 1]) * r[1]
                slack = 2.0**-48 * (whole + mu * (reach + np.abs(room)))
                best = np.minimum(best, np.where(mu > 0.0, rest + mu * room + slack, np.inf).min(0))
        return best


def residual(
    name: str,
    parameter: float,
    slopes: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    cuts: Cuts | None = None,
    q: Quadratic | None = None,
    share: float = 2.0**-12,
) -> Range:
    """Bounds (N,) of ``f - slopes . x - q`` on N regions; slopes and ends (2, N), the second row zero for one argument.

    Args:
        share: of the residual's width by which a bound may exceed what is attained; of tightness only.
    """
    search = _Search(name, parameter, slopes, cuts, q, upper - lower)
    which = np.arange(2 * search.count)
    low, high = np.concatenate([lower, lower], axis=1), np.concatenate([upper, upper], axis=1)
    if name in ("relu", "leaky"):
        both = (low[0] < 0.0) & (high[0] > 0.0)
        left, right = high.copy(), low.copy()
        left[0, both] = right[0, both] = 0.0
        which = np.concatenate([which, which[both]])
        low, high = (
            np.concatenate([low, right[:, both]], axis=1),
            np.concatenate([left, high[:, both]], axis=1),
        )
    level = 0
    while len(which):
        m = 0.5 * low + 0.5 * high
        r = np.nextafter(np.maximum(high - m, m - low), np.inf) * (high > low)
        axis = search.step(which, m, r, share)
        last = level == MOST_LEVELS or len(which) > MOST_CELLS
        if last:
            np.maximum.at(search.bound, which, search.top)
            break
        parts = []
        for k in (0, 1):
            here = axis == k
            first, second = high[:, here].copy(), low[:, here].copy()
            first[k] = second[k] = m[k, here]
            parts += [(which[here], low[:, here], first), (which[here], second, high[:, here])]
        which = np.concatenate([p[0] for p in parts])
        low, high = (np.concatenate([p[k] for p in parts], axis=1) for k in (1, 2))
        level += 1
    # a region that its cuts leave empty has no bound: nothing lies there, and zero says as little as anything
    top, bottom = search.bound[: search.count], -search.bound[search.count :]
    empty = ~(np.isfinite(top) & np.isfinite(bottom)) & (np.isneginf(top) | np.isposinf(bottom))
    return np.where(empty, 0.0, bottom), np.where(empty, 0.0, top)
