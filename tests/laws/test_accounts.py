"""The accounts of rounding, formula by formula, against exact arithmetic (errors: ``test_account_mutants``).

What a formula promises is a law on exact fractions of the floats that go in and come out. What a charge promises is
counted: numbers that know how many roundings in a row made them go through the arithmetic that is charged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import permutations
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from certrnn.domains import accounts
from certrnn.domains.rounding import gamma, raising
from certrnn.domains.single_precision import UNDERFLOW

Exact = Fraction
DRAWS = 200
NAN = math.nan


def draws() -> Iterator[np.random.Generator]:
    return (np.random.default_rng(seed) for seed in range(DRAWS))


def positive(rng: np.random.Generator) -> float:
    """A float of any ordinary size."""
    return float(rng.random() * 10.0 ** rng.uniform(-8, 8))


def total(rng: np.random.Generator, count: int = 8) -> tuple[float, Fraction]:
    """A sum of numbers that are not negative, as it is computed and as it is."""
    parts = [positive(rng) for _ in range(count)]
    return sum(parts), sum(map(Exact, parts), Exact(0))


def charges(a: ModuleType, rng: np.random.Generator) -> Any:
    """Charges that are large, so that what they are multiplied with shows."""
    share = [float(rng.random()) for _ in range(3)]
    return a.LinearCharges(share[0], raising(12), share[1], raising(12), share[2])


def costs(c: Any, terms: Fraction, spread: Fraction) -> Fraction:
    return Exact(c.error) * terms + Exact(c.single) * spread


def radius(a: ModuleType) -> bool:
    """Middle and radius reach both ends, from any center at all."""
    for rng in draws():
        low, high = sorted(rng.normal(size=2) * 10.0 ** rng.uniform(-3, 3, 2))
        for center in (a.middle(low, high), low + 0.25 * (high - low), low + 0.75 * (high - low)):
            reach = Exact(a.radius(low, high, center, a.ONE))
            if Exact(center) - reach > Exact(low) or Exact(center) + reach < Exact(high):
                return False
    return a.middle(1e308, 1.5e308) == 1.25e308


def cost(a: ModuleType) -> bool:
    """Shares of the size and of the spread, and of the box's size."""
    for rng in draws():
        c, terms, spread = charges(a, rng), positive(rng), positive(rng)
        found = Exact(a.raised(a.cost(terms, spread, c), raising(3)))
        box = Exact(a.raised(a.box_cost(terms, c), raising(1)))
        if found < costs(c, Exact(terms), Exact(spread)) or box < Exact(c.box_error) * Exact(terms):
            return False
    return True


def lost(a: ModuleType) -> bool:
    double, single = a.RelaxedCharges(0.0, 1.0, 1.0, 0.0), a.RelaxedCharges(0.0, 1.0, 1.0, 1e-7)
    return a.lost(single) >= UNDERFLOW and a.lost(double) > 0.0


def widened(a: ModuleType) -> bool:
    for rng in draws():
        c, (reach, true) = charges(a, rng), total(rng)
        low, high = sorted(rng.normal(size=2) * 10.0 ** rng.uniform(-3, 3, 2))
        found = [Exact(end) for end in a.widened(low, high, reach, c)]
        if found[0] > Exact(low) - true or found[1] < Exact(high) + true:
            return False
        found, least = [Exact(end) for end in a.widened(low, high, 1e-30, c)], Exact(1e-30)
        if found[0] > Exact(low) - least or found[1] < Exact(high) + least:
            return False
    return True


def mapped(a: ModuleType) -> bool:
    for rng in draws():
        c, sums = charges(a, rng), [total(rng) for _ in range(3)]
        slack, size, wide = (Exact(n) for n in a.mapped(*(s for s, _ in sums), c, 1e-30))
        share = 1 + Exact(c.single)
        true = [t for _, t in sums]
        if slack < true[0] + Exact(1e-30) or size < slack + true[1] or wide < share * true[2] + Exact(1e-30):
            return False
    none = charges(a, np.random.default_rng(0))
    return all(Exact(n) >= Exact(1e-30) for n in a.mapped(0.0, 0.0, 0.0, none, 1e-30))


def added(a: ModuleType) -> bool:
    for rng in draws():
        c, sums = charges(a, rng), [total(rng) for _ in range(3)]
        slack, size, wide = (Exact(n) for n in a.added(*(s for s, _ in sums), c, 1e-30))
        true = [t for _, t in sums]
        more = costs(c, true[1], true[2])
        if slack < true[0] + more or size < true[1] + more or wide < (1 + Exact(c.single)) * true[2]:
            return False
    none = charges(a, np.random.default_rng(0))
    return all(Exact(n) >= Exact(1e-30) for n in a.added(0.0, 0.0, 0.0, none, 1e-30))


def placed(a: ModuleType) -> bool:
    for rng in draws():
        bound, spread, single, factor = positive(rng), positive(rng), float(rng.random()), a.place()
        found = Exact(a.placed(bound, spread, single, factor, 1e-3))
        if found < Exact(bound) + Exact(single) * Exact(spread) + Exact(1e-3):
            return False
    return True


def relaxed(a: ModuleType) -> bool:
    for rng in draws():
        share = [float(rng.random()) for _ in range(2)]
        c = a.RelaxedCharges(share[0], raising(1), raising(12), share[1])
        (slack, s), (terms, t), (spread, g) = (total(rng) for _ in range(3))
        below, above = sorted(rng.normal(size=2) * 10.0 ** rng.uniform(-3, 3, 2))
        shift, fresh, larger = a.relaxed(slack, terms, spread, below, above, c)
        reach = max(Exact(above) - Exact(shift), Exact(shift) - Exact(below))
        if Exact(fresh) < s + costs(c, t + abs(Exact(shift)), g) + reach:
            return False
        if Exact(a.raised(larger, c.raising)) < t + abs(Exact(shift)):
            return False
    none = a.RelaxedCharges(0.5, 1.0, 1.0, 0.5)
    return a.relaxed(0.0, 0.0, 0.0, 0.0, 0.0, none)[1] >= UNDERFLOW


def reading(a: ModuleType) -> bool:
    for rng in draws():
        (g, exact_g), (r, exact_r), center = total(rng), total(rng), float(rng.normal() * 1e3)
        reach, size, low, high = (Exact(n) for n in a.reading(center, g, r, a.read(8)))
        c = Exact(center)
        if reach < exact_g + exact_r or size < abs(c) + reach or low > c - reach or high < c + reach:
            return False
    return True


def within(a: ModuleType) -> bool:
    cases = [((0.0, 3.0), (1.0, 2.0)), ((1.0, 2.0), (0.0, 3.0)), ((0.0, 2.0), (1.0, 3.0))]
    kept = all(a.within(*p, *q) == (max(p[0], q[0]), min(p[1], q[1])) for p, q in cases)
    lows, highs = (a.within(*ends) for ends in ((NAN, 1.0, 0.0, NAN), (0.0, NAN, NAN, 1.0)))
    return kept and all(map(math.isnan, (*lows, *highs)))


def width(a: ModuleType) -> bool:
    for rng in draws():
        c, (sums, s), (terms, t), (scales, u) = charges(a, rng), total(rng), total(rng), total(rng)
        found = Exact(a.width(sums, terms, scales, c, 1e-3))
        if found < s + (Exact(c.error) + Exact(c.single)) * t + Exact(1e-3) * u:
            return False
    return True


def lower_bound(a: ModuleType) -> bool:
    for rng in draws():
        parts = (rng.normal(size=9) * 10.0 ** rng.uniform(-8, 8, 9)).tolist()
        size, count = sum(map(abs, parts)), a.rows(9, 0)
        found = a.lower_bound(sum(parts), size, count.error, count.raising)
        if not Exact(found) <= sum(map(Exact, parts)):
            return False
        if not Exact(a.lower_bound(0.0, size, 0.5, raising(9))) < -Exact(0.5) * sum(
            abs(Exact(p)) for p in parts
        ):
            return False
    return a.lower_bound(0.0, 0.0, 0.0, 1.0) < 0.0


class Counted:
    """A number that knows how many roundings in a row made it."""

    def __init__(self, roundings: int = 0) -> None:
        self.roundings = roundings

    def _with(self, other: Any) -> Counted:
        return Counted(max(self.roundings, getattr(other, "roundings", 0)) + 1)

    __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _with

    def __abs__(self) -> Counted:
        return self


def dot(depth: int, factor: int = 0, value: int = 0) -> Counted:
    """A sum of products of numbers that took some roundings themselves."""
    return sum((Counted(factor) * Counted(value) for _ in range(depth)), Counted())


def covered(share: float, found: Counted, times: float = 1.0) -> bool:
    return share >= times * gamma(found.roundings)


def factored(factor: float, found: Counted) -> bool:
    return factor >= raising(found.roundings)


def counts(a: ModuleType) -> bool:
    """No charge is for fewer roundings than there are, for any size."""
    return all(_counts(a, depth) for depth in (1, 2, 9, 40))


def _counts(a: ModuleType, n: int) -> bool:
    affine, scale, add, relax = a.affine(n, 0.0), a.scale(n, 0.0), a.add(n, 5 * n, 0.0), a.relax()
    rows, wide, one = a.rows(n, n), a.directions(n), Counted()
    # what goes into a map's slack: slack, size and spread with their shares, times W; then the bias, with its share
    slack = dot(n, 0, (one + a.cost(one, one, affine)).roundings) + a.cost(one, 0.0, affine)
    box = dot(n, 0, (one + a.box_cost(one + one, affine)).roundings) + a.box_cost(one, affine)
    terms = one * one + one
    known = [
        covered(affine.error, dot(n) + one),
        covered(affine.box_error, dot(n) + one),
        factored(affine.raising, slack),
        factored(affine.box_raising, box),
        covered(scale.error, terms),
        factored(scale.raising, one * one + a.cost(terms * scale.raising + a.ONE, terms, scale)),
        covered(a.add(n, 0, 0.0).error, dot(n)),
        add.error >= gamma(5 * n),
        covered(add.box_error, dot(n)),
        factored(add.box_raising, a.box_cost(dot(n), add)),
        covered(relax.error, one * one + one * one + one),
        factored(relax.raising, dot(2) + a.cost(dot(2) + one, dot(2), relax)),
        covered(wide.error, dot(n, 1, 1), 2.0),
        factored(wide.one, one * one),
        covered(rows.error, dot(n, 0, dot(n).roundings), 2.0) or rows.error >= 2.0 * gamma(2 * n + 3),
        factored(rows.raising, dot(n)),
        covered(rows.box_error, dot(n) + one, 2.0),
        factored(rows.box_raising, dot(n) + one),
        a.read(n) >= raising(n + 1),
        a.read(n, single=True) > a.read(n),
        factored(a.join(n), dot(n)),
        a.affine(n, 0.25).error >= 0.25 + affine.error,
        a.scale(n, 0.25).box_error >= 0.25 + scale.box_error,
        a.add(n, 0, 0.25).error > 0.25,
        a.add(n, 0, 0.25).box_error > 0.25,
    ]
    return all(known)


def in_a_row(a: ModuleType) -> bool:
    """The worst order of a few terms."""
    for rng in draws():
        terms = [(int(own), int(through)) for own, through in rng.integers(1, 9, (3, 2))]
        worst = max(
            own + sum(through for _, through in order[1:])
            for order in permutations(terms)
            for own, _ in order[:1]
        )
        if a.in_a_row(terms) != worst:
            return False
    return True


LAWS: dict[str, Callable[[ModuleType], bool]] = {
    law.__name__: law
    for law in (
        radius, cost, lost, widened, mapped, added, placed, relaxed, reading, within, width, lower_bound, counts,
        in_a_row,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_it_keeps_its_promise(name: str) -> None:
    assert LAWS[name](accounts)
