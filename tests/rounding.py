"""What another order of summation may change, on any processor: the bounds' own account of rounding.

Processors, BLAS libraries, numbers of threads and sizes of a batch add up the terms of a product in different orders.
Two results are therefore compared in one of two ways:

* *identical*, where both add up in the same order by construction: values that are only moved, what the compiled pass
  computes (row by row, whatever the batch), and anything under :class:`Summed`;
* *within the account*, which is derived here, and holds for every order.

**The account.** Let ``x`` be the exact result of a node on the bounds that enter it, from n products. Every order of
summation finds ``x`` up to ``e = gamma(n) sum |terms|`` (Higham, Accuracy and Stability, 3.1), which is why the bound
drawn from it is moved outward by ``k e``, some ``k >= 1``: a lower bound lies between ``x - (1 + k) e`` and ``x``. With
a unit roundoff COARSER times as large the node is charged ``COARSER k e`` while its arithmetic errs as before, so that
its lower bound is at most ``x - (COARSER k - 1) e``: at most ``x - (1 + k) e`` already for a COARSER of 3. By induction
over the nodes, since an interval function of larger intervals is a larger interval: **intervals charged with the
coarser roundoff contain the intervals that any order of summation finds**, of the same region or of a smaller one. What
COARSER exceeds 3 by pays, at the next linear node, for functions of the platform that are monotone only up to their
last digits; where no linear node follows, :data:`FUNCTIONS` does.

What the coarser bound gives away, :func:`room`, is hence no less than what two orders may differ by. Zonotopes choose
slopes by bounds, so that the argument holds for them to first order: a secant's slope passes on an error of its two
ends at most five times, where the slack that pays for the error is passed on as well. (Over the families, orders and
radii of ``tests/laws`` they differ by a hundredth of the room at most.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from certrnn.analyses import Forward
from certrnn.domains import Intervals, single_precision
from certrnn.domains.zonotope.compiled import execute as compiled
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec
from transformers_abs import rounding

COARSER = 4.0
"""How much larger the unit roundoff is that the account is taken with."""

FUNCTIONS = 2.0 * rounding.SIGMOID_ULPS * rounding.ULP
"""Share of its size by which a computed function may fall behind a computed function of a smaller interval."""


@contextmanager
def coarser() -> Iterator[None]:
    """Bounds pay for roundings that are COARSER times as large as those that happen."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (rounding, single_precision):
            patch.setattr(module, "UNIT_ROUNDOFF", COARSER * module.UNIT_ROUNDOFF)
        compiled._planned.cache_clear()  # plans hold what they charge
        yield
    compiled._planned.cache_clear()


def room(bound: Callable[[], torch.Tensor]) -> torch.Tensor:
    """By how much the bounds that are computed here may differ between two orders of summation."""
    fine = bound()
    with coarser():
        rough = bound()
    return torch.where(fine == rough, 0.0, (fine - rough).abs())  # infinite ones give nothing away


def evaluation_room(graph: Graph, x: torch.Tensor, spec: Spec) -> torch.Tensor:
    """By how much margins (B, C) that are evaluated at points ``x`` may differ between two orders of summation, and
    between platforms' functions: they lie in the intervals of regions that are points."""
    points = LinfBall(x, torch.zeros(len(x), dtype=x.dtype), ())
    ends = (Spec(sign * spec.rows, sign * spec.offset, spec.clause) for sign in (1.0, -1.0))
    with coarser(), torch.no_grad():
        least, most = (Forward(Intervals()).margins(graph, points, end) for end in ends)
    return -most - least


AddUp = Callable[[Sequence[torch.Tensor]], torch.Tensor]


def ascending(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    return reduce(torch.add, terms)


def descending(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    return ascending(terms[::-1])


def halves(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    """A binary tree, as in blocked and vectorised sums."""
    middle = len(terms) // 2
    return halves(terms[:middle]) + halves(terms[middle:]) if middle else terms[0]


def interleaved(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    """Eight partial sums side by side, as in eight lanes of a vector register."""
    return ascending([ascending(terms[lane::8]) for lane in range(min(8, len(terms)))])


ORDERS: dict[str, AddUp] = {f.__name__: f for f in (ascending, descending, halves, interleaved)}
"""Processors that a test can be run on anywhere."""


class Summed(TorchDispatchMode):
    """Products and sums of tensors are added up in an order of its own, the same for every shape: stands in for
    another processor, and makes results independent of the batch that they are computed in."""

    def __init__(self, add_up: AddUp = ascending) -> None:
        super().__init__()
        self._add_up = add_up
        self._own: dict[str, Callable[..., torch.Tensor]] = {
            "mm": self._product,
            "bmm": self._product,
            "mv": self._vector,
            "dot": lambda a, b: self._sum(a * b),
            **dict.fromkeys(("addmm", "addmm_", "addmv", "baddbmm"), self._on_top),
            "sum": self._sum,
            "linalg_vector_norm": self._norm,
        }

    def _product(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(.., n, k) times (.., k, m)."""
        count = a.shape[-1]
        if not count:
            return torch.zeros_like(a @ b)
        return self._add_up([a[..., :, k, None] * b[..., k, None, :] for k in range(count)])

    def _vector(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self._product(a, b[:, None])[:, 0]

    def _on_top(self, base: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **by: Any) -> torch.Tensor:
        product = self._product(a, b) if b.dim() > 1 else self._vector(a, b)
        product = product if by.get("alpha", 1) == 1 else by["alpha"] * product
        beta = by.get("beta", 1)
        return product if beta == 0 else (base if beta == 1 else beta * base) + product

    def _sum(self, a: torch.Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> torch.Tensor:
        dims = range(a.dim()) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
        a = a.long() if a.dtype == torch.bool else a
        for axis in sorted((d % a.dim() for d in dims), reverse=True):
            if a.shape[axis] == 0:
                return a.sum(dim=list(dims), keepdim=keepdim)
            a = self._add_up(a.unbind(axis))
            a = a.unsqueeze(axis) if keepdim else a
        return a

    def _norm(self, a: torch.Tensor, order: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
        if order == 1:
            return self._sum(a.abs(), dim, keepdim)
        if order == 2:
            return self._sum(a * a, dim, keepdim).sqrt()
        return torch.linalg.vector_norm(a, order, dim, keepdim)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = func.overloadpacket.__name__, dict(kwargs or {})
        if name not in self._own:
            return func(*args, **given)
        target = given.pop("out", args[0] if name.endswith("_") else None)
        found = self._own[name](*args, **given)
        return found if target is None else target.copy_(found)
