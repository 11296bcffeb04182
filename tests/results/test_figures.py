"""Printed numbers are claims: exact decimal arithmetic, no tolerance, on random floats of every size."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from certrnn.results import figures
from certrnn.results.figures import (
    eps_lower,
    exact,
    float_lower,
    lower,
    mean,
    middle,
    near,
    percent,
    percent_lower,
    percent_upper,
    upper,
)
from transformers_abs.decimals import at_least, at_most, meant

CHANCE = random.Random(1)


def floats(count: int) -> list[float]:
    """Random bits, and short decimals with their neighbours, which lie at the ends of what is printed."""
    found = [struct.unpack("<d", struct.pack("<Q", CHANCE.getrandbits(64)))[0] for _ in range(count)]
    for _ in range(count):
        near_end = float(
            f"{CHANCE.uniform(-10, 10) * 10.0 ** CHANCE.randint(-30, 30):.{CHANCE.randint(1, 5)}g}"
        )
        found += [near_end, math.nextafter(near_end, math.inf), math.nextafter(near_end, -math.inf)]
    return [0.0, 5e-324, -5e-324, 0.3, 0.0206668, 9.9995, 99999.0, *filter(math.isfinite, found)]


VALUES = floats(3000)


def bounds_from(print_one: Callable[[float], str], values: list[float], below: bool) -> bool:
    """Whether every printed number lies on the promised side of its value."""
    pairs = [(Fraction(Decimal(print_one(value))), Fraction(value)) for value in values]
    return all((shown <= value) if below else (shown >= value) for shown, value in pairs)


def test_what_is_proved_is_printed_rounded_down_and_what_was_attacked_rounded_up() -> None:
    assert bounds_from(lower, VALUES, below=True)
    assert bounds_from(upper, VALUES, below=False)


def test_no_more_is_lost_than_the_last_digit() -> None:
    for value in VALUES:
        if value:
            shown = [Fraction(Decimal(print_one(value))) for print_one in (lower, upper)]
            assert shown[1] - shown[0] <= abs(Fraction(value)) / 1000
            assert (shown[1] == shown[0]) == (Fraction(value) in shown)


def test_a_number_rounded_to_nearest_is_caught() -> None:
    """Planted: what tables printed once."""
    assert not bounds_from(near, VALUES, below=True)
    assert not bounds_from(near, VALUES, below=False)
    assert not bounds_from(lambda value: f"{value:#.4g}", VALUES, below=True)


def test_a_certified_eps_prints_no_more_than_the_decimal_that_was_certified() -> None:
    for value in VALUES:
        shown = Fraction(Decimal(eps_lower(value)))
        assert shown <= meant(value) <= Fraction(at_least(value))


def test_what_was_asked_prints_with_all_its_digits() -> None:
    assert all(float(exact(value)) == value for value in VALUES)


def test_decimals_are_enclosed_by_neighbouring_floats() -> None:
    texts = [f"{CHANCE.uniform(-1, 1):.{CHANCE.randint(1, 25)}e}" for _ in range(2000)]
    for number in [*texts, *VALUES]:
        low, high = at_most(number), at_least(number)
        if math.isfinite(low) and math.isfinite(high):
            assert Fraction(low) <= meant(number) <= Fraction(high)
            assert high in (low, math.nextafter(low, math.inf))
            assert (low == high) == (Fraction(float(number)) == meant(number))


@pytest.mark.parametrize("print_one", [percent, percent_lower, percent_upper])
def test_a_percentage_means_none_and_all_only_where_it_is(print_one: Callable[..., str]) -> None:
    for _ in range(3000):
        whole = CHANCE.choice([1, 3, 10, 37, 1000, 10_000, 123_457])
        part = CHANCE.choice([0, 1, CHANCE.randint(0, whole), whole - 1, whole])
        shown, share = (
            Fraction(Decimal(print_one(part, whole).removesuffix(" %"))),
            Fraction(100 * part, whole),
        )
        assert (shown == 0) == (part == 0)
        assert (shown == 100) == (part == whole)
        assert shown <= share or print_one is not percent_lower
        assert shown >= share or print_one is not percent_upper
        assert abs(shown - share) <= Fraction(1, 10)


def test_almost_all_is_not_all() -> None:
    assert percent_lower(9996, 10_000) == "99.9 %"
    assert percent(9996, 10_000) == percent_upper(9996, 10_000) == "99.96 %"


def test_means_are_exact_before_they_are_rounded() -> None:
    for _ in range(200):
        values = [CHANCE.uniform(0, 1) * 10 ** CHANCE.randint(-9, 3) for _ in range(CHANCE.randint(1, 9))]
        for found in (mean(values), middle(values)):
            assert found is not None
            rounded = float_lower(found)
            assert rounded is not None
            assert Fraction(rounded) <= found < Fraction(math.nextafter(rounded, math.inf))
    assert mean([]) is None


def test_a_mutant_of_the_direction_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "ROUND_FLOOR", "ROUND_HALF_EVEN")
    assert not bounds_from(lower, VALUES, below=True)
