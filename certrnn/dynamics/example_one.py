"""Example 1 of Deka et al.: its printed condition, why that is not sufficient, and what is.

For ``h' = tanh(U h + W x + b)`` the paper says that ``mu_inf(-A) < 0`` wherever

    2 |U_i|_1 + W_i x + b_i + 0.8 < 2 U_ii    for every unit i.                                        (as printed)

**Erratum.** That is not sufficient. With one unit, U = 5 and W x + b = -1 it reads 9.8 < 10 and holds; but at the
state h = -1 of the cube the pre-activation is -6, the slope of tanh there is below 3e-5, and ``-A = 1 - 5 tanh'(-6)``
is nearly 1. Nothing bounds W x + b from below, so any strongly negative bias passes. What eq. (14) needs is

    max cosh^2(z_i) + sum_{j != i} |U_ij| < U_ii    over all pre-activations z_i of the set,            (corrected)

and over the whole cube that is impossible: ``|z_i|`` reaches at least ``|U_i|_1 >= U_ii`` somewhere, and
``cosh^2(u) >= 1 + u^2 > u``. Over the cube the test is vacuous; over a reachable tube it can hold.

In the printed condition ``|U_i|_1 + W_i x + b_i`` is the largest pre-activation over the cube; over a tube it is read
as the largest one there.
"""

from __future__ import annotations

import torch

from certrnn.cells import Cell, RnnCell
from certrnn.domains.rounding import TINY, gamma, up
from certrnn.dynamics.conditions import Finding, decided
from certrnn.dynamics.derivatives import Range, partials
from certrnn.dynamics.enclosure import Enclosure
from certrnn.ir import Elementwise
from transformers_abs import TANH

PRINTED, CORRECTED = "Example 1, as printed", "Example 1, corrected"


def applies(cell: Cell) -> bool:
    """Example 1 is about vanilla cells with tanh."""
    return isinstance(cell, RnnCell) and cell.activation.name == "Tanh"


def example_one(enclosure: Enclosure, nominal: Enclosure, over: str) -> list[Finding]:
    """Both forms over one set; ``nominal`` are points of it at the same steps."""
    recurrent = enclosure.step.cell.gates.recurrent  # type: ignore[attr-defined]
    z, point = pre_activations(enclosure), pre_activations(nominal)
    return [
        _finding(PRINTED, _printed(recurrent, z, point), over, enclosure, "not sufficient: see the erratum"),
        _finding(CORRECTED, _corrected(recurrent, z, point), over, enclosure, ""),
    ]


def pre_activations(enclosure: Enclosure) -> Range:
    """(K, n) box of what tanh is applied to."""
    nodes = enclosure.step.graph.nodes
    (source,) = (n.sources[0] for n in nodes if isinstance(n, Elementwise))
    return enclosure.boxes[source]


def _printed(recurrent: torch.Tensor, z: Range, point: Range) -> Range:
    """(K,) lower and upper ends of ``max_i |U_i|_1 + sup z_i + 0.8 - 2 U_ii``."""
    size = recurrent.shape[0]
    rows, diagonal = recurrent.abs().sum(dim=1), recurrent.diagonal()
    ends = []
    for sign, top in ((-1.0, point[1]), (1.0, z[1])):
        total = rows + top + 0.8 - 2.0 * diagonal
        scale = rows + top.abs() + 0.8 + 2.0 * diagonal.abs()
        ends.append((total + sign * (2.0 * gamma(size + 6) * scale + TINY)).amax(dim=1))
    return ends[0], ends[1]


def _corrected(recurrent: torch.Tensor, z: Range, point: Range) -> Range:
    """(K,) ends of ``max_i cosh^2(z_i) + sum_{j != i} |U_ij| - U_ii``; ``cosh^2 = 1 / tanh'``."""
    size = recurrent.shape[0]
    others = recurrent.abs().sum(dim=1) - recurrent.diagonal().abs()
    rest, scale = others - recurrent.diagonal(), 2.0 * recurrent.abs().sum(dim=1)
    slack = up(2.0 * gamma(size + 6) * scale, 2)
    least, most = _squared_cosh(point)[0], _squared_cosh(z)[1]
    lower = least + rest - slack - gamma(4) * least.abs() - TINY
    upper = most + rest + slack + gamma(4) * most.abs() + TINY
    return lower.amax(dim=1), upper.amax(dim=1)


def _squared_cosh(z: Range) -> Range:
    """Ends of ``cosh^2`` over boxes; infinite where the slope of tanh may vanish."""
    ((low, high),) = partials(TANH, [z])
    most = torch.where(low > 0, up(1.0 / low.clamp_min(1e-300), 2), torch.inf)
    least = (1.0 / high) * (1.0 - gamma(4))
    return least, most


def _finding(condition: str, ends: Range, over: str, enclosure: Enclosure, note: str) -> Finding:
    lower, upper = ends
    if enclosure.failed:
        upper = torch.full_like(upper, torch.inf)
    at_least, at_most = float(lower.amax()), float(upper.amax())
    step = enclosure.times[int(upper.argmax())]
    return Finding(condition, over, "inf", decided(at_least, at_most), at_least, at_most, step, note)
