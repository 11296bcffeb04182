"""A program: instructions one after the other, and where the buffers that they name lie."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.records import Buffer, Place, Record, numbers
from certrnn.domains.zonotope.compiled.terms import Block


@dataclass(eq=False)
class Program:
    """Instructions, and sizes of the blocks of symbols; ``scratch`` are vectors for the machine's own use."""

    scratch: at.Planes
    sizes: list[int] = field(default_factory=list)
    instructions: list[Record] = field(default_factory=list)

    def block(self, size: int) -> Block:
        """A new block of symbols."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def emit(self, instruction: Record) -> None:
        self.instructions.append(instruction)

    def vector(self, number: int) -> int:
        """A vector of the scratch."""
        return self.scratch.base + number * self.scratch.step

    @property
    def idle(self) -> int:
        """A vector that nothing reads."""
        return self.vector(at.IDLE)

    def encoded(self) -> np.ndarray:
        """(N, OPERANDS), once the buffers are placed."""
        return np.array([at.row(i) for i in self.instructions], dtype=np.int64)

    def place_buffers(self) -> int:
        """Lay out the buffers so that those in use at the same time do not overlap; returns the numbers needed."""
        last: dict[int, int] = {}
        buffers: dict[int, Buffer] = {}
        first: dict[int, int] = {}
        for number, instruction in enumerate(self.instructions):
            for operand in numbers(instruction):
                if isinstance(operand, Place):
                    key = id(operand.buffer)
                    last[key], buffers[key] = number, operand.buffer
                    first.setdefault(key, number)
        peak, live = 0, list[Buffer]()
        for key in sorted(buffers, key=first.__getitem__):
            live = [b for b in live if last[id(b)] >= first[key]]
            buffer = buffers[key]
            length, start = buffer.rows * buffer.stride, 0
            for other in sorted(live, key=lambda b: b.start):
                if other.start - start >= length:
                    break
                start = max(start, other.start + other.rows * other.stride)
            buffer.start = start
            live.append(buffer)
            peak = max(peak, start + length)
        return peak
