"""Backward substitution: what rows over some nodes become over the inputs, once every nonlinearity has its planes.

For a row coefficient v of neuron j the lower side of ``v f`` is replaced by ``v (slope . x) + kappa - |v| e^T M e``
with ``e`` the normalised deviations of the neuron's arguments and any slope and M (M = 0 is the ordinary plane). One
function walks the graph; who supplies kappa decides whether the result is differentiable and approximate, or enclosed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from certrnn.domains.rounding import TINY
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from transformers_abs.rounding import gamma

Planes = Callable[[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
"""``planes(position, coefficient (B, R, n))`` gives (slopes (arity, B, R, n), kappa (B, R) summed over the neurons,
error (B, R) that the sum and the products hide)."""


class Propagated(Protocol):
    """What a substitution reads of a propagation: ``magnitude[p]`` bounds ``|value p|`` from above, (B, size)."""

    graph: Graph
    magnitude: dict[int, torch.Tensor]


@dataclass(eq=False)
class Substituted:
    """``row >= constant - error + sum_p inputs[p] . x_p - quadratic``, with constant and error (B, R).

    The error bounds every rounding but those of its own sum of non-negative terms: readers add a per mille. What
    products lose that underflow and are multiplied by nothing afterwards stays below TINY: readers add that as well.

    ``inputs[p]`` is (B, R, features) for the input node p; ``weights[p]`` (B, R, n) is ``|v|`` at the elementwise
    node p.
    """

    constant: torch.Tensor
    error: torch.Tensor
    inputs: dict[int, torch.Tensor] = field(default_factory=dict)
    weights: dict[int, torch.Tensor] = field(default_factory=dict)


def ancestors(recording: Propagated, positions: list[int]) -> list[int]:
    """The nodes that the given ones depend on, themselves included, latest first."""
    needed = set(positions)
    for position in range(max(positions), -1, -1):
        if position in needed:
            needed.update(recording.graph.nodes[position].sources)
    return sorted(needed, reverse=True)


def substitute(
    recording: Propagated, rows: dict[int, torch.Tensor], planes: Planes, exact: bool
) -> Substituted:
    """Push ``rows`` (B, R, size), by node position, back to the inputs.

    Args:
        exact: also bound every rounding error, in ``error``. A coefficient that is rounded by a share g changes the row
            by at most ``g |coefficient| |value|``, so that the magnitudes of the values, known from the propagation,
            bound it; so does TINY times the magnitudes bound what a coefficient lost that underflowed. A coefficient
            that is a sum of K terms is rounded by a share ``gamma(K - 1)`` of the sum of their *absolute values*: the
            terms are charged, for they may cancel.
    """
    first = next(iter(rows.values()))
    result = Substituted(first.new_zeros(first.shape[:2]), first.new_zeros(first.shape[:2]))
    pending: dict[int, torch.Tensor] = dict(rows)
    walk = _Walk(recording, pending, result, exact)
    if len(rows) > 1:
        walk.charge_rows(rows)
    for position in ancestors(recording, list(rows)):
        if position in pending:
            walk.step(position, pending.pop(position), planes)
    return result


@dataclass(eq=False)
class _Walk:
    recording: Propagated
    pending: dict[int, torch.Tensor]
    result: Substituted
    exact: bool

    @property
    def additions(self) -> float:
        """Relative error of adding one term to the running constant, all later additions included."""
        return gamma(2 * len(self.recording.graph.nodes) + 4)

    def step(self, position: int, coefficient: torch.Tensor, planes: Planes) -> None:
        node, result = self.recording.graph.nodes[position], self.result
        match node:
            case Input():
                result.inputs[position] = coefficient
            case Constant():
                self._constant(coefficient, node.value, node.relative_error)
            case Affine():
                self._affine(node, coefficient)
            case Sum():
                for c, source in zip(node.coefficients, node.sources, strict=True):
                    self._give(source, c * coefficient, node.relative_error)
            case Gather():
                self._gather(node, coefficient)
            case Elementwise():
                slopes, kappa, error = planes(position, coefficient)
                result.constant = result.constant + kappa
                result.error = result.error + error + self.additions * kappa.abs()
                result.weights[position] = coefficient.abs()
                for slope, source in zip(slopes, node.sources, strict=True):
                    self._give(source, slope * coefficient, 0.0)

    def _constant(self, coefficient: torch.Tensor, value: torch.Tensor, relative_error: float) -> None:
        value = value.to(coefficient)
        self.result.constant = self.result.constant + coefficient @ value
        if self.exact:
            share = gamma(value.shape[0] + 6) + relative_error + self.additions
            self.result.error = self.result.error + share * (coefficient.abs() @ value.abs())

    def _affine(self, node: Affine, coefficient: torch.Tensor) -> None:
        weight, source = node.weight.to(coefficient), node.sources[0]
        self._constant(coefficient, node.bias, node.relative_error)
        passed = coefficient * weight if node.diagonal else coefficient @ weight
        if self.exact:
            size = self.recording.magnitude[source]
            # the coefficient may be large: what underflows in here counts
            spread = (size * weight.abs() if node.diagonal else size @ weight.abs().T) + TINY
            share = gamma(node.size + 4) + node.relative_error
            self.result.error = self.result.error + share * torch.einsum(
                "brn,bn->br", coefficient.abs(), spread
            )
        self._give(source, passed, 0.0)

    def _gather(self, node: Gather, coefficient: torch.Tensor) -> None:
        sizes = [self.recording.graph.nodes[s].size for s in node.sources]
        index = torch.from_numpy(node.index).to(coefficient.device)
        # an element that is read several times collects that many terms
        repeats = int(torch.bincount(index).max()) if len(index) else 0
        parts = _collected(coefficient, index, sizes)
        # which may cancel: their sum says nothing of what it lost
        terms = _collected(coefficient.abs(), index, sizes) if self.exact and repeats > 1 else parts
        for source, part, size in zip(node.sources, parts, terms, strict=True):
            self._give(source, part, 0.0, size, repeats)

    def charge_rows(self, rows: dict[int, torch.Tensor]) -> None:
        """Pay for what the rows' own coefficients lose where other rows' are added to them."""
        for position, coefficient in rows.items() if self.exact else ():
            self._charge(position, coefficient, gamma(self.recording.graph.readers[position] + 4))

    def _charge(self, source: int, terms: torch.Tensor, share: float) -> None:
        magnitude = self.recording.magnitude[source]
        size = torch.einsum("brn,bn->br", terms.abs(), magnitude)
        self.result.error = self.result.error + share * size + TINY * magnitude.sum(1, keepdim=True)

    def _give(
        self,
        source: int,
        coefficient: torch.Tensor,
        relative_error: float,
        terms: torch.Tensor | None = None,
        count: int = 1,
    ) -> None:
        """Add to the coefficient of a value what one of its readers passes on: a sum of up to ``count`` products for
        each element, whose absolute values sum up to ``terms``."""
        if self.exact:
            # the products, their sum, and its addition to what other readers gave
            share = gamma(self.recording.graph.readers[source] + count + 4) + relative_error
            self._charge(source, coefficient if terms is None else terms, share)
        self.pending[source] = self.pending[source] + coefficient if source in self.pending else coefficient


def _collected(coefficient: torch.Tensor, index: torch.Tensor, sizes: list[int]) -> tuple[torch.Tensor, ...]:
    """Coefficients (B, R, n) added up by the element that each belongs to, one (B, R, size) for each of ``sizes``."""
    total = coefficient.new_zeros(*coefficient.shape[:2], sum(sizes)).index_add(2, index, coefficient)
    return total.split(sizes, dim=2)
