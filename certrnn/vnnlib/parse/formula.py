"""What a query says: formulas over inputs and outputs, evaluated in exact arithmetic as they are written."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Number:
    value: Fraction


@dataclass(frozen=True)
class Variable:
    """Element ``index`` of the input, or of the output, in row-major order."""

    output: bool
    index: int


@dataclass(frozen=True)
class Operation:
    """``+`` and ``*`` of one or more, ``-`` of one (its negation) or more (the first minus the others)."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Number | Variable | Operation


@dataclass(frozen=True)
class Linear:
    """``sum coefficients[v] * v + constant``; no coefficient is 0."""

    coefficients: dict[Variable, Fraction]
    constant: Fraction

    def __sub__(self, other: Linear) -> Linear:
        if not other.coefficients:
            return Linear(self.coefficients, self.constant - other.constant)
        return combined((self, other), (_ONE, -_ONE))

    def __neg__(self) -> Linear:
        return Linear({v: -c for v, c in self.coefficients.items()}, -self.constant)

    def scaled(self, factor: Fraction) -> Linear:
        return combined((self,), (factor,))


@dataclass(frozen=True)
class Comparison:
    """``left name right``, name one of :data:`COMPARE`; ``difference`` is ``left - right``."""

    name: str
    left: Expression
    right: Expression
    difference: Linear = field(compare=False)


@dataclass(frozen=True)
class Junction:
    """All of the parts hold (``and``), or one of them does (``or``)."""

    name: str
    parts: tuple[Formula, ...]


Formula = Comparison | Junction

COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


MAX_BITS = 1 << 14
"""Longest numerator or denominator of a number that is computed: products of many numbers grow without end."""


class PolynomialError(ValueError):
    """A product of two variables."""


class LongNumberError(ValueError):
    """A number of more than :data:`MAX_BITS` bits."""


def combined(parts: Sequence[Linear], factors: Sequence[Fraction]) -> Linear:
    """``sum factors[i] * parts[i]``."""
    total: dict[Variable, Fraction] = {}
    constant = Fraction(0)
    for part, factor in zip(parts, factors, strict=True):
        constant += factor * part.constant
        for variable, coefficient in part.coefficients.items():
            total[variable] = total.get(variable, Fraction(0)) + factor * coefficient
    return Linear({v: c for v, c in total.items() if c}, constant)


def linear(expression: Expression) -> Linear:
    """The expression multiplied out.

    Raises:
        PolynomialError: it multiplies variables.
        LongNumberError: its numbers multiply to one of more than :data:`MAX_BITS` bits.
    """
    if isinstance(expression, Number):
        return Linear({}, expression.value)
    if isinstance(expression, Variable):
        return Linear({expression: _ONE}, _ZERO)
    parts = [linear(argument) for argument in expression.arguments]
    if expression.name == "*":
        return _product(parts)
    later = Fraction(1 if expression.name == "+" else -1)
    first = -Fraction(1) if expression.name == "-" and len(parts) == 1 else Fraction(1)
    return combined(parts, [first] + [later] * (len(parts) - 1))


def _product(parts: Sequence[Linear]) -> Linear:
    factor, rest = Fraction(1), None
    for part in parts:
        if not part.coefficients:
            factor = short(factor * part.constant)
        elif rest is None:
            rest = part
        else:
            raise PolynomialError
    if rest is None:
        return Linear({}, factor)
    scaled = rest.scaled(factor)
    for coefficient in (scaled.constant, *scaled.coefficients.values()):
        short(coefficient)
    return scaled


def short(number: Fraction) -> Fraction:
    """The number itself.

    Raises:
        LongNumberError: it has more than :data:`MAX_BITS` bits.
    """
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise LongNumberError
    return number


def value(expression: Expression, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> Fraction:
    """The expression at a point. Shares nothing with :func:`linear`, so that each checks the other."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Variable):
        return outputs[expression.index] if expression.output else inputs[expression.index]
    first, *others = [value(argument, inputs, outputs) for argument in expression.arguments]
    if expression.name == "-":
        return first - sum(others, Fraction(0)) if others else -first
    for other in others:
        first = first + other if expression.name == "+" else first * other
    return first


def holds(formula: Formula, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> bool:
    """Whether the formula is true at a point, in exact arithmetic.

    >>> x, y = Variable(False, 0), Variable(True, 0)
    >>> below = Comparison("<", x, y, linear(x) - linear(y))
    >>> holds(below, [Fraction(1)], [Fraction(2)]), holds(below, [Fraction(2)], [Fraction(2)])
    (True, False)
    """
    if isinstance(formula, Comparison):
        compare = COMPARE[formula.name]
        return compare(value(formula.left, inputs, outputs), value(formula.right, inputs, outputs))
    truths = (holds(part, inputs, outputs) for part in formula.parts)
    return all(truths) if formula.name == "and" else any(truths)
