"""Box-constrained L-BFGS on distance and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from certrnn.arrays import to_numpy, to_tensor
from certrnn.attacks.attack import Attack
from certrnn.attacks.copies import Closest, Copies, drawn_back, nearest
from certrnn.attacks.pgd import descent
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class LBFGS(Attack):
    """Minimises ``c |d|_2^2 + log(1 + exp(margin(x + d)))`` within the box of the region by scipy's L-BFGS-B.

    The loss is the cross entropy of the two classes that the row of the specification compares, in units of the
    undisturbed margin. The largest weight ``c`` on the distance that still yields a violation is searched: it gives the
    closest one. One region after the other; what was found is drawn back towards the center.

    Args:
        searches: weights tried.
        steps: iterations of L-BFGS-B for each weight.
        targets: rows of each specification tried, the nearest first.

    Raises:
        UsageError: a count below 1.

    Source: Szegedy et al., Intriguing properties of neural networks (ICLR 2014), section 4.1.
    """

    searches: int = 7
    steps: int = 30
    targets: int = 1
    minimises: ClassVar[str | None] = "2"

    def __post_init__(self) -> None:
        if min(self.searches, self.steps, self.targets) < 1:
            raise UsageError("attacking", "searches, steps and targets are at least 1", vars(self))

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = nearest(graph, region, spec, self.targets, order=2)
        parts = [self._closest(graph, copies.part(copy)) for copy in range(len(copies.margin))]
        if not parts:
            return region.center
        best = Closest(
            torch.cat([part.x for part in parts]),
            torch.cat([part.distance for part in parts]),
            torch.cat([part.margin for part in parts]),
        )
        return drawn_back(graph, region, spec, best.of_each(copies.each))

    def _closest(self, graph: Graph, copy: Copies) -> Closest:
        problem = _Problem(graph, copy, float(copy.scale(2)[0]), float(copy.margin[0].clamp_min(1e-150)))
        best = problem.seen(Closest.none(copy.center), copy.center)
        start = np.zeros(problem.size)
        low, high, weight = 0.0, np.inf, 1.0
        for _ in range(self.searches):
            if float(best.distance[0]) == 0.0 or not problem.size:
                break
            end = problem.solve(start, weight, self.steps)
            x = problem.sequence(end)
            best = problem.seen(best, x)
            if problem.violated(x):
                low, start = weight, end
            else:
                high = weight
            weight = 10.0 * low if np.isinf(high) else np.sqrt(max(low, 1e-3 * high) * high)
        return best


@dataclass(frozen=True, eq=False)
class _Problem:
    """One try in the disturbed frames' numbers, in units of ``scale``; the margin in units of ``unit``."""

    graph: Graph
    copy: Copies
    scale: float
    unit: float

    @property
    def frames(self) -> list[int]:
        return list(self.copy.region.frames)

    @property
    def size(self) -> int:
        return len(self.frames) * self.copy.center.shape[2]

    def solve(self, start: np.ndarray, weight: float, steps: int) -> np.ndarray:
        """The minimiser that L-BFGS-B reaches from ``start`` (size,)."""
        from scipy.optimize import Bounds, minimize

        center = self.copy.center
        low = self._flat((self.copy.low - center) / self.scale)
        high = self._flat((self.copy.high - center) / self.scale)
        done: Any = minimize(
            lambda moved: self._objective(np.array(moved), weight),  # scipy's own is read-only
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(low, high),  # type: ignore[arg-type]
            options={"maxiter": steps, "maxfun": 2 * steps},
        )
        return np.array(done.x)

    def sequence(self, moved: np.ndarray) -> torch.Tensor:
        """The sequence (1, frames, features) of a disturbance (size,), projected into the region."""
        x = self.copy.center.clone()
        part = to_tensor(moved.reshape(1, len(self.frames), -1), x)
        x[:, self.frames] += self.scale * part
        return self.copy.region.project(x)

    def violated(self, x: torch.Tensor) -> bool:
        return bool(self._margins(x)[0] <= 0)

    def seen(self, best: Closest, x: torch.Tensor) -> Closest:
        distance = (x - self.copy.center).flatten(1).norm(dim=1)
        return best.seen(x, self._margins(x), distance)

    def _margins(self, x: torch.Tensor) -> torch.Tensor:
        return descent(self.graph, self.copy.spec, x, self.copy.target)[0].amin(dim=1)

    def _objective(self, moved: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
        x = self.copy.center.clone()
        x[:, self.frames] += self.scale * to_tensor(moved.reshape(1, len(self.frames), -1), x)
        margins, slope = descent(self.graph, self.copy.spec, x, self.copy.target)
        own = float(margins[0, int(self.copy.target[0])])
        if not np.isfinite(own):
            return 1e150, np.zeros_like(moved)
        steep = 4.0 / self.unit
        loss = float(np.logaddexp(0.0, np.clip(steep * own, -1e300, 1e300)))
        rising = 1.0 / (1.0 + np.exp(-np.clip(steep * own, -700.0, 700.0)))
        gradient = np.clip(rising * steep * self.scale * self._flat(slope), -1e150, 1e150)
        return weight * float(moved @ moved) + loss, 2.0 * weight * moved + gradient

    def _flat(self, x: torch.Tensor) -> np.ndarray:
        return to_numpy(x[:, self.frames]).reshape(-1).copy()
