"""What a differentiable domain must say: how each operation of a recurrent network acts on its values.

The domains of :mod:`certrnn.domains` carry no gradients: they round outward in compiled kernels. These are their
counterparts for training, by the same names, on torch tensors that keep gradients, in the number type of the
network, without outward rounding. Training proves nothing; ``certify`` does, on the file that is exported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Box:
    """Input sequences between ``lower`` and ``upper``, each (B, frames, features)."""

    lower: Tensor
    upper: Tensor


@dataclass(frozen=True, eq=False)
class Gates:
    """Weights of one direction of one recurrent layer, as torch stacks them.

    Shapes: ``input`` (K*H, D), ``recurrent`` (K*H, H), biases (K*H,) or None.
    """

    input: Tensor
    recurrent: Tensor
    input_bias: Tensor | None
    recurrent_bias: Tensor | None

    @property
    def hidden(self) -> int:
        return self.recurrent.shape[1]


class Propagation(ABC, Generic[V]):
    """One run of a domain over a batch of boxes; values (B, n) are immutable."""

    @abstractmethod
    def frames(self, box: Box) -> list[V]:
        """The frames of the input, each on its own."""

    @abstractmethod
    def zeros(self, like: V, size: int) -> V:
        """The zero vector, for as many samples as ``like`` has."""

    @abstractmethod
    def affine(self, value: V, weight: Tensor, bias: Tensor | None) -> V:
        """``weight @ value + bias``; weight (m, n), bias (m,)."""

    @abstractmethod
    def scale(self, value: V, factor: Tensor) -> V:
        """``factor * value``; factor (B, n)."""

    @abstractmethod
    def add(self, left: V, right: V) -> V: ...

    @abstractmethod
    def split(self, value: V, parts: int) -> list[V]:
        """The value in so many parts of equal size."""

    @abstractmethod
    def join(self, values: Sequence[V]) -> V: ...

    @abstractmethod
    def apply(self, name: str, values: Sequence[V]) -> V:
        """A scalar function element by element: ``tanh``, ``sigmoid``, ``relu``, ``negative``, ``sigmoid_tanh``
        (``sigmoid(x) tanh(y)``) or ``mul_sigmoid`` (``x sigmoid(y)``)."""

    @abstractmethod
    def bounds(self, value: V) -> tuple[Tensor, Tensor]:
        """(lower, upper), each (B, n)."""

    @abstractmethod
    def lower(self, value: V, rows: Tensor, offset: Tensor) -> Tensor:
        """Lower bounds (B, K) of ``rows @ value + offset``; rows (B, K, n), offset (B, K)."""

    def project(self, frames: Sequence[V], weight: Tensor, bias: Tensor | None) -> list[V]:
        """The same affine map of every frame."""
        return [self.affine(frame, weight, bias) for frame in frames]

    def settle(self, state: tuple[V, ...]) -> tuple[V, ...]:
        """Told after each step of a cell; may simplify what is handed on."""
        return state

    def elman(self, frames: Sequence[V], gates: Gates, function: str) -> list[V]:
        """All states of a vanilla RNN, in the order of the frames given."""
        states: list[V] = []
        state = self.zeros(frames[0], gates.hidden)
        for projected in self.project(frames, gates.input, gates.input_bias):
            recurrent = self.affine(state, gates.recurrent, gates.recurrent_bias)
            (state,) = self.settle((self.apply(function, [self.add(projected, recurrent)]),))
            states.append(state)
        return states


class Domain(ABC):
    """What a value is. Options are fields; :meth:`start` opens one propagation."""

    name: str

    @abstractmethod
    def start(self) -> Propagation[Any]: ...


def midpoint(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Middle and radius of an interval."""
    return 0.5 * (lower + upper), 0.5 * (upper - lower)


def rows_of_box(lower: Tensor, upper: Tensor, rows: Tensor, offset: Tensor) -> Tensor:
    """The least values (B, K) of ``rows @ x + offset`` over ``lower <= x <= upper``."""
    middle, radius = midpoint(lower, upper)
    return torch.einsum("bkn,bn->bk", rows, middle) - torch.einsum("bkn,bn->bk", rows.abs(), radius) + offset
