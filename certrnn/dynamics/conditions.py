"""Sufficient conditions for adversarial disturbances to exist (Deka et al.), decided over sets of states.

A condition is asked of a set of states at every step: the whole cube, or the certified reachable tube of a region. It
*holds* where an upper bound over the whole set proves it, *fails* where a proved lower bound at one point of the set
refutes it, and otherwise it cannot be told. Numbers are in units of 1 / Delta with Delta = 1 frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.cells import RnnCell
from certrnn.dynamics.enclosure import Enclosure
from certrnn.dynamics.intervals import IntervalMatrix
from certrnn.dynamics.measures import NORMS, Norm, fitted_norms
from certrnn.dynamics.rank import full_row_rank

HOLDS, FAILS, CANNOT_TELL = "holds", "fails", "cannot tell"


@dataclass(frozen=True)
class Finding:
    """One condition over one set.

    Args:
        condition, over, norm: what was asked; ``over`` is ``cube`` or ``tube``, the norm "" where there is none.
        verdict: ``holds``, ``fails`` or ``cannot tell``.
        at_least, at_most: proved bounds on the number that must be negative, its largest value over the set; None where
            the condition has no number.
        step: the step with the largest upper bound, or None.
        note: what a reader must know, or "".
    """

    condition: str
    over: str
    norm: str
    verdict: str
    at_least: float | None = None
    at_most: float | None = None
    step: int | None = None
    note: str = ""


def decided(at_least: float, at_most: float) -> str:
    """The verdict on "the number is negative" from bounds on it; what is not a number proves nothing."""
    if at_most < 0.0:
        return HOLDS
    return FAILS if at_least >= 0.0 else CANNOT_TELL


@dataclass(frozen=True, eq=False)
class Measured:
    """Theorem 1's number in one norm: ``sup mu(-A)`` over a set, step by step.

    ``steps`` (K,) holds upper bounds over the set, ``refuted`` a lower bound at some point of it.
    """

    norm: Norm
    steps: torch.Tensor
    refuted: float

    @property
    def at_most(self) -> float:
        return float(self.steps.amax())

    @property
    def verdict(self) -> str:
        return decided(self.refuted, self.at_most)


def negated_error_matrix(by_state: IntervalMatrix) -> IntervalMatrix:
    """``-A = I - grad_h F`` of every Jacobian of the set, with Delta = 1."""
    unit = torch.eye(by_state.lower.shape[1], dtype=torch.float64)
    return by_state.scaled(-1.0) + IntervalMatrix.of(unit)


def theorem_one(
    enclosure: Enclosure, points: Sequence[Enclosure], norms: Sequence[Norm] = NORMS, fitted: bool = True
) -> list[Measured]:
    """``mu(-A(t, e)) < 0`` for all t and e, in every norm, the least number first.

    A(t, e) is a mean of Jacobians along a segment of states, measures are convex, and the set is convex: the largest
    measure over an enclosure of all Jacobians bounds that of every A(t, e) (the second line of eq. 14).

    Args:
        points: states of the set, enclosed as tightly as rounding allows. A(t, 0) is the Jacobian at a nominal state.
        norms: those without weights.
        fitted: also try weighted norms fitted to the set.
    """
    whole = negated_error_matrix(enclosure.by_state())
    single = [negated_error_matrix(p.by_state()) for p in points]
    every = (*norms, *(fitted_norms(whole) if fitted else ()))
    measures = []
    for norm in every:
        steps = norm.measure(whole)[1]
        if enclosure.failed:
            steps = torch.full_like(steps, torch.inf)
        lower = [
            float(norm.measure(p)[0].amax()) for p, at in zip(single, points, strict=True) if not at.failed
        ]
        measures.append(Measured(norm, steps, max(lower, default=-torch.inf)))
    return sorted(measures, key=lambda m: m.at_most)


def first_finding(measured: Sequence[Measured], over: str, times: Sequence[int]) -> Finding:
    """Theorem 1 over one set: holds where it does in one norm, fails where it does in all of them."""
    best = measured[0]
    fails = all(m.verdict == FAILS for m in measured)
    verdict = HOLDS if best.verdict == HOLDS else FAILS if fails else CANNOT_TELL
    note = "in all norms tried" if fails and verdict == FAILS else ""
    step = times[int(best.steps.argmax())]
    return Finding("Theorem 1", over, str(best.norm), verdict, best.refuted, best.at_most, step, note)


def assumption_one(enclosure: Enclosure, nominal: Enclosure, over: str) -> Finding:
    """Assumption 1: ``B(t, e, 0)^T e = grad_x f(h1 + e, x)^T e`` is zero for e = 0 only.

    It holds where every Jacobian of the set has full row rank n. Of a vanilla cell with a strictly increasing
    activation that is the rank of its input weights W, whatever the state. With more states than features it fails:
    ``e -> grad_x f(h1 + e, x)^T e`` maps n dimensions to m < n, and where its derivative at 0, the transposed Jacobian
    at the nominal state, has full rank m, its zeros near 0 form an (n - m)-dimensional surface. (Whether a sequence of
    the region reaches such an e is not asked: the assumption is about all e.)
    """
    step, name = enclosure.step, "Assumption 1"
    cell = step.cell
    increasing = isinstance(cell, RnnCell) and cell.activation.name in ("Tanh", "Sigmoid")
    weights = IntervalMatrix.of(cell.gates.input) if isinstance(cell, RnnCell) else None
    if step.size > step.features:
        transposed = (
            nominal.by_frame().transposed() if weights is None or not increasing else weights.transposed()
        )
        if bool(full_row_rank(transposed).any()) and not nominal.failed:
            why = f"{step.size} states, {step.features} features"
            return Finding(name, over, "", FAILS, note=why)
        return Finding(name, over, "", CANNOT_TELL, note="more states than features")
    if weights is not None and increasing:
        holds = bool(full_row_rank(weights).all())
    else:
        holds = not enclosure.failed and bool(full_row_rank(enclosure.by_frame()).all())
    note = "full row rank" if holds else "full row rank is not proved"
    return Finding(name, over, "", HOLDS if holds else CANNOT_TELL, note=note)


def theorem_three(first: Finding, assumption: Finding) -> Finding:
    """Theorem 3: Assumption 1 and a negative measure together."""
    verdicts = {first.verdict, assumption.verdict}
    verdict = FAILS if FAILS in verdicts else CANNOT_TELL if CANNOT_TELL in verdicts else HOLDS
    note = (
        ""
        if verdict == HOLDS
        else " and ".join(
            f"{f.condition} {'is open' if f.verdict == CANNOT_TELL else f.verdict}"
            for f in (first, assumption)
            if f.verdict != HOLDS
        )
    )
    return Finding(
        "Theorem 3", first.over, first.norm, verdict, first.at_least, first.at_most, first.step, note
    )
