"""Rows of the output, bounded by replacing every function by a plane and going back to the input.

Lemma B (backward). For a coefficient v of ``f(x)``, ``v f >= v slope . x + v kappa`` with kappa the lower end of the
residual where v >= 0 and the upper end elsewhere: whatever the slopes, and another in every row. What rounding changes
in the coefficient of a value is at most a share of its terms' absolute values, and so changes the row by that times the
largest absolute value, which the propagation bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from certrnn.certificates.checker.arithmetic import TINY, gamma, raised
from certrnn.certificates.checker.forward import Forward, Record, bounds
from certrnn.certificates.checker.program import Apply, Input, Linear, Term
from certrnn.certificates.checker.residuals import Cuts, Quadratic

Slopes = dict[int, np.ndarray]
"""By the place of a function, slopes (arity, B, R, n)."""


@dataclass
class Backward:
    """One substitution: rows (B, R, n) of the elements ``output`` on the region of a propagation.

    Where functions have a ``curvature`` C (3, B, R, n), ``d^T C d`` is added below and taken above, d the distance of
    the arguments from their centers: what the rows lose by it is not counted here. ``weights`` are ``|v|`` (B, R, n).
    """

    forward: Forward
    slopes: Slopes
    curvature: Slopes = field(default_factory=dict)
    weights: Slopes = field(default_factory=dict)
    pending: dict[int, np.ndarray] = field(default_factory=dict)
    constant: np.ndarray = field(default_factory=lambda: np.zeros(0))
    size: np.ndarray = field(default_factory=lambda: np.zeros(0))
    error: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def additions(self) -> int:
        """How many numbers are added up for one coefficient, or for the constant, at most."""
        return 8 * len(self.forward.program.nodes) + 64

    def least(self, output: np.ndarray, rows: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """At most ``rows . output + offset`` (B, R), anywhere in the region."""
        moved, hidden = self.run(output, rows, offset)
        low, _ = self.forward.reach(moved.swapaxes(1, 2))
        return np.nextafter(self.constant - raised(hidden - low, self.additions), -np.inf)

    def run(self, output: np.ndarray, rows: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows as ``constant + moved . s``: the coefficients (B, R, m) of the symbols of the input, and at least
        what rounding hides (B, R)."""
        self.constant, self.size, self.error = offset.copy(), np.abs(offset), np.zeros_like(offset)
        self._give(output, rows, np.abs(rows), 0)
        moved = np.zeros((*offset.shape, sum(len(radius[0]) for *_, radius in self.forward.inputs.values())))
        for place in range(len(self.forward.program.nodes) - 1, -1, -1):
            coefficient = self.pending.pop(place, None)
            if coefficient is None:
                continue
            match node := self.forward.program.nodes[place]:
                case Input():
                    self._input(place, node, coefficient, moved)
                case Linear():
                    for constant in node.constants:
                        self._constant(coefficient * constant)
                    for term in node.terms:
                        self._term(coefficient, term)
                case Apply():
                    self._apply(place, node, coefficient)
        hidden = self.error + gamma(self.additions) * self.size + TINY * (1.0 + self.size)
        return moved, 2.0 * hidden

    def _input(self, place: int, node: Input, coefficient: np.ndarray, moved: np.ndarray) -> None:
        """A frame counts by its middle; what of the row each of its symbols moves goes into ``moved`` (B, R, m)."""
        lower, upper = (end[:, node.frame] for end in (self.forward.region.lower, self.forward.region.upper))
        start, middle, radius = self.forward.inputs.get(place, (0, lower, np.zeros_like(upper)))
        self._constant(coefficient * middle[:, None])
        if place in self.forward.inputs:
            moved[..., start : start + node.size] = coefficient * radius[:, None]
            self.error = self.error + gamma(4) * (np.abs(coefficient) * radius[:, None]).sum(2)

    def _constant(self, parts: np.ndarray) -> None:
        total, size = parts.sum(2), np.abs(parts).sum(2)
        self.constant, self.size = self.constant + total, self.size + size
        self.error = self.error + gamma(parts.shape[2] + 4) * size

    def _term(self, coefficient: np.ndarray, term: Term) -> None:
        weight, positive = term.weight, np.abs(term.weight)
        if weight.ndim == 1:
            self._give(term.elements, coefficient * weight, np.abs(coefficient) * positive, 1)
        else:
            self._give(term.elements, coefficient @ weight, np.abs(coefficient) @ positive, len(weight))

    def _give(self, elements: np.ndarray, coefficient: np.ndarray, terms: np.ndarray, depth: int) -> None:
        """Add to the coefficients of elements sums of ``depth`` products, whose absolute values add up to ``terms``."""
        program, start = self.forward.program, 0
        share = gamma(depth + self.additions + len(elements))
        for place, index in program.pieces(elements):
            largest = self.forward.largest[place][:, index]
            part = slice(start, start + largest.shape[1])
            start = part.stop
            self.error = self.error + share * (terms[..., part] * largest[:, None]).sum(2)
            if place not in self.pending:
                self.pending[place] = np.zeros((*coefficient.shape[:2], program.nodes[place].size))
            if isinstance(index, slice):
                self.pending[place][..., index] += coefficient[..., part]
            else:
                whole = (slice(None), slice(None), index)
                np.add.at(self.pending[place], whole, coefficient[..., part])  # pyright: ignore[reportArgumentType]

    def _apply(self, place: int, node: Apply, coefficient: np.ndarray) -> None:
        slopes, known = self.slopes[place], self.forward.records[place]
        self.weights[place] = np.abs(coefficient)
        if slopes.shape[2] == 1 and not self.curvature:
            low, high = (e[:, None] for e in bounds(node, slopes[:, :, 0], known, self.forward.effort.share))
        else:
            low, high = self._bounds(place, node, slopes, coefficient)
        self._constant(np.where(coefficient >= 0.0, coefficient * low, coefficient * high))
        for slope, elements in zip(slopes, node.arguments, strict=True):
            passed = coefficient * slope
            self._give(elements, passed, np.abs(passed), 2)

    def _bounds(
        self, place: int, node: Apply, slopes: np.ndarray, coefficient: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (B, R, n) of the residuals, where every row has planes of its own."""
        arity, batch, rows, size = slopes.shape
        known = self.forward.records[place]

        def spread(part: np.ndarray) -> np.ndarray:
            """(.., B * n) for each of the rows: (.., B * R * n)."""
            shaped = part.reshape(*part.shape[:-1], batch, 1, size)
            return np.broadcast_to(shaped, (*part.shape[:-1], batch, rows, size)).reshape(
                *part.shape[:-1], -1
            )

        cuts = None if known.cuts is None else Cuts(*(spread(part) for part in known.cuts))
        lower, upper = (
            spread(part.reshape(arity, -1)).reshape(arity, batch * rows, size)
            for part in (known.lower, known.upper)
        )
        record = Record(lower, upper, cuts)
        q = None
        if place in self.curvature and self.forward.kept is not None:
            center = np.zeros((2, batch * size))
            center[:arity] = np.stack([v.center.reshape(-1) for v in self.forward.kept[place]])
            bowl = self.curvature[place] * np.where(coefficient >= 0.0, -1.0, 1.0)
            q = Quadratic(bowl.reshape(3, -1), spread(center))
        flat = slopes.reshape(arity, batch * rows, size)
        low, high = bounds(node, flat, record, self.forward.effort.share, q)
        return low.reshape(batch, rows, size), high.reshape(batch, rows, size)
