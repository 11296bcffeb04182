"""Assertions: boolean and arithmetic terms, the same in both versions but for how variables are written."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

from certrnn.vnnlib.parse.expressions import Group, Node, Word
from certrnn.vnnlib.parse.formula import (
    MAX_BITS,
    Comparison,
    Expression,
    Formula,
    Junction,
    LongNumberError,
    Number,
    Operation,
    PolynomialError,
    Variable,
    linear,
)
from certrnn.vnnlib.parse.source import Source

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LOOKS_NUMERIC = re.compile(r"[+-]?\.?[0-9]")
MAX_EXPONENT = 400
_SHOWN = "and, or, <=, <, >=, >"


class Scope(ABC):
    """What the declarations before the assertions say. ``equalities`` maps spellings to ``==`` and ``!=``."""

    equalities: dict[str, str]

    @abstractmethod
    def variable(self, source: Source, word: Word, indices: Group | None) -> Variable:
        """The variable of that name.

        Raises:
            InvalidInput: there is no such variable or element.
        """


@dataclass(frozen=True)
class Terms:
    """Reads terms of one source in one scope."""

    source: Source
    scope: Scope

    def formula(self, node: Node) -> Formula:
        """A boolean term."""
        if isinstance(node, Word) or node.brackets:
            raise self.source.broken(node.offset, f"a formula is ({_SHOWN} ..)", _text(node))
        name = node.head
        if name in ("and", "or"):
            if len(node.items) < 2:
                raise self.source.broken(node.offset, f"({name} ..) holds a formula at least", "none")
            return Junction(name, tuple(self.formula(item) for item in node.items[1:]))
        if name in ("<=", "<", ">=", ">") or name in self.scope.equalities:
            return self._comparison(self.scope.equalities.get(name, name), node)
        known = ", ".join([_SHOWN, *self.scope.equalities])
        if name in ("not", "=>", "xor", "ite", "let", "distinct", "forall", "exists"):
            raise self.source.unsupported(
                node.offset, f"formulas are made of {known}", name, "Push negations inwards."
            )
        raise self.source.broken(node.offset, f"formulas are made of {known}", name or "no operator")

    def _comparison(self, name: str, node: Group) -> Comparison:
        sides = self._arguments(node)
        if len(sides) != 2:
            raise self.source.broken(node.offset, f"({node.head} ..) compares two terms", f"{len(sides)}")
        try:
            difference = linear(sides[0]) - linear(sides[1])
        except PolynomialError:
            raise self.source.unsupported(
                node.offset,
                "arithmetic is linear (theory LIN)",
                "a product of variables (theory POLY)",
                "Multiply variables by constants only.",
            ) from None
        except LongNumberError:
            raise self.source.broken(
                node.offset, f"numbers have at most {MAX_BITS} bits", "longer ones"
            ) from None
        return Comparison(name, sides[0], sides[1], difference)

    def _arguments(self, node: Group) -> tuple[Expression, ...]:
        """The arithmetic terms after the operator; brackets belong to the word before them."""
        out: list[Expression] = []
        items = node.items[1:]
        place = 0
        while place < len(items):
            item = items[place]
            after = items[place + 1] if place + 1 < len(items) else None
            indices = after if isinstance(after, Group) and after.brackets else None
            out.append(self._expression(item, indices))
            place += 1 if indices is None else 2
        return tuple(out)

    def _expression(self, node: Node, indices: Group | None) -> Expression:
        if isinstance(node, Word):
            if _LOOKS_NUMERIC.match(node.text):
                if indices is not None:
                    raise self.source.broken(indices.offset, "indices follow a variable", "a number")
                return Number(self.number(node))
            return self.scope.variable(self.source, node, indices)
        if node.brackets or indices is not None:
            raise self.source.broken(node.offset, "indices follow a variable", "others")
        if node.head not in ("+", "-", "*"):
            refused = self.source.unsupported if node.head in ("/", "ite", "abs") else self.source.broken
            raise refused(
                node.offset, "arithmetic is made of +, - and * (theory LIN)", node.head or "no operator"
            )
        arguments = self._arguments(node)
        if not arguments:
            raise self.source.broken(node.offset, f"({node.head} ..) has a term at least", "none")
        return Operation(node.head, arguments)

    def number(self, word: Word) -> Fraction:
        """A decimal number, exactly; exponents too, which generators write though the grammar has none."""
        match = _NUMBER.fullmatch(word.text)
        if match is None or not word.text.isascii():
            raise self.source.broken(word.offset, "numbers are decimal, such as -1.5", word.text)
        if match[2] is not None and (len(match[2]) > 6 or abs(int(match[2][1:])) > MAX_EXPONENT):
            raise self.source.broken(word.offset, f"exponents are at most {MAX_EXPONENT}", word.text)
        return Fraction(word.text)


def _text(node: Node) -> str:
    return node.text if isinstance(node, Word) else "brackets"
