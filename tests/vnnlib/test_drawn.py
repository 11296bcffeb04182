"""Formulas that hypothesis draws mean what the standard's reference parser reads: a failure comes shrunk."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from certrnn.vnnlib.parse import holds
from tests.vnnlib.queries import INPUTS, OUTPUTS, Point, by_alternatives, by_reference, query, written
from tests.vnnlib.test_parse import COMPARE, PLANTED

NUMBERS = st.sampled_from(("0.0", "1.0", "-1.0", "0.5", "2.0"))
ELEMENTS = st.sampled_from([f" X{i}" for i in range(INPUTS)] + [f" Y{i}" for i in range(OUTPUTS)])
HALVES = st.integers(-4, 4).map(lambda number: Fraction(number, 2))
"""Ties are frequent among them."""


def _joined(parts: tuple[str, list[str]]) -> str:
    name, arguments = parts
    return f"({name} {' '.join(arguments)})"


def _terms(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    return (
        st.tuples(NUMBERS, inner).map(lambda pair: f"(* {pair[0]} {pair[1]})")
        | st.tuples(st.sampled_from(("+", "-")), several).map(_joined)
        | inner.map(lambda term: f"(- {term})")
    )


TERMS = st.recursive(ELEMENTS | NUMBERS, _terms, max_leaves=5)
LITERALS = st.tuples(st.sampled_from(COMPARE), st.tuples(TERMS, TERMS).map(list)).map(_joined)
FORMULAS = st.recursive(
    LITERALS,
    lambda inner: st.tuples(st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3)).map(
        _joined
    ),
    max_leaves=6,
)
POINTS = st.tuples(
    st.lists(HALVES, min_size=INPUTS, max_size=INPUTS), st.lists(HALVES, min_size=OUTPUTS, max_size=OUTPUTS)
)


def read_alike(assertions: list[str], points: list[Point]) -> bool:
    """Whether the formula, and the alternatives made of it, are true where the reference parser's tree is."""
    text = written(2, assertions)
    truth, formula = by_reference(text), query(text).formula
    parts = by_alternatives(formula)
    return all(truth(point) is holds(formula, *point) is parts(point) for point in points)


@given(st.lists(FORMULAS, min_size=1, max_size=2), st.lists(POINTS, min_size=1, max_size=6))
@settings(max_examples=300)
def test_queries_mean_what_the_reference_parser_reads(assertions: list[str], points: list[Point]) -> None:
    assert read_alike(assertions, points)


@pytest.mark.parametrize("name", ["and read as or", "boxes lose strictness"])
def test_a_planted_error_is_shown_by_a_formula_that_is_drawn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    PLANTED[name](monkeypatch)
    drawn = st.tuples(st.lists(FORMULAS, min_size=1, max_size=2), st.lists(POINTS, min_size=1, max_size=2))
    searching = settings(max_examples=300, phases=[Phase.generate])
    assert not read_alike(*find(drawn, lambda case: not read_alike(*case), settings=searching))
