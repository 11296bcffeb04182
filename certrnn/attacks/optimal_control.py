"""Optimal control of the perturbed network: the disturbance as a control, all frames known (Deka et al., IV.D)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.attacks.attack import Attack
from certrnn.attacks.causal import CausalSystem, State
from certrnn.attacks.lyapunov import Lyapunov, Margin
from certrnn.domains.points import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

_EDGE = 0.999999
"""Controls start at most here, as a share of the region, where tanh still has a slope."""


@dataclass(frozen=True, eq=False)
class OptimalControl(Attack):
    """Minimise ``-V(h(T)) + sum_t weight |u_t|^2`` over controls u with ``x_t + eps tanh(u_t)`` as frames.

    Where a valid range cuts the region, tanh runs over what is left; the cost counts from the controls that change
    nothing.

    Direct transcription: the states after every frame are unknowns beside the controls, tied together by the
    equations ``s_t = F_t(s_{t-1}, x_t)`` (sequential quadratic programming). Beyond ``limit`` unknowns the states are
    eliminated through the network itself, which leaves an unconstrained problem (L-BFGS). Not causal: it needs the
    whole sequence, and stands beside the causal attacks as the best that a disturbance can do.

    Args:
        lyapunov: V of the last scores.
        weight: the cost R of control.
        iterations: of the optimiser.
        limit: most unknowns (controls and states) of a transcription.

    Source: Deka, Stipanovic, Tomlin, section IV.D.
    """

    lyapunov: Lyapunov = field(default_factory=Margin)
    weight: float = 1e-3
    iterations: int = 40
    limit: int = 150

    def __post_init__(self) -> None:
        if not self.weight >= 0 or self.iterations < 1:
            raise UsageError(
                "attacking",
                "the weight is at least 0 and iterations at least 1",
                (self.weight, self.iterations),
            )

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        center = region.center
        ends = [region.project(center + 1e9 * sign) for sign in (-1.0, 1.0)]
        lower, upper = torch.minimum(*ends), torch.maximum(*ends)
        with torch.no_grad():
            nominal = evaluate(graph, center)
        proposals = []
        for row in range(region.batch):
            part = slice(row, row + 1)
            problem = _Control(
                CausalSystem(graph),
                self,
                center[part],
                lower[part],
                upper[part],
                nominal[part],
                spec.part(row, row + 1),
            )
            proposals.append(problem.solved())
        return torch.cat([center[:0], *proposals])


@dataclass(frozen=True, eq=False)
class _Control:
    """The problem of one sequence; ``center``, ``lower`` and ``upper`` are (1, T, D), ``nominal`` (1, C)."""

    system: CausalSystem
    options: OptimalControl
    center: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor
    nominal: torch.Tensor
    spec: Spec

    def solved(self) -> torch.Tensor:
        """(1, T, D) the optimal sequence."""
        free = self.lower < self.upper
        if not bool(free.any()):
            return self.center
        start = self._start()
        states = self._states(start)
        unknowns = start.numel() + sum(s.numel() for state in states for s in state)
        if states and all(states) and unknowns <= self.options.limit:
            controls = self._transcribed(start, states)
        else:
            controls = self._shot(start)
        return self.frames(controls).detach()

    def frames(self, controls: torch.Tensor) -> torch.Tensor:
        """The sequence of controls (1, T, D)."""
        middle, half = 0.5 * (self.lower + self.upper), 0.5 * (self.upper - self.lower)
        return torch.where(half > 0, middle + half * torch.tanh(controls), self.center)

    def _start(self) -> torch.Tensor:
        """Controls that leave the sequence as it is."""
        middle, half = 0.5 * (self.lower + self.upper), 0.5 * (self.upper - self.lower)
        share = torch.where(half > 0, (self.center - middle) / half.clamp_min(1e-300), 0.0)
        return torch.atanh(share.clamp(-_EDGE, _EDGE))

    def _states(self, controls: torch.Tensor) -> list[State]:
        x, state, states = self.frames(controls), (), []
        with torch.no_grad():
            for frame in range(self.system.frames - 1):
                state = self.system.advance(frame, state, x[:, frame])
                states.append(state)
        return states

    def _cost(self, scores: torch.Tensor, controls: torch.Tensor) -> torch.Tensor:
        value = self.options.lyapunov.value(scores, self.nominal, self.spec).sum()
        return self.options.weight * (controls - self._start()).square().sum() - value

    # ---- single shooting

    def _shot(self, start: torch.Tensor) -> torch.Tensor:
        from scipy.optimize import minimize  # a third of a second that other attacks need not wait for

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            with torch.enable_grad():
                controls = torch.from_numpy(flat.copy()).reshape(start.shape).requires_grad_()
                cost = self._cost(evaluate(self.system.graph, self.frames(controls)), controls)
                (gradient,) = torch.autograd.grad(cost, controls)
            return _finite(cost, gradient.flatten())

        options = {"maxiter": self.options.iterations}
        solution = minimize(objective, start.flatten().numpy(), jac=True, method="L-BFGS-B", options=options)
        return torch.from_numpy(solution.x).reshape(start.shape)

    # ---- direct transcription

    def _transcribed(self, start: torch.Tensor, states: list[State]) -> torch.Tensor:
        from scipy.optimize import minimize

        first = np.concatenate(
            [start.flatten().numpy(), *(s.flatten().numpy() for state in states for s in state)]
        )
        count = len(first) - start.numel()

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            with torch.enable_grad():
                unknowns = torch.from_numpy(flat.copy()).requires_grad_()
                controls, inner = self._split(unknowns, start.shape, states)
                x, last = self.frames(controls), self.system.frames - 1
                cost = self._cost(self.system.scores(inner[-1], x[:, last], last), controls)
                (gradient,) = torch.autograd.grad(cost, unknowns)
            return _finite(cost, gradient)

        def defects(unknowns: torch.Tensor) -> torch.Tensor:
            controls, inner = self._split(unknowns, start.shape, states)
            x, before, gaps = self.frames(controls), (), []
            for frame, after in enumerate(inner):
                reached = self.system.advance(frame, before, x[:, frame])
                gaps += [a - b for a, b in zip(after, reached, strict=True)]
                before = after
            return torch.cat(gaps, dim=1)[0]

        def equation(flat: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return np.nan_to_num(defects(torch.from_numpy(flat.copy())).numpy())

        def jacobian(flat: np.ndarray) -> np.ndarray:
            with torch.enable_grad():
                unknowns = torch.from_numpy(flat.copy()).requires_grad_()
                value = defects(unknowns)
                (rows,) = torch.autograd.grad(
                    value, unknowns, torch.eye(count, dtype=torch.float64), is_grads_batched=True
                )
            return np.nan_to_num(rows.numpy())

        solution = minimize(
            objective,
            first,
            jac=True,
            method="SLSQP",
            constraints={"type": "eq", "fun": equation, "jac": jacobian},
            options={"maxiter": self.options.iterations},
        )
        return torch.from_numpy(np.nan_to_num(solution.x[: start.numel()])).reshape(start.shape)

    def _split(
        self, unknowns: torch.Tensor, shape: torch.Size, states: list[State]
    ) -> tuple[torch.Tensor, list[State]]:
        """Controls, and the states after every frame but the last."""
        sizes = [shape.numel(), *(s.numel() for state in states for s in state)]
        parts = iter(unknowns.split(sizes))
        controls = next(parts).reshape(shape)
        return controls, [tuple(next(parts)[None] for _ in state) for state in states]


def _finite(cost: torch.Tensor, gradient: torch.Tensor) -> tuple[float, np.ndarray]:
    value = float(cost.detach())
    return (value if np.isfinite(value) else 1e300), np.nan_to_num(gradient.detach().numpy())
