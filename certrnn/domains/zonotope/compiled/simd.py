"""Vector code for loops whose numbers should stay in registers, which the compiler does not find by itself.

An :class:`Emitter` writes LLVM instructions on vectors of doubles, and of floats that are read and stored in their
place, at plain addresses. Addresses are int64; strides count numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

DOUBLE, SINGLE, INT = ir.DoubleType(), ir.FloatType(), ir.IntType(64)
_BYTES = {DOUBLE: 8, SINGLE: 4}


def lanes() -> int:
    """Doubles in a vector register that this processor works on at full speed, as far as numba is told to use it."""
    # by NUMBA_CPU_FEATURES or NUMBA_CPU_NAME, set when numba loads; None where nothing is asked
    wanted: str | None = vars(config)["CPU_FEATURES"]
    features = (get_host_cpu_features() if wanted is None else wanted).split(",")
    return 8 if "+avx512f" in features else 4 if "+avx" in features else 2


class Emitter:
    """Writes vector instructions at the place where ``builder`` stands: on ``lanes`` doubles, or on as many floats as
    fill the same register."""

    def __init__(self, builder: Any) -> None:
        self.builder, self.lanes = builder, lanes()
        self.vector = ir.VectorType(DOUBLE, self.lanes)
        self.single_vector = ir.VectorType(SINGLE, 2 * self.lanes)
        self.zero, self.zero_single = (
            ir.Constant(v, [0.0] * v.count) for v in (self.vector, self.single_vector)
        )

    def place(self, address: Any, offset: Any, kind: ir.Type = DOUBLE) -> Any:
        """The address ``offset`` numbers after ``address``."""
        return self.builder.add(address, self.builder.mul(offset, INT(_BYTES[kind])))

    def after(self, address: Any, count: int, kind: ir.Type = DOUBLE) -> Any:
        """The address ``count`` times ``lanes`` numbers after ``address``."""
        return self.builder.add(address, INT(_BYTES[kind] * self.lanes * count))

    def _read(self, address: Any, kind: ir.Type, bytes_: int) -> Any:
        load = self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), typ=kind)
        load.align = bytes_
        return load

    def load(self, address: Any) -> Any:
        return self._read(address, self.vector, 8)

    def load_single(self, address: Any) -> Any:
        """A whole register in single precision."""
        return self._read(address, self.single_vector, 4)

    def load_widened(self, address: Any) -> Any:
        """``lanes`` numbers in single precision, as doubles."""
        return self.builder.fpext(self._read(address, ir.VectorType(SINGLE, self.lanes), 4), self.vector)

    def store(self, value: Any, address: Any) -> None:
        align = 8 if value.type == self.vector else 4
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer())).align = align

    def store_rounded(self, value: Any, address: Any) -> Any:
        """Doubles in single precision; returns what was stored, as doubles again."""
        narrow = self.builder.fptrunc(value, ir.VectorType(SINGLE, self.lanes))
        self.store(narrow, address)
        return self.builder.fpext(narrow, self.vector)

    def halves(self, value: Any) -> list[Any]:
        """The lower and the upper half of a register in single precision, as doubles."""
        none = ir.Constant(value.type, ir.Undefined)
        order = ir.VectorType(ir.IntType(32), self.lanes)
        starts = (0, self.lanes)
        chosen = [ir.Constant(order, list(range(s, s + self.lanes))) for s in starts]
        return [self.builder.fpext(self.builder.shuffle_vector(value, none, c), self.vector) for c in chosen]

    def broadcast(self, address: Any, vector: ir.VectorType | None = None) -> Any:
        """One number in all lanes, by default a double."""
        vector = vector or self.vector
        number = self._read(address, vector.element, _BYTES[vector.element])
        none = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(none, number, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(first, none, everywhere)

    def _call(self, name: str, *arguments: Any) -> Any:
        kind, module = arguments[0].type, self.builder.module
        full = f"llvm.{name}.v{kind.count}f{8 * _BYTES[kind.element]}"
        signature = ir.FunctionType(kind, [kind] * len(arguments))
        declared = module.globals.get(full)
        return self.builder.call(declared or ir.Function(module, signature, full), arguments)

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """``a b + c`` with one rounding."""
        return self._call("fma", a, b, c)

    def absolute(self, a: Any) -> Any:
        return self._call("fabs", a)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b)

    def when(
        self, relation: str, number: Any, write: Callable[[], list[Any]], otherwise: list[Any]
    ) -> list[Any]:
        """What ``write`` computes where the number is in this relation ("==", "!=") to zero, or else ``otherwise``."""
        builder = self.builder
        before, body = builder.block, builder.append_basic_block("when")
        after = builder.append_basic_block("joined")
        builder.cbranch(builder.icmp_signed(relation, number, INT(0)), body, after)
        builder.position_at_end(body)
        results, end = write(), builder.block
        builder.branch(after)
        builder.position_at_end(after)
        joined = [builder.phi(value.type) for value in results]
        for phi, value, other in zip(joined, results, otherwise, strict=True):
            phi.add_incoming(other, before)
            phi.add_incoming(value, end)
        return joined

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
    """A compiled function of integers and of tuples of them: ``write(emitter, *arguments)`` emits its body."""

    @intrinsic
    def function(typing: Any, *arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            write(Emitter(builder), *_parts(builder, types.Tuple(arguments), operands[0]))
            return context.get_dummy_value()

        return types.void(types.StarArgTuple(arguments)), emit

    return function


def _parts(builder: Any, kind: Any, value: Any) -> Any:
    """The integers of a tuple, and of those in it, as lists."""
    fields = getattr(kind, "types", None)
    if fields is None:
        return value
    return [_parts(builder, own, builder.extract_value(value, k)) for k, own in enumerate(fields)]
