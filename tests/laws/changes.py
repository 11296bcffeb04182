"""Errors planted in the plans of the compiled pass: in fields of its instructions, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from certrnn.domains.zonotope.compiled.instructions import INSTRUCTIONS
from certrnn.domains.zonotope.compiled.plan import Plan
from certrnn.domains.zonotope.compiled.records import columns

Change = Callable[[Plan], Plan]


def unchanged(found: Plan) -> Plan:
    return found


def chosen(found: Plan, instruction: type) -> np.ndarray:
    """Which rows are instructions of one type."""
    return found.instructions[:, 0] == INSTRUCTIONS.index(instruction)


def without(instruction: type) -> Change:
    """Instructions of one type are left out."""
    return lambda p: replace(p, instructions=p.instructions[~chosen(p, instruction)])


def altered(instruction: type, field: str, change: Callable[[np.ndarray], Any]) -> Change:
    """One field of one type of instruction is another."""

    def planted(p: Plan) -> Plan:
        rows = p.instructions.copy()
        column, kind = columns(instruction)[field]
        numbers = rows.view(np.float64) if kind is float else rows
        numbers[chosen(p, instruction), column] = change(numbers[chosen(p, instruction), column])
        return replace(p, instructions=rows)

    return planted


def unpaid(instruction: type, *fields: str) -> Change:
    """Nothing is added for a charge."""
    return both(*(altered(instruction, field, lambda c: 0.0 * c) for field in fields))


def both(*changes: Change) -> Change:
    def planted(p: Plan) -> Plan:
        for change in changes:
            p = change(p)
        return p

    return planted


SINGLE = both(
    *(
        unpaid(one, field)
        for one in INSTRUCTIONS
        for field in columns(one)
        if field.split(".")[-1] == "single"
    )
)
"""Nothing is added for single precision."""
