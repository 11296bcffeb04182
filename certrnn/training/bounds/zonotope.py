"""Zonotopes: a center and generators that values share (Cert-RNN, section IV), for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor

from certrnn.training.bounds.blocks import Block
from certrnn.training.bounds.domain import Box, Domain, Propagation, midpoint
from certrnn.training.bounds.planes import relaxed


@dataclass(frozen=True, eq=False)
class Zonotope:
    """``center + sum_i generators_i e_i`` with ``-1 <= e_i <= 1``.

    ``blocks`` maps the number of a group of symbols to its generators; values with the same number share the symbols.
    """

    center: Tensor
    blocks: Mapping[int, Block]

    def radius(self) -> Tensor:
        """Half the width of every element, (B, n)."""
        sizes = [block.size() for block in self.blocks.values()]
        return sum(sizes[1:], sizes[0]) if sizes else torch.zeros_like(self.center)


@dataclass
class ZonotopeRun(Propagation[Zonotope]):
    """One propagation; ``memory`` as in :class:`Zonotopes`."""

    memory: int | None
    _fresh: count[int] = field(default_factory=count)
    _first: dict[int, int] = field(default_factory=dict)
    _steps: int = 0
    _magnitudes: dict[Tensor, Tensor] = field(default_factory=dict)

    def frames(self, box: Box) -> list[Zonotope]:
        middle, radius = midpoint(box.lower, box.upper)
        ends = zip(middle.unbind(1), radius.unbind(1), strict=True)
        return [Zonotope(m, {next(self._fresh): Block(None, r)}) for m, r in ends]

    def zeros(self, like: Zonotope, size: int) -> Zonotope:
        return Zonotope(like.center.new_zeros(len(like.center), size), {})

    def affine(self, value: Zonotope, weight: Tensor, bias: Tensor | None) -> Zonotope:
        center = torch.nn.functional.linear(value.center, weight, bias)
        return Zonotope(center, self._mapped(value, weight))

    def _mapped(self, value: Zonotope, weight: Tensor) -> dict[int, Block]:
        if weight not in self._magnitudes:
            self._magnitudes[weight] = weight.abs()
        size = self._magnitudes[weight]
        return {key: block.mapped(weight, size) for key, block in value.blocks.items()}

    def project(self, frames: Sequence[Zonotope], weight: Tensor, bias: Tensor | None) -> list[Zonotope]:
        """The centers of all frames in one product."""
        stacked = torch.stack([frame.center for frame in frames])
        centers = torch.nn.functional.linear(stacked, weight, bias).unbind()
        return [
            Zonotope(center, self._mapped(frame, weight))
            for center, frame in zip(centers, frames, strict=True)
        ]

    def scale(self, value: Zonotope, factor: Tensor) -> Zonotope:
        return Zonotope(value.center * factor, {k: b.scaled(factor) for k, b in value.blocks.items()})

    def add(self, left: Zonotope, right: Zonotope) -> Zonotope:
        blocks = dict(left.blocks)
        for key, block in right.blocks.items():
            blocks[key] = blocks[key].plus(block) if key in blocks else block
        return Zonotope(left.center + right.center, blocks)

    def split(self, value: Zonotope, parts: int) -> list[Zonotope]:
        pieces = {key: block.split(parts) for key, block in value.blocks.items()}
        return [
            Zonotope(center, {key: piece[place] for key, piece in pieces.items()})
            for place, center in enumerate(value.center.chunk(parts, -1))
        ]

    def join(self, values: Sequence[Zonotope]) -> Zonotope:
        sizes = [v.center.shape[-1] for v in values]
        blocks: dict[int, Block] = {}
        for place, value in enumerate(values):
            before, after = sum(sizes[:place]), sum(sizes[place + 1 :])
            for key, block in value.blocks.items():
                padded = block.padded(before, after)
                blocks[key] = blocks[key].plus(padded) if key in blocks else padded
        return Zonotope(torch.cat([v.center for v in values], -1), blocks)

    def apply(self, name: str, values: Sequence[Zonotope]) -> Zonotope:
        if name == "negative":
            return self.scale(values[0], -torch.ones_like(values[0].center))
        fitted = relaxed(name, [self.bounds(value) for value in values])
        parts = [self.scale(v, slope) for v, slope in zip(values, fitted.slopes, strict=True)]
        total = parts[0] if len(parts) == 1 else self.add(*parts)
        blocks = {**total.blocks, next(self._fresh): Block(None, fitted.radius)}
        return Zonotope(total.center + fitted.center, blocks)

    def bounds(self, value: Zonotope) -> tuple[Tensor, Tensor]:
        radius = value.radius()
        return value.center - radius, value.center + radius

    def lower(self, value: Zonotope, rows: Tensor, offset: Tensor) -> Tensor:
        result = torch.einsum("bkn,bn->bk", rows, value.center) + offset
        for block in value.blocks.values():
            result = result - (rows @ block.dense().transpose(1, 2)).abs().sum(-1)
        return result

    def settle(self, state: tuple[Zonotope, ...]) -> tuple[Zonotope, ...]:
        if self.memory is None:
            return state
        self._steps += 1
        for key in (key for value in state for key in value.blocks):
            self._first.setdefault(key, self._steps)
        return tuple(self._folded(value, self._steps - self.memory) for value in state)

    def _folded(self, value: Zonotope, last: int) -> Zonotope:
        """With one symbol for each element in place of all symbols that came in by that step."""
        old = [block for key, block in value.blocks.items() if self._first[key] <= last]
        if not old:
            return value
        blocks = {key: block for key, block in value.blocks.items() if self._first[key] > last}
        fresh = next(self._fresh)
        self._first[fresh] = last + 1
        blocks[fresh] = Block(None, sum((block.size() for block in old[1:]), old[0].size()))
        return Zonotope(value.center, blocks)


@dataclass(frozen=True)
class Zonotopes(Domain):
    """Zonotopes with secant and corner-fit slopes.

    Args:
        memory: steps of a cell whose symbols are kept; older ones are read as an interval, one symbol an element. None
            keeps all, at a cost that grows with the square of the frames. Any number gives an enclosure.
    """

    memory: int | None = 1
    name: str = "zonotope"

    def start(self) -> ZonotopeRun:
        return ZonotopeRun(self.memory)
