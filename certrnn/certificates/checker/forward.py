"""Boxes and zonotopes through a program: what every argument of every function lies in, given slopes that may be any.

Lemma Z (zonotopes). A value lies in ``center + sum_k s_k generators_k + slack``, ``|s_k| <= 1`` symbols that all values
share, and in its box. Linear maps act on centers and generators, and by absolute values on the slack, which also takes
what rounding may hide (lemma R). A function with slopes a is ``a . x + residual``, and its residual, with all slack of
the arguments, is a number of its own: one new symbol. Any slopes will do; they are all that a certificate says here.

Lemma N (norms). Where ``x = center + radius s`` also lies in an l-p ball of radii reach about x0, ``sum_k s_k g_k``
is within the dual norm of ``g reach / radius`` of ``sum_k g_k shift_k``, ``shift = (x0 - center) / radius``. Squares
that underflow lose less than 2^-480 of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from certrnn.certificates.checker.arithmetic import (
    SIGMOID_ERROR,
    TANH_ERROR,
    TINY,
    down,
    gamma,
    raised,
    sigmoid,
    tanh,
    up,
)
from certrnn.certificates.checker.program import Apply, Input, Linear, Program
from certrnn.certificates.checker.residuals import Cuts, Quadratic, residual

DIRECTIONS = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 2.0], [1.0, -2.0], [2.0, 1.0], [2.0, -1.0]])


class Effort(NamedTuple):
    """How hard bounds are tried: whether arguments are clipped by cuts, and the share of a residual's width."""

    cuts: bool
    share: float


EFFORTS = (Effort(False, 2.0**-5), Effort(True, 2.0**-9), Effort(True, 2.0**-16))
"""From cheap to expensive: the first that proves a certificate is enough."""


class Region(NamedTuple):
    """Where samples (B, T, D) may lie: in boxes; ``frames`` move. With ``order`` 1 or 2 they also lie in a ball of that
    norm about ``center``, in units of ``reach`` (B, T, D): one a frame, or one for all frames if ``joint``."""

    lower: np.ndarray
    upper: np.ndarray
    frames: tuple[int, ...]
    center: np.ndarray
    reach: np.ndarray
    order: float = np.inf
    joint: bool = False


class Value(NamedTuple):
    """Center, slack and box (B, n); generators (B, m, n) of the first m symbols; ``spread`` (B, n) is at least the sum
    of their absolute values."""

    center: np.ndarray
    generators: np.ndarray
    slack: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    spread: np.ndarray

    @staticmethod
    def of(
        center: np.ndarray, generators: np.ndarray, slack: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> Value:
        spread = raised(np.abs(generators).sum(1), generators.shape[1])
        return Value(center, generators, slack, lower, upper, spread)

    @property
    def radius(self) -> np.ndarray:
        return raised(self.spread + self.slack, 1)


class Group(NamedTuple):
    """Symbols ``start`` to ``stop`` share a ball: their ``shift`` and ``weight`` (B, m) of lemma N."""

    start: int
    stop: int
    shift: np.ndarray
    weight: np.ndarray


class Record(NamedTuple):
    """What is known of the arguments of a function: ends (arity, B, n), and cuts or None."""

    lower: np.ndarray
    upper: np.ndarray
    cuts: Cuts | None


@dataclass
class Forward:
    """One propagation. ``slopes`` gives those of every function (arity, B, n) by its place; none: boxes alone.

    Where ``kept`` is a dictionary, the values of the arguments of every function are kept in it.
    """

    program: Program
    region: Region
    slopes: dict[int, np.ndarray]
    effort: Effort
    symbols: int = 0
    values: dict[int, Value] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    largest: dict[int, np.ndarray] = field(default_factory=dict)
    inputs: dict[int, tuple[int, np.ndarray, np.ndarray]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    kept: dict[int, list[Value]] | None = None
    started: dict[int, int] = field(default_factory=dict)

    def run(self, output: np.ndarray) -> Value:
        """The value of the elements ``output``."""
        last = self.program.last_use(output)
        for place, node in enumerate(self.program.nodes):
            if place not in last:
                continue
            match node:
                case Input():
                    value = self._input(place, node)
                case Linear():
                    value = self._linear(node)
                case Apply():
                    value = self._apply(place, node)
            low, high = self.bounds(value)
            self.values[place], self.largest[place] = value, np.maximum(np.abs(low), np.abs(high))
            for source in [p for p in self.values if last[p] <= place]:
                del self.values[source]
        return self.take(output)

    def take(self, elements: np.ndarray) -> Value:
        """The value of elements, whatever vectors they belong to."""
        parts = [[part[..., index] for part in self.values[p]] for p, index in self.program.pieces(elements)]
        if len(parts) == 1:
            return Value(*parts[0])
        most = max(part[1].shape[1] for part in parts)
        for part in parts:
            part[1] = _filled(part[1], most)
        return Value(*(np.concatenate(several, axis=-1) for several in zip(*parts, strict=True)))

    def _box(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A middle, and how far the ends lie from it at most."""
        middle = 0.5 * lower + 0.5 * upper
        return middle, up(np.maximum(upper - middle, middle - lower)) * (upper > lower)

    def bounds(self, value: Value) -> tuple[np.ndarray, np.ndarray]:
        """The zonotope's ends intersected with the box, (B, n)."""
        low, high = self.reach(value.generators) if self.groups else (-value.spread, value.spread)
        return (
            np.maximum(value.lower, down(value.center - raised(value.slack - low, 1))),
            np.minimum(value.upper, up(value.center + raised(value.slack + high, 1))),
        )

    def reach(self, generators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (B, n) of ``sum_k s_k generators_k``, below and above zero, for all symbols of the region."""
        depth = generators.shape[1] + 16
        first = max((group.stop for group in self.groups), default=0)
        total = np.abs(generators[:, first:]).sum(1)
        low, high = -total, total
        for start, stop, shift, weight in self.groups:
            own = generators[:, start:stop]
            count = own.shape[1]
            cube = np.abs(own).sum(1)
            middle = (shift[:, :count, None] * own).sum(1)
            around = raised(
                dual(weight[:, :count, None] * own, self.region.order) + gamma(depth) * cube, depth
            )
            low = low + np.minimum(np.maximum(middle - around, -cube), 0.0)
            high = high + np.maximum(np.minimum(middle + around, cube), 0.0)
        return -raised(-low, depth), raised(high, depth)

    def _input(self, place: int, node: Input) -> Value:
        lower, upper = self.region.lower[:, node.frame], self.region.upper[:, node.frame]
        center, radius = self._box(lower, upper)
        none = np.zeros((len(lower), 0, node.size))
        if node.frame not in self.region.frames or not self.slopes:
            return Value.of(center, none, radius, lower, upper)
        if np.isfinite(self.region.order):
            off = self.region.center[:, node.frame] - center
            self._group(off, self.region.reach[:, node.frame], radius)
        self.inputs[place] = self.symbols, center, radius
        return Value.of(center, self._fresh(none, radius), np.zeros_like(center), lower, upper)

    def _group(self, off: np.ndarray, reach: np.ndarray, radius: np.ndarray) -> None:
        """Note that new symbols share a ball, with those of earlier frames where it is joint."""
        safe, still = np.where(radius > 0.0, radius, 1.0), radius > 0.0
        shift = np.clip(off / safe, -1.0, 1.0) * still
        weight = up(reach / safe) * still
        start, size = self.symbols, radius.shape[1]
        if self.region.joint and self.groups:
            before = self.groups.pop()
            start = before.start
            shift = np.concatenate([before.shift, shift], axis=1)
            weight = np.concatenate([before.weight, weight], axis=1)
        self.groups.append(Group(start, self.symbols + size, shift, weight))

    def _fresh(self, before: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """Generators with a new symbol for each element."""
        batch, size = radius.shape
        own = np.zeros((batch, self.symbols + size, size))
        own[:, : before.shape[1]] = before
        own[:, self.symbols + np.arange(size), np.arange(size)] = radius
        self.symbols += size
        return own

    def _linear(self, node: Linear) -> Value:
        batch = len(self.region.lower)
        values = [self.take(term.elements) for term in node.terms]
        depth = sum(t.weight.shape[-1] if t.weight.ndim > 1 else 1 for t in node.terms)
        # a product, its sums, and one more for a weight that is the reciprocal of the file's number
        count = depth + len(node.terms) + len(node.constants) + 6
        center = np.zeros((batch, node.size)) + sum(node.constants)
        middle = center.copy()
        size = np.zeros((batch, node.size)) + sum(np.abs(c) for c in node.constants)
        slack, reach, most = (
            np.zeros_like(size),
            np.zeros_like(size),
            max([v.generators.shape[1] for v in values], default=0),
        )
        generators = np.zeros((batch, most, node.size))
        wide = size.copy()
        for (weight, _), v in zip(node.terms, values, strict=True):
            own, radius = self._box(v.lower, v.upper)
            center += _map(weight, v.center)
            middle += _map(weight, own)
            generators[:, : v.generators.shape[1]] += _map(weight, v.generators)
            positive = np.abs(weight)
            slack += _map(positive, v.slack)
            reach += _map(positive, radius)
            size += _map(positive, np.abs(v.center) + v.radius)
            wide += _map(positive, np.abs(own) + radius)
        slack = raised(slack + gamma(count) * raised(size, count), count) * (size > 0.0)
        reach = raised(reach + gamma(count) * raised(wide, count), count) * (wide > 0.0)
        return Value.of(center, generators, slack, down(middle - reach), up(middle + reach))

    def _apply(self, place: int, node: Apply) -> Value:
        values = [self.take(a) for a in node.arguments]
        ends = [self.bounds(v) for v in values]
        lower, upper = (np.stack([e[k] for e in ends]) for k in (0, 1))
        box = extent(node.name, node.parameter, lower, upper)
        slopes = self.slopes.get(place)
        if slopes is None:
            center, radius = self._box(*box)
            return Value.of(center, np.zeros((len(center), 0, node.size)), radius, *box)
        most = max(v.generators.shape[1] for v in values)
        cuts = self._cuts(values, most) if self.effort.cuts and len(values) == 2 and most else None
        self.records[place] = Record(lower, upper, cuts)
        if self.kept is not None:
            self.kept[place] = values
        if not most:  # nothing of it moves
            center, radius = self._box(*box)
            return Value.of(center, np.zeros((len(center), 0, node.size)), radius, *box)
        below, above = bounds(node, slopes, self.records[place], self.effort.share)
        middle, reach = self._box(below, above)
        center, slack, size = middle.copy(), reach.copy(), np.abs(middle)
        generators = np.zeros((*center.shape[:1], most, node.size))
        for a, v in zip(slopes, values, strict=True):
            center += a * v.center
            slack += np.abs(a) * v.slack
            size += np.abs(a) * (np.abs(v.center) + v.radius)
            generators[:, : v.generators.shape[1]] += a[:, None] * v.generators
        radius = raised(slack + gamma(12) * raised(size, 12), 12)
        self.started[place] = self.symbols
        return Value.of(center, self._fresh(generators, radius), np.zeros_like(center), *box)

    def _cuts(self, values: list[Value], most: int) -> Cuts:
        """Bounds of both arguments together in fixed directions: they share symbols."""
        x, y = (_filled(v.generators, most) for v in values)
        scale = [1.0 / np.maximum(v.radius, 2.0**-300) for v in values]
        normals, widths = [], []
        for a, b in DIRECTIONS:
            p, q = a * scale[0], b * scale[1]
            low, high = self.reach(p[:, None] * x + q[:, None] * y)
            total = np.maximum(-low, high)
            size = np.abs(p) * values[0].radius + np.abs(q) * values[1].radius
            slack = np.abs(p) * values[0].slack + np.abs(q) * values[1].slack
            widths.append(raised(total + slack + gamma(most + 8) * raised(size, most), most + 8))
            normals.append(np.stack([p, q]).reshape(2, -1))
        center = np.stack([v.center for v in values]).reshape(2, -1)
        return Cuts(np.stack(normals), center, np.stack(widths).reshape(len(DIRECTIONS), -1))

    def least(self, value: Value, rows: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """At most ``rows . value + offset`` (B, R), anywhere in the region; rows (B, R, n)."""
        spread, size = -self.reach(value.generators @ rows.swapaxes(1, 2))[0], rows.shape[2]
        middle, radius = self._box(value.lower, value.upper)
        depth = value.generators.shape[1] + 2 * size + 16
        limits = []
        for center, reach, total in (
            (value.center, spread + _dot(np.abs(rows), value.slack), np.abs(value.center) + value.radius),
            (middle, _dot(np.abs(rows), radius), np.abs(middle) + radius),
        ):
            hidden = gamma(depth) * raised(_dot(np.abs(rows), total) + np.abs(offset), depth)
            limits.append(_dot(rows, center) + offset - raised(reach + 2.0 * hidden, depth))
        return down(np.fmax(*limits))


def dual(values: np.ndarray, order: float) -> np.ndarray:
    """The dual norm of the l1 or l2 norm along axis 1, 2^-480 larger than it is computed, for what underflows."""
    if order == 1.0:
        return np.abs(values).max(1, initial=0.0)
    return np.sqrt(np.square(values).sum(1)) + 2.0**-480


def _dot(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (rows @ values[:, :, None])[:, :, 0]


def _map(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values * weight if weight.ndim == 1 else values @ weight.T


def _filled(generators: np.ndarray, count: int) -> np.ndarray:
    batch, own, size = generators.shape
    return (
        generators
        if own == count
        else np.concatenate([generators, np.zeros((batch, count - own, size))], axis=1)
    )


def bounds(
    node: Apply, slopes: np.ndarray, known: Record, share: float, q: Quadratic | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (B, n) of the function less ``slopes . x`` and a quadratic on the region of its arguments."""
    arity, batch, size = slopes.shape

    def flat(part: np.ndarray) -> np.ndarray:
        vectors = part.reshape(arity, -1)
        return vectors if arity == 2 else np.concatenate([vectors, np.zeros_like(vectors)])

    arguments = (flat(slopes), flat(known.lower), flat(known.upper), known.cuts)
    low, high = residual(node.name, node.parameter, *arguments, q, share=share)
    return low.reshape(batch, size), high.reshape(batch, size)


def extent(
    name: str, parameter: float, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (B, n) of the function itself on boxes (arity, B, n): the factors are monotone, or linear by parts."""
    if name in ("relu", "leaky"):
        below = parameter if name == "leaky" else 0.0
        ends = [np.where(x > 0.0, x, below * x) for x in (lower[0], upper[0])]
        ends.append(np.where((lower[0] < 0.0) & (upper[0] > 0.0), 0.0, ends[0]))
        return down(np.min(ends, axis=0)), up(np.max(ends, axis=0))
    kinds = {"sigmoid_tanh": "st", "mul_sigmoid": "xs", "product": "xx", "sigmoid": "s", "tanh": "t"}[name]
    factors = []
    for kind, low, high in zip(kinds, lower, upper, strict=True):
        if kind == "s":
            low, high = (
                np.maximum(sigmoid(low) - SIGMOID_ERROR, 0.0),
                np.minimum(sigmoid(high) + SIGMOID_ERROR, 1.0),
            )
        elif kind == "t":
            low, high = np.maximum(tanh(low) - TANH_ERROR, -1.0), np.minimum(tanh(high) + TANH_ERROR, 1.0)
        factors.append((low, high))
    if len(factors) == 1:
        return down(factors[0][0]), up(factors[0][1])
    products = [a * b for a in factors[0] for b in factors[1]]
    return down(np.min(products, axis=0) - TINY), up(np.max(products, axis=0) + TINY)
