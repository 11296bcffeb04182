"""Queries for tests: random ones in both versions, and what the reference parser of the standard says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import vnnlib as reference

from certrnn.vnnlib.normal_form import Alternative, Literal, alternatives
from certrnn.vnnlib.parse import Formula, Query, parse
from certrnn.vnnlib.parse.source import Source

INPUTS, OUTPUTS = 3, 2
Point = tuple[list[Fraction], list[Fraction]]


def query(text: str) -> Query:
    return parse(Source(Path("q.vnnlib"), text))


def written(version: int, assertions: Sequence[str], inputs: int = INPUTS, outputs: int = OUTPUTS) -> str:
    """A query of flat tensors; assertions write elements as ``X<i>`` and ``Y<i>`` with a space before them."""
    if version == 1:
        lines = [f"(declare-const X_{i} Real)" for i in range(inputs)]
        lines += [f"(declare-const Y_{i} Real)" for i in range(outputs)]
        marks = ("_{}", "=")
    else:
        declared = f"(declare-input X real [1,{inputs}]) (declare-output Y real [1,{outputs}])"
        lines = ["(vnnlib-version <2.0>) ; a comment", f"(declare-network f {declared})"]
        marks = ("[0,{}]", "==")
    for assertion in assertions:
        text = assertion.replace("(==", f"({marks[1]}")
        for name, count in (("X", inputs), ("Y", outputs)):
            for i in reversed(range(count)):
                text = text.replace(f" {name}{i}", f" {name}{marks[0].format(i)}")
        lines.append(f"(assert {text})")
    return "\n".join(lines) + "\n"


def random_term(rng: np.random.Generator, depth: int) -> str:
    kind = rng.integers(6) if depth else rng.integers(2)
    if kind == 0:
        return f"{rng.integers(-2, 3)}.{rng.choice(['0', '5'])}"
    if kind == 1 or depth == 0:
        name = rng.choice(["X", "Y"])
        return f"{name}{rng.integers(INPUTS if name == 'X' else OUTPUTS)}"
    if kind == 2:
        return f"(* {rng.choice(['-1.0', '2.0', '0.5'])} {random_term(rng, depth - 1)})"
    sign = rng.choice(["+", "-"])
    count = rng.integers(1 if sign == "-" else 2, 4)
    return f"({sign} {' '.join(random_term(rng, depth - 1) for _ in range(count))})"


def random_formula(rng: np.random.Generator, depth: int, compare: Sequence[str]) -> str:
    if depth and rng.random() < 0.7:
        parts = [random_formula(rng, depth - 1, compare) for _ in range(rng.integers(2, 4))]
        return f"({rng.choice(['and', 'or'])} {' '.join(parts)})"
    return f"({rng.choice(compare)} {random_term(rng, 2)} {random_term(rng, 1)})"


def random_points(rng: np.random.Generator, count: int) -> list[Point]:
    """Small halves, so that ties are frequent."""
    values = [[Fraction(int(v), 2) for v in rng.integers(-4, 5, INPUTS + OUTPUTS)] for _ in range(count)]
    return [(row[:INPUTS], row[INPUTS:]) for row in values]


def by_reference(text: str) -> Callable[[Point], bool]:
    """What the reference parser's tree says of a point; version 2 only."""
    tree = reference.parse_query_string(text)
    return lambda point: all(_reference_bool(a.expr, point) for a in tree.assertions)


def _reference_bool(node: Any, point: Point) -> bool:
    if isinstance(node, reference.And):
        return all(_reference_bool(a, point) for a in node.args)
    if isinstance(node, reference.Or):
        return any(_reference_bool(a, point) for a in node.args)
    left, right = (_reference_term(side, point) for side in (node.lhs, node.rhs))
    return {
        reference.LessThan: left < right,
        reference.LessEqual: left <= right,
        reference.GreaterThan: left > right,
        reference.GreaterEqual: left >= right,
        reference.Equal: left == right,
        reference.NotEqual: left != right,
    }[type(node)]


def _reference_term(node: Any, point: Point) -> Fraction:
    match node:
        case reference.Var():
            return point[0 if node.name == "X" else 1][node.indices[-1]]
        case reference.Literal():
            return Fraction(node.lexeme)
        case reference.Negate():
            return -_reference_term(node.expr, point)
        case reference.Plus():
            return sum((_reference_term(a, point) for a in node.args), Fraction(0))
        case reference.Minus():
            rest = sum((_reference_term(a, point) for a in node.rest), Fraction(0))
            return _reference_term(node.head, point) - rest
        case reference.Multiply():
            product = Fraction(1)
            for argument in node.args:
                product *= _reference_term(argument, point)
            return product
    raise AssertionError(type(node))


def by_alternatives(formula: Formula) -> Callable[[Point], bool]:
    """What the boxes and conjunctions that are proved say of a point."""
    found = alternatives(formula)
    return lambda point: any(_within(one, point) for one in found)


def _within(one: Alternative, point: Point) -> bool:
    for index, ends in one.ranges.items():
        x = point[0][index]
        if ends.low is not None and (x < ends.low or (ends.low_open and x == ends.low)):
            return False
        if ends.high is not None and (x > ends.high or (ends.high_open and x == ends.high)):
            return False
    return any(all(_literal(part, point) for part in some) for some in one.conjunctions)


def _literal(literal: Literal, point: Point) -> bool:
    form = literal.form
    value = form.constant + sum(c * point[v.output][v.index] for v, c in form.coefficients.items())
    return value < 0 if literal.strict else value <= 0
