"""Errors planted in the plans of the compiled pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.program import Plan

Change = Callable[[Plan], Plan]


def unchanged(found: Plan) -> Plan:
    return found


def without(code: int) -> Change:
    """Instructions of one kind are left out."""
    return lambda p: replace(
        p,
        instructions=p.instructions[p.instructions[:, 0] != code],
        factors=p.factors[p.instructions[:, 0] != code],
    )


def altered(code: int, column: int, change: Callable[[np.ndarray], np.ndarray | int]) -> Change:
    """One operand of one kind of instruction is another."""

    def planted(p: Plan) -> Plan:
        rows = p.instructions.copy()
        chosen = rows[:, 0] == code
        rows[chosen, column] = change(rows[chosen, column])
        return replace(p, instructions=rows)

    return planted


def factors(code: int | slice, column: int, value: float) -> Change:
    """A factor that pays for rounding is another, of one kind of instruction or of all."""

    def planted(p: Plan) -> Plan:
        given = p.factors.copy()
        chosen = code if isinstance(code, slice) else p.instructions[:, 0] == code
        given[chosen, column] = value
        return replace(p, factors=given)

    return planted


def both(*changes: Change) -> Change:
    def planted(p: Plan) -> Plan:
        for change in changes:
            p = change(p)
        return p

    return planted


def unpaid(found: Plan) -> Plan:
    """Nothing is added for single precision."""
    return factors(slice(None), at.SINGLES, 0.0)(found)
