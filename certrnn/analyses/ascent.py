"""Chooses slopes, curvatures and dual points by gradient ascent on sampled bounds. Nothing here carries a proof."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from certrnn.analyses.adam import Adam
from certrnn.analyses.memory import Memory, State
from certrnn.analyses.planes import Parameters, Samples, sampled
from certrnn.analyses.quadratic_form import Deviations
from certrnn.analyses.recording import NodeRecord, Recording
from certrnn.analyses.rows import Joint, Rows, linear_part, with_strips
from certrnn.analyses.substitution import substitute
from certrnn.arrays import to_tensor
from transformers_abs.slopes import LeastWidth, SlopePolicy


@dataclass(frozen=True)
class Ascent:
    """Adam on the sum of the rows' bounds.

    Args:
        steps: gradient steps.
        rate: learning rate, in units of each parameter's natural size; it falls to a twentieth on a cosine.
        curved: let the planes leave quadratic deficits (the joint bound); otherwise only slopes move.
        shared: one weight vector d for all rows instead of one a row: far cheaper to prove, a little weaker.
        block: vectors that follow the largest eigenvalues.
        resumed: share of the steps that an ascent takes which starts where an earlier one ended.
        policy: where the slopes start.
        dtype: of the ascent; the final enclosure is always float64.
        deadline: of ``time.perf_counter``; no step is begun after it.
    """

    steps: int = 40
    rate: float = 0.08
    curved: bool = True
    shared: bool = True
    block: int = 4
    resumed: float = 0.4
    policy: SlopePolicy = field(default_factory=LeastWidth)
    dtype: torch.dtype = torch.float32
    deadline: float = math.inf

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline

    def start(self, recording: Recording, rows: Rows) -> Parameters:
        """Policy slopes and no curvature."""
        batch, count = rows.offset.shape
        slopes, curvature = {}, {}
        for position in rows.nonlinear(recording):
            arity, _, size = recording.nodes[position].shape
            chosen, _ = recording.policy_slopes(self.policy, position)
            slopes[position] = chosen[:, :, None].expand(-1, -1, count, -1)
            curvature[position] = slopes[position].new_zeros(arity * (arity + 1) // 2, batch, count, size)
        return Parameters(slopes, curvature)

    def __call__(
        self, recording: Recording, rows: Rows, memory: Memory | None = None, key: tuple[object, ...] = ()
    ) -> tuple[Parameters, Joint | None]:
        """Parameters for :func:`~certrnn.analyses.rows.enclosed_rows`, in float64.

        With a ``memory`` the ascent starts where the last one under ``key`` ended, and is shorter then.
        """
        start = self.start(recording, rows)
        with torch.enable_grad():
            climb = _Climb(self, recording, rows.to(self.dtype), start)
            known = memory is not None and climb.resume(memory.recall(key))
            steps = self.steps if not known else max(1, round(self.steps * self.resumed))
            for step in range(steps):
                if self.late:
                    break
                climb.step(step / steps)
        if memory is not None:
            memory.keep(key, climb.state())
        return climb.result()


def _units(record: NodeRecord, amplitude: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Natural sizes of slopes (arity, B, n) and curvatures (q, B, n): those that change an offset by the width of the
    neuron's enclosure, its ``amplitude`` (B, n), across its box. Slopes beyond 1 and curvatures beyond ``x^2`` bend
    more than any gate does; where an argument hardly moves, the widths are rounding."""
    arity, batch, size = record.shape
    half = to_tensor(
        (0.5 * (record.region.upper - record.region.lower)).reshape(arity, batch, size), record.center
    )
    reach = half.clamp_min(2.0**-900)
    slope = (amplitude / reach).clamp_max(1.0)
    # a deviation that is all slack, of an argument that hardly moves, can carry no deficit
    moves = torch.stack([(d.slack < 1e-3).to(amplitude) for d in record.deviations])
    if arity == 2:  # measured: larger steps gain nothing on gates with two arguments
        return slope, amplitude * torch.stack([moves[0], moves[0] * moves[1], moves[1]])
    across = (1.0 / (record.scale * reach)).clamp_max(1e6)
    return slope, moves * torch.minimum(amplitude * across**2, record.scale**-2)


class _Climb:
    """The state of one ascent."""

    def __init__(self, options: Ascent, recording: Recording, rows: Rows, start: Parameters) -> None:
        self.options, self.recording, self.rows, self.base = options, recording, rows, start
        self.positions = list(start.slopes)
        nodes = recording.nodes
        dtype = options.dtype
        self.samples = {p: Samples.of(nodes[p], dtype) for p in self.positions}
        units = {p: _units(nodes[p], recording.policy_slopes(options.policy, p)[1]) for p in self.positions}
        self.slope_unit = {p: slope[:, :, None].to(dtype) for p, (slope, _) in units.items()}
        self.curve_unit = {p: curve[:, :, None].to(dtype) for p, (_, curve) in units.items()}
        self.start = {p: start.slopes[p].to(dtype) for p in self.positions}
        self.moves = {p: torch.zeros_like(self.start[p], requires_grad=True) for p in self.positions}
        self.curves = {
            p: start.curvature[p].to(dtype).clone().requires_grad_(options.curved) for p in self.positions
        }
        self.multipliers = self._no_multipliers()
        groups = [*self.moves.values(), *([] if self.multipliers is None else [self.multipliers])]
        if options.curved:
            self._open_joint()
            groups += [*self.curves.values(), self.log_weights, self.log_ridge, self.point]
        self.optimiser = Adam(groups)

    def _open_joint(self) -> None:
        options, dtype = self.options, self.options.dtype
        self.deviations = Deviations.of(self.recording, self.positions, dtype)
        with torch.no_grad():
            _, linear, _ = self._linear(self._parameters())
            size = self.deviations.matrix.abs()
            # d_i = sum_k |a_ki| ||a_k||_1 makes the joint term no worse than the neurons' own worst corners
            weights = (size * size.sum(2, keepdim=True)).sum(1)[:, None] + 1e-6
            if not options.shared:
                weights = weights.expand(-1, linear.shape[1], -1)
            self.log_weights = weights.log().clone().requires_grad_()
            self.log_ridge = (0.5 * linear.abs() + 1e-4).log().requires_grad_()
            self.point = (-0.9 * linear.sign()).requires_grad_()
            generator = torch.Generator().manual_seed(0)
            shape = (*linear.shape[:2], min(options.block, linear.shape[2]), linear.shape[2])
            self.noise = torch.randn(shape, generator=generator, dtype=dtype).to(linear.device)
            self.block = _orthonormal(self.noise)

    def _parameters(self) -> Parameters:
        slopes = {p: self.start[p] + self.moves[p] * self.slope_unit[p] for p in self.positions}
        curvature = {p: self.curves[p] * self.curve_unit[p] for p in self.positions}
        taken = None
        if self.multipliers is not None and self.multiplier_unit is not None:
            taken = self.multipliers * self.multiplier_unit
        return Parameters(slopes, curvature, taken)

    def _no_multipliers(self) -> torch.Tensor | None:
        """Zeros (B, R, C) for the strips, in units of a strip's share in the rows' coefficients."""
        strips = self.recording.strips
        if strips is None:
            return None
        matrix = strips.matrix.to(self.options.dtype)
        with torch.no_grad():
            self.multipliers = self.multiplier_unit = None
            _, linear, _ = self._linear(self._parameters())
            share = linear.abs() @ matrix.abs().transpose(1, 2)
            self.multiplier_unit = share / (matrix * matrix).sum(2).clamp_min(1e-30)[:, None]
        return torch.zeros_like(self.multiplier_unit).requires_grad_()

    def _linear(self, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor, dict[int, torch.Tensor]]:
        planes = sampled(self.recording, parameters, self.samples)
        result = substitute(self.recording, self.rows.coefficients, planes, exact=False)
        part = linear_part(self.recording, result)
        constant, linear, _ = with_strips(self.recording.strips, parameters.multipliers, part)
        form = {p: parameters.curvature[p] * result.weights[p] for p in self.positions}
        return constant + self.rows.offset, linear, form

    def bound(self) -> torch.Tensor:
        """(B, R) sampled bounds."""
        constant, linear, form = self._linear(self._parameters())
        if not self.options.curved:
            return constant - linear.abs().sum(2)
        weights = self.log_weights.exp()
        diagonal = self._eigenvalue(form, weights)[..., None] * weights + self.log_ridge.exp()
        tilt = diagonal * self.point - self.deviations.apply(self.point, form)
        return constant - (linear + 2.0 * tilt).abs().sum(2) - diagonal.sum(2) - (self.point * tilt).sum(2)

    def _eigenvalue(self, form: dict[int, torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """Largest Ritz value on a subspace that is kept from step to step; differentiable in form and weights.

        Minimising the largest eigenvalue makes the top ones meet, where a single power iterate would stall: hence a
        block. It takes one power iteration a step.
        """
        with torch.no_grad():
            root = weights.rsqrt()[..., None, :]
            scaled = root * self.block
            moved = self._spread(scaled) @ self.deviations.matrix.transpose(1, 2)
            weighed = self.deviations.weigh(moved, self._repeated(form))
            image = root * (weighed @ self.deviations.matrix).reshape(self.block.shape)
            # rows that failed carry nan: they must not stop the others
            ritz = torch.nan_to_num(self.block @ image.transpose(-1, -2))
            vectors = torch.linalg.eigh(0.5 * (ritz + ritz.transpose(-1, -2)))[1]
            top = vectors[..., -1:].transpose(-1, -2)
            direction = (top @ scaled).squeeze(-2)
            moved = (top @ moved.reshape(*self.block.shape[:3], -1)).squeeze(-2)
            # the fresh noise keeps the subspace alive while the form is still zero
            self.block = _orthonormal(torch.nan_to_num(image) + 1e-12 * self.noise)
        quotient = (moved * self.deviations.weigh(moved, form)).sum(2) / (direction**2 * weights).sum(2)
        return quotient.clamp_min(0.0)

    def _spread(self, block: torch.Tensor) -> torch.Tensor:
        """(B, R, k, m) as (B, R * k, m)."""
        return block.reshape(block.shape[0], -1, block.shape[3])

    def _repeated(self, form: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """The form of each row once for each vector of its block."""
        count = self.block.shape[2]
        return {p: s[:, :, :, None].expand(-1, -1, -1, count, -1).flatten(2, 3) for p, s in form.items()}

    def _leaves(self) -> dict[str, torch.Tensor]:
        leaves = {f"slope {k}": self.moves[p] for k, p in enumerate(self.positions)}
        if self.options.curved:
            leaves |= {f"curve {k}": self.curves[p] for k, p in enumerate(self.positions)}
            leaves |= {"weights": self.log_weights, "ridge": self.log_ridge, "point": self.point}
        if self.multipliers is not None:
            leaves["multipliers"] = self.multipliers
        return leaves

    def state(self) -> State:
        """Where the ascent stands, in units that hardly change with the size of the region."""
        return {**self._leaves(), **({"block": self.block} if self.options.curved else {})}

    def resume(self, state: State | None) -> bool:
        """Start from ``state``; False where there is none or it belongs to rows of another shape."""
        if state is None or any(state[n].shape != v.shape for n, v in self.state().items() if n in state):
            return False
        if state.keys() != self.state().keys():
            return False
        with torch.no_grad():
            for name, leaf in self._leaves().items():
                leaf.copy_(_finite(state[name], leaf).to(leaf))
            if self.options.curved:
                self.block = state["block"].to(self.block)
        return True

    def step(self, progress: float) -> None:
        """One gradient step, then back into the positive semidefinite curvatures; ``progress`` from 0 to 1 lowers the
        rate."""
        options = self.options
        share = 0.5 * (1.0 + math.cos(math.pi * progress))
        self.optimiser.step(-self.bound().sum(), options.rate * (0.05 + 0.95 * share))
        if not options.curved:
            return
        with torch.no_grad():
            self.point.clamp_(-1.0, 1.0)
            for curve in self.curves.values():
                curve[0].clamp_min_(0.0)
                if len(curve) == 3:
                    curve[2].clamp_min_(0.0)
                    limit = (curve[0] * curve[2]).sqrt()
                    curve[1].copy_(torch.maximum(torch.minimum(curve[1], limit), -limit))

    def result(self) -> tuple[Parameters, Joint | None]:
        with torch.no_grad():
            parameters = self._parameters()
            taken = parameters.multipliers
            chosen = Parameters(
                {p: _finite(v, self.base.slopes[p]) for p, v in parameters.slopes.items()},
                {p: _finite(v, torch.zeros_like(v)) for p, v in parameters.curvature.items()},
                None if taken is None else _finite(taken, torch.zeros_like(taken)),
            )
            if not self.options.curved:
                return chosen, None
            weights = _finite(self.log_weights.exp(), torch.ones_like(self.log_weights)).clamp_min(2.0**-100)
            ridge = _finite(self.log_ridge.exp(), torch.zeros_like(self.log_ridge))
            return chosen, Joint(weights, ridge, _finite(self.point, torch.zeros_like(self.point)))


def joined(states: Sequence[State]) -> State:
    """States of single samples as the state of their batch."""
    return {name: torch.cat([s[name] for s in states], dim=_batch_axis(name)) for name in states[0]}


def split(state: State, count: int) -> list[State]:
    """The state of a batch of ``count`` samples as states of single ones."""
    parts = {name: value.split(1, dim=_batch_axis(name)) for name, value in state.items()}
    return [{name: part[k] for name, part in parts.items()} for k in range(count)]


def _batch_axis(name: str) -> int:
    """Slopes and curvatures are (arity, B, R, n) and (q, B, R, n); everything else begins with B."""
    return 1 if name.startswith(("slope", "curve")) else 0


def _orthonormal(block: torch.Tensor) -> torch.Tensor:
    """Rows (.., k, m) that span the same space, orthonormal up to what the number type resolves."""
    scaled = block / block.norm(dim=-1, keepdim=True).clamp_min(1e-30)
    values, vectors = torch.linalg.eigh(scaled @ scaled.transpose(-1, -2))
    return (vectors.transpose(-1, -2) @ scaled) * values.clamp_min(1e-6).rsqrt()[..., None]


def _finite(value: torch.Tensor, otherwise: torch.Tensor) -> torch.Tensor:
    """In float64, with what left the floating-point range (rows that failed) replaced."""
    return torch.where(value.isfinite(), value, otherwise.to(value)).double()
