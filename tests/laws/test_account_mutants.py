"""An error planted in any account of rounding breaks the law that the account keeps."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from certrnn.domains import accounts
from tests.laws.test_accounts import LAWS

PLANTED: dict[str, tuple[str, str, str]] = {
    "a middle that overflows": ("radius", "0.5 * low + 0.5 * high", "0.5 * (low + high)"),
    "one end only": ("radius", "above if above > below else below", "above"),
    "a radius that is not raised": (
        "radius",
        "return raised(above if above > below else below, one)",
        "return max(above, below)",
    ),
    "no share of the size": ("cost", "charges.error * terms +", "0.0 * terms +"),
    "no share of the spread": ("cost", "+ charges.single * spread", ""),
    "no share of the box": ("cost", "return charges.box_error * size", "return 0.0 * size"),
    "underflow of singles": ("lost", "UNDERFLOW if charges.single > 0.0 else TINY", "TINY"),
    "a reach that is not raised": ("widened", "more = raised(reach, charges.box_raising)", "more = reach"),
    "no step down": ("widened", "next_down(lower - more)", "lower - more"),
    "no step up": ("widened", "next_up(upper + more)", "upper + more"),
    "a slack that is not raised": (
        "mapped",
        "slack = raised(slack, charges.raising, underflow)",
        "slack = slack + underflow",
    ),
    "underflow of a map": (
        "mapped",
        "slack = raised(slack, charges.raising, underflow)",
        "slack = raised(slack, charges.raising)",
    ),
    "a size without the slack": (
        "mapped",
        "raised(slack + terms, charges.raising, underflow)",
        "raised(terms, charges.raising, underflow)",
    ),
    "a spread as it was": (
        "mapped",
        "return slack, size, raised(spread, charges.raising * (1.0 + charges.single), underflow)",
        "return slack, size, spread",
    ),
    "a sum that costs nothing": ("added", "more = cost(total, spread, charges)", "more = 0.0"),
    "a sum's size as it was": (
        "added",
        "size = raised(total + more, charges.raising, underflow)",
        "size = total",
    ),
    "a sum's spread as it was": (
        "added",
        "wide = raised(spread, charges.raising * (1.0 + charges.single), underflow)",
        "wide = spread",
    ),
    "a sum that is not raised": (
        "added",
        "return raised(slack + more, charges.raising, underflow)",
        "return slack + more + underflow",
    ),
    "rows that cost nothing": ("placed", "return (bound + more) * factor", "return bound * factor"),
    "rows that are not raised": (
        "placed",
        "return (bound + more) * factor",
        "return bound + single * spread + underflow",
    ),
    "a shift that costs nothing": ("relaxed", "terms += abs(shift)", "terms += 0.0"),
    "a function that costs nothing": (
        "relaxed",
        "slack + cost(terms, spread, charges), charges.raising",
        "slack, charges.raising",
    ),
    "a fresh symbol without the slack": (
        "relaxed",
        "raised(slack + reach, charges.one)",
        "raised(reach, charges.one)",
    ),
    "a fresh symbol without the residual": (
        "relaxed",
        "raised(slack + reach, charges.one)",
        "raised(slack, charges.one)",
    ),
    "underflow of a function": ("relaxed", "charges.raising, lost(charges))", "charges.raising)"),
    "a radius without the slack": (
        "reading",
        "reach = raised(total + slack, factor)",
        "reach = raised(total, factor)",
    ),
    "a radius as it is computed": (
        "reading",
        "reach = raised(total + slack, factor)",
        "reach = total + slack",
    ),
    "a magnitude as it is computed": (
        "reading",
        "raised(abs(center) + reach, factor)",
        "abs(center) + reach",
    ),
    "a bound as it is computed": ("reading", "next_down(center - reach)", "center - reach"),
    "the other bound as it is computed": ("reading", "next_up(center + reach)", "center + reach"),
    "the smaller of two lower bounds": ("within", "low if low >= lower", "low if low <= lower"),
    "nan taken for a bound": ("within", "(lower if lower > low else np.nan)", "lower"),
    "nan taken for the other bound": ("within", "(upper if upper < high else np.nan)", "upper"),
    "a width that costs nothing": (
        "width",
        "(charges.error + charges.single) * total + underflow",
        "0.0 * total + underflow",
    ),
    "underflow of a width": ("width", " + underflow * scales", ""),
    "a width that is not raised": (
        "width",
        "underflow * scales), charges.raising)",
        "underflow * scales), 1.0)",
    ),
    "a row as it is computed": (
        "lower_bound",
        "return lowered(value, raised(size, factor), error)",
        "return value",
    ),
    "a row's size as it is computed": ("lower_bound", "raised(size, factor), error", "size, error"),
    "fewer roundings of a map": ("counts", "    terms = depth + 3\n", "    terms = depth - 1\n"),
    "fewer roundings of a box": (
        "counts",
        "box = gamma(terms) + relative_error",
        "box = gamma(depth - 1) + relative_error",
    ),
    "fewer roundings of a map's cost": ("counts", "raising(terms + 8), box", "raising(depth), box"),
    "fewer roundings of a box's cost": ("counts", "box, raising(terms + 5)", "box, raising(depth)"),
    "exact coefficients of a map": (
        "counts",
        "LinearCharges(gamma(terms) + relative_error, raising(terms + 8)",
        "LinearCharges(gamma(terms), raising(terms + 8)",
    ),
    "fewer roundings of a scale": ("counts", "gamma(4) + relative_error", "gamma(1) + relative_error"),
    "fewer roundings of a scale's cost": ("counts", "raising(8)", "raising(1)"),
    "fewer roundings of a sum": ("counts", "terms = max(in_a_row, count + 2) + 4", "terms = in_a_row"),
    "fewer roundings of a sum's box": ("counts", "box = gamma(count + 3)", "box = gamma(count - 1)"),
    "fewer roundings of a function": ("counts", "RelaxedCharges(gamma(8)", "RelaxedCharges(gamma(2)"),
    "fewer roundings of a function's cost": ("counts", "raising(12)", "raising(4)"),
    "fewer roundings of widths": ("counts", "2.0 * gamma(symbols + 8)", "gamma(symbols + 8)"),
    "fewer roundings of rows": ("counts", "terms = size + symbols + 4", "terms = size"),
    "fewer roundings of a reading": ("counts", "factor = raising(symbols + 2)", "factor = raising(symbols)"),
    "fewer roundings of a joint radius": ("counts", "return raising(count + 1)", "return raising(count - 1)"),
    "own roundings only": ("in_a_row", "own + total - through for", "own for"),
}
"""Law that finds it, and what is written instead of what; by what is wrong."""


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_found(error: str) -> None:
    law, old, new = PLANTED[error]
    source = Path(accounts.__file__).read_text("utf-8")
    assert old in source
    changed = ModuleType("changed")
    exec(compile(source.replace(old, new), "changed", "exec"), changed.__dict__)
    assert LAWS[law](accounts)
    assert not LAWS[law](changed)


def test_every_formula_has_a_law() -> None:
    """Formulas that others are made of are held to theirs by these."""
    source = Path(accounts.__file__).read_text("utf-8")
    formulas = {part.split("(")[0] for part in source.split("@formula\ndef ")[1:]}
    assert formulas - set(LAWS) == {"middle", "box_cost"}
    assert all(any(name in planted for planted, *_ in PLANTED.values()) for name in LAWS)
