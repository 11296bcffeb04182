"""A formula as alternatives: boxes of inputs, and what must hold of the rest for each.

Everything is exact: bounds and coefficients are fractions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from certrnn.errors import Unsupported
from certrnn.vnnlib.parse import Comparison, Formula, Junction, Linear, Variable

MAX_LITERALS = 1_000_000
"""Most inequalities in all alternatives together."""


@dataclass(frozen=True)
class Literal:
    """``form <= 0``, or ``form < 0`` where ``strict``."""

    form: Linear
    strict: bool

    @property
    def constant(self) -> bool | None:
        """Whether it is true, where it has no variables; else None."""
        if self.form.coefficients:
            return None
        return self.form.constant < 0 or (self.form.constant == 0 and not self.strict)


Conjunction = tuple[Literal, ...]


@dataclass(frozen=True)
class Range:
    """What one input may be; None where there is no bound. ``open_`` says that the end itself is excluded."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def at_least(self, end: Fraction, strict: bool) -> Range:
        if self.low is None or (end, strict) > (self.low, self.low_open):
            return Range(end, self.high, strict, self.high_open)
        return self

    def at_most(self, end: Fraction, strict: bool) -> Range:
        if self.high is None or (-end, strict) > (-self.high, self.high_open):
            return Range(self.low, end, self.low_open, strict)
        return self


@dataclass(frozen=True, eq=False)
class Alternative:
    """Inputs in ``ranges``, by their numbers, and one of the ``conjunctions`` of everything else."""

    ranges: Mapping[int, Range]
    conjunctions: tuple[Conjunction, ...]


@dataclass(eq=False)
class _Group:
    ranges: dict[int, Range]
    conjunctions: list[Conjunction] = field(default_factory=list)


def alternatives(formula: Formula) -> tuple[Alternative, ...]:
    """The formula as a disjunction; alternatives of one box are kept together. None are left where it is false.

    Raises:
        Unsupported: there are more than :data:`MAX_LITERALS` inequalities in its disjunctive normal form.
    """
    common, choices = _parts(formula)
    if common is None:
        return ()
    base: dict[int, Range] = {}
    always = _restricted(base, common)
    if always is None:
        return ()
    width = len(always) + sum(max(len(conjunction) for conjunction in choice) for choice in choices)
    _require(math.prod(len(choice) for choice in choices) * width)
    groups: dict[frozenset[tuple[int, Range]], _Group] = {}
    for choice in itertools.product(*choices):
        ranges: dict[int, Range] = {}
        rest = _restricted(ranges, itertools.chain.from_iterable(choice), base)
        if rest is None:
            continue
        group = groups.setdefault(frozenset(ranges.items()), _Group({**base, **ranges}))
        conjunction = tuple(dict.fromkeys((*map(_key, always), *map(_key, rest))))
        group.conjunctions.append(tuple(key.literal for key in conjunction))
    return tuple(Alternative(g.ranges, tuple(g.conjunctions)) for g in groups.values())


@dataclass(frozen=True)
class _Keyed:
    """A literal that equals others of the same coefficients."""

    key: tuple[frozenset[tuple[Variable, Fraction]], Fraction, bool]
    literal: Literal = field(compare=False)


def _key(literal: Literal) -> _Keyed:
    coefficients = frozenset(literal.form.coefficients.items())
    return _Keyed((coefficients, literal.form.constant, literal.strict), literal)


def _restricted(
    ranges: dict[int, Range], literals: Iterable[Literal], base: Mapping[int, Range] | None = None
) -> list[Literal] | None:
    """Put bounds on single inputs into ``ranges``, beginning from ``base``.

    Returns the other literals, or None where the box is empty.
    """
    rest: list[Literal] = []
    for literal in literals:
        (variable, coefficient), *others = literal.form.coefficients.items()
        if others or variable.output:
            rest.append(literal)
            continue
        index, end = variable.index, -literal.form.constant / coefficient
        old = ranges.get(index) or (base or {}).get(index) or Range()
        new = old.at_most(end, literal.strict) if coefficient > 0 else old.at_least(end, literal.strict)
        if new.empty:
            return None
        if new != old:
            ranges[index] = new
    return rest


def _parts(formula: Formula) -> tuple[Conjunction | None, list[list[Conjunction]]]:
    """What always must hold (None: it is false), and for every disjunction among the rest its conjunctions."""
    common: list[Literal] = []
    choices: list[list[Conjunction]] = []
    pending = [formula]
    while pending:
        part = pending.pop()
        if isinstance(part, Junction) and (part.name == "and" or len(part.parts) == 1):
            pending.extend(reversed(part.parts))
            continue
        conjunctions = _normal(part)
        if not conjunctions:
            return None, []
        if len(conjunctions) == 1:
            common.extend(conjunctions[0])
        elif () not in conjunctions:
            choices.append(conjunctions)
    return tuple(common), choices


def _normal(formula: Formula) -> list[Conjunction]:
    """The disjunctive normal form; none where it is false, an empty conjunction where one is true."""
    if isinstance(formula, Comparison):
        return _comparison(formula)
    forms = [_normal(part) for part in formula.parts]
    if formula.name == "or":
        together = [conjunction for some in forms for conjunction in some]
        _require(sum(len(c) for c in together))
        return together
    _require(math.prod(len(f) for f in forms) * sum(max((len(c) for c in f), default=0) for f in forms))
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*forms)]


def _comparison(comparison: Comparison) -> list[Conjunction]:
    below, above = comparison.difference, -comparison.difference
    table: dict[str, list[Conjunction]] = {
        "<=": [(Literal(below, False),)],
        "<": [(Literal(below, True),)],
        ">=": [(Literal(above, False),)],
        ">": [(Literal(above, True),)],
        "==": [(Literal(below, False), Literal(above, False))],
        "!=": [(Literal(below, True),), (Literal(above, True),)],
    }
    return [c for conjunction in table[comparison.name] if (c := _simplified(conjunction)) is not None]


def _simplified(conjunction: Sequence[Literal]) -> Conjunction | None:
    """Without literals that are true anyway; None where one is false."""
    if any(literal.constant is False for literal in conjunction):
        return None
    return tuple(literal for literal in conjunction if literal.constant is None)


def _require(literals: int) -> None:
    if literals > MAX_LITERALS:
        raise Unsupported(
            "reading the query's disjunctions",
            f"multiplied out they hold at most {MAX_LITERALS} inequalities",
            f"up to {literals:.3g}" if literals < 1e300 else "far more",
            "Split the query.",
        )
