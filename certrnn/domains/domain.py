"""What a domain must say: how each of the six node kinds acts on its values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import torch

import transformers_abs as ta
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from certrnn.regions import Region

V = TypeVar("V")
Linear = Input | Constant | Affine | Sum | Gather


class Propagation(ABC, Generic[V]):
    """One run of a domain over a batch of regions. Values are immutable."""

    def begin(self, graph: Graph) -> None:
        """Told before the first node what graph is coming; domains that plan ahead look at it."""

    @abstractmethod
    def input(self, node: Input) -> V: ...

    @abstractmethod
    def constant(self, node: Constant) -> V: ...

    @abstractmethod
    def affine(self, node: Affine, value: V) -> V: ...

    @abstractmethod
    def sum(self, node: Sum, values: list[V]) -> V: ...

    @abstractmethod
    def gather(self, node: Gather, values: list[V]) -> V: ...

    @abstractmethod
    def arguments(self, node: Elementwise, values: list[V]) -> ta.Region | None:
        """The region that the arguments of an elementwise node lie in, (arity, B * size); None for points."""

    @abstractmethod
    def elementwise(self, node: Elementwise, values: list[V], region: ta.Region | None) -> V: ...

    @abstractmethod
    def bounds(self, value: V) -> tuple[torch.Tensor, torch.Tensor]:
        """Sound (lower, upper) of every element, each (B, size)."""

    @abstractmethod
    def lower(self, value: V, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Sound lower bounds (B, K) of ``rows @ value + offset``; rows (B, K, size), offset (B, K). nan or -inf where
        the run failed: never a bound that passes ``> 0``."""

    def linear_step(self, node: Linear, values: list[V]) -> V:
        """The value of a node without a nonlinearity."""
        match node:
            case Input():
                return self.input(node)
            case Constant():
                return self.constant(node)
            case Affine():
                return self.affine(node, values[0])
            case Sum():
                return self.sum(node, values)
            case Gather():
                return self.gather(node, values)


class Fast(Protocol):
    """A propagation that answers for the output alone."""

    def lower(self, region: Region, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """As :meth:`Propagation.lower` of the output's value."""
        ...


class Domain(ABC, Generic[V]):
    """What a value is. Options are fields; :meth:`start` opens one propagation."""

    name: str

    @abstractmethod
    def start(self, region: Region) -> Propagation[V]:
        """Begin a propagation over a batch of regions."""

    def compiled(self, graph: Graph, region: Region) -> Fast | None:
        """A faster way to the same lower bounds, where there is one."""
        return None

    @abstractmethod
    def bytes_per_row(self, graph: Graph, frames: tuple[int, ...]) -> int:
        """Peak memory of one row of the batch, estimated from above."""
