"""Vector code for loops whose numbers should stay in registers, which the compiler does not find by itself.

An :class:`Emitter` writes LLVM instructions on vectors of doubles at plain addresses. Addresses are int64; strides
count doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

DOUBLE, INT = ir.DoubleType(), ir.IntType(64)


def lanes() -> int:
    """Doubles in a vector register that this processor works on at full speed."""
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # not every platform tells
        return 2
    return 8 if features.get("avx512f") else 4 if features.get("avx") else 2


class Emitter:
    """Writes vector instructions at the place where ``builder`` stands."""

    def __init__(self, builder: Any) -> None:
        self.builder, self.lanes = builder, lanes()
        self.vector = ir.VectorType(DOUBLE, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def place(self, address: Any, offset: Any) -> Any:
        """The address ``offset`` doubles after ``address``."""
        return self.builder.add(address, self.builder.mul(offset, INT(8)))

    def after(self, address: Any, vectors: int) -> Any:
        """The address ``vectors`` vectors after ``address``."""
        return self.builder.add(address, INT(8 * self.lanes * vectors))

    def load(self, address: Any) -> Any:
        pointer = self.builder.inttoptr(address, self.vector.as_pointer())
        found = self.builder.load(pointer, typ=self.vector)
        found.align = 8
        return found

    def store(self, value: Any, address: Any) -> None:
        self.builder.store(value, self.builder.inttoptr(address, self.vector.as_pointer())).align = 8

    def broadcast(self, address: Any) -> Any:
        """One double in all lanes."""
        number = self.builder.load(self.builder.inttoptr(address, DOUBLE.as_pointer()), typ=DOUBLE)
        none = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(none, number, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, none, everywhere)

    def _call(self, name: str, *arguments: Any) -> Any:
        module, full = self.builder.module, f"llvm.{name}.v{self.lanes}f64"
        signature = ir.FunctionType(self.vector, [self.vector] * len(arguments))
        found = module.globals.get(full)
        return self.builder.call(found or ir.Function(module, signature, full), arguments)

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """``a b + c`` with one rounding."""
        return self._call("fma", a, b, c)

    def absolute(self, a: Any) -> Any:
        return self._call("fabs", a)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b)

    @contextmanager
    def loop(self, count: Any, start: Sequence[Any]) -> Iterator[tuple[Any, list[Any], list[Any]]]:
        """``count`` >= 1 rounds: yields the round's number, the values carried in, and a list to put those for the
        next round into. After the block that list is what the last round left."""
        builder, before = self.builder, self.builder.block
        body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
        builder.branch(body)
        builder.position_at_end(body)
        number = builder.phi(INT)
        number.add_incoming(INT(0), before)
        carried = [builder.phi(value.type) for value in start]
        results: list[Any] = []
        yield number, carried, results
        following = builder.add(number, INT(1))
        number.add_incoming(following, builder.block)
        for phi, first, value in zip(carried, start, results, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, count), body, after)
        builder.position_at_end(after)


def emitted(write: Callable[..., None]) -> Any:
    """A compiled function of integers: ``write(emitter, *integers)`` emits its body."""

    @intrinsic
    def function(typing: Any, *arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            write(Emitter(builder), *(builder.extract_value(given[0], k) for k in range(len(arguments))))
            return context.get_dummy_value()

        return types.void(types.StarArgTuple(arguments)), emit

    return function
