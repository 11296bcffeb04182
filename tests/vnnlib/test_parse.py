"""VNN-LIB queries: read as the standard's reference parser reads them; what is damaged or not supported is named."""

from __future__ import annotations

import gzip
import operator
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.vnnlib import normal_form as disjuncts
from certrnn.vnnlib import parse as vnnlib
from certrnn.vnnlib.parse import formula as formulas
from certrnn.vnnlib.parse import holds, read_query, terms
from tests.effort import at_most
from tests.io.test_data import mutate
from tests.vnnlib.queries import (
    by_alternatives,
    by_reference,
    query,
    random_formula,
    random_points,
    written,
)

COMPARE = ("<=", "<", ">=", ">", "==", "!=")


def disagreements(count: int = 60) -> int:
    """How often our reading, or the alternatives made of it, differs from the reference parser at some point: never,
    where hypothesis draws the formulas (``test_drawn``), and often, where an error is planted."""
    rng = np.random.default_rng(0)
    different = 0
    for _ in range(count):
        assertions = [random_formula(rng, int(rng.integers(3)), COMPARE) for _ in range(2)]
        text = written(2, [a.replace("(X", "( X").replace("(Y", "( Y") for a in assertions])
        theirs, ours = by_reference(text), query(text)
        parts = by_alternatives(ours.formula)
        for point in random_points(rng, 12):
            truth = theirs(point)
            different += holds(ours.formula, *point) is not truth or parts(point) is not truth
    return different


def _swapped(first: str, second: str) -> dict[str, Callable[[Fraction, Fraction], bool]]:
    table = dict(formulas.COMPARE)
    table[first], table[second] = table[second], table[first]
    return table


def _strictness_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disjuncts, "Literal", lambda form, strict: ORIGINAL_LITERAL(form, False))


def _junctions_swapped(patch: pytest.MonkeyPatch) -> None:
    other = {"and": "or", "or": "and"}
    patch.setattr(terms, "Junction", lambda name, parts: formulas.Junction(other[name], parts))


def _range_ends_lose_strictness(patch: pytest.MonkeyPatch) -> None:
    at_most = disjuncts.Range.at_most
    patch.setattr(disjuncts.Range, "at_most", lambda self, end, strict: at_most(self, end, False))


def _minus_adds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        terms,
        "Operation",
        lambda name, arguments: formulas.Operation("+" if len(arguments) > 1 else name, arguments),
    )


ORIGINAL_LITERAL = disjuncts.Literal
PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "<= and >= swapped": lambda patch: patch.setattr(formulas, "COMPARE", _swapped("<=", ">=")),
    "< and > swapped": lambda patch: patch.setattr(formulas, "COMPARE", _swapped("<", ">")),
    "< read as <=": lambda patch: patch.setitem(formulas.COMPARE, "<", operator.le),
    "alternatives lose strictness": _strictness_lost,
    "boxes lose strictness": _range_ends_lose_strictness,
    "and read as or": _junctions_swapped,
    "minus read as plus": _minus_adds,
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_of_reading_are_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[name](monkeypatch)
    assert disagreements() > 0


def test_both_versions_say_the_same() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        assertions = [random_formula(rng, 2, COMPARE[:5])]
        first, second = (query(written(version, assertions)) for version in (1, 2))
        assert first.formula == second.formula
        assert (first.version, second.version) == ("1.0", "2.0")
        assert (first.input.size, first.output.size) == (second.input.size, second.output.size)


def test_numbers_are_read_exactly() -> None:
    read = query(written(1, ["(<= X0 0.1)", "(>= X0 -1e-05)", "(< X1 3)"]))
    assert not holds(read.formula, [Fraction(0.1), Fraction(0), Fraction(0)], [])
    assert holds(read.formula, [Fraction(1, 10), Fraction(0), Fraction(0)], [])
    assert holds(read.formula, [Fraction(-1, 100_000), Fraction(0), Fraction(0)], [])


def test_scalars_comments_space_and_gzip(tmp_path: Path) -> None:
    text = """; a query
    (vnnlib-version <2.1>)
    (declare-network net (declare-input A Real [ 2 , 1 ]) ; input
        (declare-output B Real []))
    (assert (or (<= A[1,0] B) (== (- A [0, 0]) 2)))"""
    (tmp_path / "q.vnnlib.gz").write_bytes(gzip.compress(text.encode()))
    read = read_query(tmp_path / "q.vnnlib.gz")
    assert (read.version, read.network, read.input.shape, read.output.shape) == ("2.1", "net", (2, 1), ())
    assert [read.input.element(i) for i in range(2)] == ["A[0,0]", "A[1,0]"]
    assert read.output.element(0) == "B"
    assert holds(read.formula, [Fraction(-2), Fraction(5)], [Fraction(0)])


NET = "(vnnlib-version <2.0>) (declare-network f (declare-input X real [1,2]) (declare-output Y real [1,2]))"
ONE = "(declare-const X_0 Real) (declare-const Y_0 Real) "


def declared(inside: str) -> str:
    return f"(vnnlib-version <2.0>) (declare-network f {inside})"


DAMAGED = {
    "empty": ("", "an empty file"),
    "comment only": ("; nothing", "an empty file"),
    "unclosed": (ONE + "\n (assert (<= X_0 1)", "line 2, column 2: every parenthesis is closed"),
    "closed too often": (ONE + ")", "parentheses match"),
    "word outside": ("x", "sequence of"),
    "open quote": ('(a "b', "quotes are closed"),
    "deep": ("(" * 500, "at most 100 deep"),
    "long word": ("(" + "9" * 1001 + ")", "at most 1000 characters"),
    "comma": ("(a, b)", "commas stand between indices"),
    "command": (ONE + "(check)", "commands are declare-const"),
    "gap": ("(declare-const X_1 Real) (declare-const Y_0 Real)", "no X_0"),
    "no output": ("(declare-const X_0 Real)", "no Y_0"),
    "twice": (ONE + ONE, "declared once"),
    "named otherwise": ("(declare-const Z_0 Real)", "variables are called"),
    "huge index": ("(declare-const X_99999999999 Real)", "variables are called"),
    "undeclared": (ONE + "(assert (<= X_1 0))", "declared before it is used; got X_1"),
    "bracket in 1.0": (ONE + "(assert (<= X[0] 0))", "without brackets"),
    "three sides": (ONE + "(assert (<= X_0 0 1))", "compares two terms"),
    "two formulas": (ONE + "(assert (<= X_0 0) (<= X_0 1))", "holds one formula"),
    "bare": (ONE + "(assert X_0)", r"a formula is \("),
    "number as formula": (ONE + "(assert (and 1))", r"a formula is \("),
    "empty and": (ONE + "(assert (and))", "holds a formula"),
    "empty plus": (ONE + "(assert (<= (+) 0))", "has a term"),
    "operator": (ONE + "(assert (=< X_0 0))", "got =<"),
    "number": (ONE + "(assert (<= X_0 1.2.3))", "numbers are decimal"),
    "number without digit": (ONE + "(assert (<= X_0 1.))", "numbers are decimal"),
    "exponent": (ONE + "(assert (<= X_0 1e999999999))", "exponents are at most 400"),
    "long product": (ONE + f"(assert (<= (* {' '.join(['9' * 900] * 30)}) 0))", "at most 16384 bits"),
    "version": ("(vnnlib-version 2.0)", "the version is written"),
    "no network": ("(vnnlib-version <2.0>)", "declares a network"),
    "interleaved": (NET + "(assert (<= X[0,0] 1)) (declare-network g)", "follow all declarations"),
    "no shape": (declared("(declare-input X real)"), "ends in a shape"),
    "negative shape": (declared("(declare-input X real [-1])"), "whole numbers"),
    "huge shape": (declared("(declare-input X real [99999999,99999])"), "1 to 16777216 elements"),
    "no elements": (declared("(declare-input X real [0])"), "1 to 16777216 elements"),
    "no outputs": (declared("(declare-input X real [1])"), r"has a \(declare-output"),
    "same name": (declared("(declare-input f real [1]) (declare-output Y real [1])"), "unique"),
    "order": (declared("(declare-output Y real [1]) (declare-input X real [1])"), "before outputs"),
    "index outside": (NET + "(assert (<= X[0,2] 0))", "lie in its shape"),
    "partial index": (NET + "(assert (<= X[0] 0))", "has 2 indices"),
    "no index": (NET + "(assert (<= X 0))", "has 2 indices"),
    "two brackets": (NET + "(assert (<= X[0,0][0,0] 0))", "indices follow a variable"),
    "index of a number": (NET + "(assert (<= 1[0] 0))", "indices follow a variable"),
    "space for comma": (NET + "(assert (<= X[0 0] 0))", "single commas"),
    "trailing comma": (NET + "(assert (<= X[0,0,] 0))", "single commas"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_gives_one_line_with_the_place(name: str) -> None:
    text, message = DAMAGED[name]
    with pytest.raises((InvalidInput, Unsupported), match=message) as caught:
        query(text)
    assert "q.vnnlib" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()


HIDDEN = '(declare-input X real [1]) (declare-hidden H real [1] "h") (declare-output Y real [1])'
REFUSED = {
    "several networks": (NET + NET[22:].replace("f", "g", 1), "theory SNET"),
    "equal": (declared("(equal-to g) (declare-input X real [1])"), "equal-to"),
    "isomorphic": (declared("(isomorphic-to g) (declare-input X real [1])"), "isomorphic-to"),
    "hidden": (declared(HIDDEN), "no hidden nodes .theory NH"),
    "two inputs": (
        declared("(declare-input X real [1]) (declare-input Z real [1]) (declare-output Y real [1])"),
        "theory SIO",
    ),
    "initialized": (declared("(declare-input X real [1] initialized)"), "initialized"),
    "float32": (declared("(declare-input X float32 [1])"), "element type is real.*Declare input"),
    "polynomial": (NET + "(assert (<= (* X[0,0] Y[0,0]) 0))", "theory POLY"),
    "quotient": (NET + "(assert (<= (/ X[0,0] 2) 0))", "theory LIN"),
    "negation": (NET + "(assert (not (<= X[0,0] 0)))", "Push negations inwards"),
    "newer version": ("(vnnlib-version <3.0>)", "one of 1.0, 2.0, 2.1"),
    "integers": ("(declare-const X_0 Int)", "type Real"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_named(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(Unsupported, match=message):
        query(text)


def test_disjunctions_that_multiply_out_of_hand_are_refused() -> None:
    text = written(2, ["(or (<= Y0 1.0) (<= Y1 1.0))"] * 40)
    with pytest.raises(Unsupported, match="at most 1000000 inequalities"):
        disjuncts.alternatives(query(text).formula)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(b"(\xff)")
    for path in (tmp_path / "q", tmp_path / "missing", tmp_path):
        with pytest.raises(InvalidInput, match="reading query"):
            read_query(path)


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_files_give_queries_or_a_clean_error(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(7)
    seeds = [written(version, [random_formula(rng, 2, COMPARE[:5]) for _ in range(5)]) for version in (1, 2)]
    messages = []
    for number in range(count):
        (tmp_path / "mutant").write_bytes(mutate(seeds[number % 2].encode(), rng))
        try:
            with at_most():
                read = read_query(tmp_path / "mutant")
                assert isinstance(read, vnnlib.Query)
                disjuncts.alternatives(read.formula)
        except CertrnnError as error:
            messages.append(str(error))
    assert all("\n" not in message and len(message) < 600 and message.isascii() for message in messages)
    assert count // 4 < len(messages) < count  # some are damaged, some are queries still
