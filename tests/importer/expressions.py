"""Random constant expressions of every element type, and what the standard says that they are.

The reference works on object arrays of fractions (floats), ints and bools; it shares no code with the product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.importer.exact_types import (
    BITS,
    DIGITS,
    FLOATS,
    SMALL,
    Beyond,
    T,
    cast,
    each,
    exactly,
    holds,
    objects,
    wrapped,
)

OPSET = 21


@dataclass
class Expression:
    """Nodes over stored numbers; ``truth`` holds what the standard says of every tensor, ``kinds`` its type."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def model(self) -> onnx.ModelProto:
        outputs = [onnx.ValueInfoProto(name=n) for node in self.nodes for n in node.output]
        graph = helper.make_graph(self.nodes, "expression", [], outputs, self.stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)

    # ---- building

    def store(self, array: np.ndarray, kind: int) -> str:
        """A stored tensor; the array holds numbers of the type."""
        name = f"c{len(self.stored)}"
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        self.stored.append(numpy_helper.from_array(np.asarray(array).astype(dtype), name))
        flat = [exactly(v, kind) for v in np.asarray(array).astype(dtype).reshape(-1)]
        self.truth[name] = objects(flat, np.shape(array))
        self.kinds[name] = kind
        return name

    def add(self, op: str, inputs: list[str], truth: np.ndarray, kind: int, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{op}_{name}", **attributes))
        self.truth[name], self.kinds[name] = truth, kind
        return name

    def of(self, test: Callable[[int], bool]) -> list[str]:
        return [n for n, k in self.kinds.items() if test(k)]


# ---- random expressions

Step = Callable[[Expression, np.random.Generator], None]
"""Adds a node to an expression, or raises Beyond."""


def draw(rng: np.random.Generator, steps: Sequence[Step] = (), length: int = 8) -> Expression:
    """A random expression of up to ``length`` nodes made by ``steps``, by default all."""
    e, steps = Expression(), steps or STEPS
    for kind in rng.choice([*FLOATS, T.FLOAT, T.INT32, T.INT64, int(rng.choice(list(BITS)))], 5):
        e.store(_numbers(rng, int(kind)), int(kind))
    for _ in range(10 * length):
        if len(e.nodes) == length:
            break
        try:
            steps[int(rng.integers(len(steps)))](e, rng)
        except Beyond:
            continue
    return e


SHAPES = ((2, 3), (3,), (), (1, 3), (2, 1))


def _numbers(rng: np.random.Generator, kind: int) -> np.ndarray:
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    if kind in BITS:
        bits = BITS[kind]
        high = min(2 ** (abs(bits) - (bits > 0)), 2**62) if rng.random() < 0.2 else 12
        return np.asarray(rng.integers(0 if bits < 0 else -high, high, shape))
    style = rng.random()
    if style < 0.3:
        return np.asarray(rng.integers(-8, 9, shape) / 4.0)
    if style < 0.5:
        return np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-6, 4))
    if style < 0.6 and kind == T.DOUBLE:  # a hair beside the middle of two short numbers
        middle = (2.0 * rng.integers(1024, 2048, shape) + 1.0) * 2.0 ** rng.integers(-20, -5)
        return np.asarray(middle * (1.0 + 2.0**-40 * rng.integers(-1, 2, shape)))
    return np.asarray(rng.normal(size=shape))


def _pick(rng: np.random.Generator, names: list[str]) -> str:
    if not names:
        raise Beyond
    return (
        names[-1 - int(min(rng.geometric(0.3) - 1, len(names) - 1))]
        if rng.random() < 0.6
        else str(rng.choice(names))
    )


def _fit(*shapes: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise Beyond from error


def _float(kind: int) -> bool:
    return kind in FLOATS


def arithmetic(e: Expression, rng: np.random.Generator) -> None:
    """A sum, difference, product, quotient, maximum or minimum."""
    a = _pick(rng, e.of(_float))
    b = _pick(rng, [n for n in e.of(_float) if e.kinds[n] == e.kinds[a]])
    op = str(rng.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"]))
    _fit(e.truth[a].shape, e.truth[b].shape)
    if op == "Div" and any(v == 0 for v in e.truth[b].reshape(-1)):
        raise Beyond
    of = {"Add": lambda x, y: x + y, "Sub": lambda x, y: x - y, "Mul": lambda x, y: x * y}
    of |= {"Div": lambda x, y: x / y, "Max": max, "Min": min}
    e.add(op, [a, b], _moderate(each(of[op], e.truth[a], e.truth[b]), e.kinds[a]), e.kinds[a])


def _moderate(truth: np.ndarray, kind: int) -> np.ndarray:
    """Numbers that their type can hold: what overflows or underflows has no finite value in onnxruntime."""
    _, least, largest, _ = DIGITS[kind]
    if any(v != 0 and not Fraction(2) ** (least + 12) <= abs(v) <= largest / 2 for v in truth.reshape(-1)):
        raise Beyond
    return truth


def whole_arithmetic(e: Expression, rng: np.random.Generator) -> None:
    """Integers: wrapping sums and products, truncated quotients, remainders of both kinds."""
    a = _pick(rng, e.of(lambda k: k in BITS))
    kind = e.kinds[a]
    b = _pick(rng, [n for n in e.of(lambda k: k in BITS) if e.kinds[n] == kind])
    _fit(e.truth[a].shape, e.truth[b].shape)
    op = str(rng.choice(["Add", "Sub", "Mul", "Div", "Div", "Mod", "Mod"]))
    flag = int(rng.integers(2))
    if op in ("Div", "Mod") and any(v in (0, -1) for v in e.truth[b].reshape(-1)):
        raise Beyond
    of: dict[str, Callable[[int, int], int]] = {"Add": lambda x, y: x + y, "Sub": lambda x, y: x - y}
    of |= {"Mul": lambda x, y: x * y, "Div": lambda x, y: _truncated(x, y)}
    of |= {"Mod": lambda x, y: x - y * _truncated(x, y) if flag else x - y * (x // y)}
    truth = each(lambda x, y: wrapped(of[op](x, y), kind), e.truth[a], e.truth[b])
    e.add(op, [a, b], truth, kind, **({"fmod": flag} if op == "Mod" else {}))


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def casting(e: Expression, rng: np.random.Generator) -> None:
    """Cast, or CastLike."""
    a = _pick(rng, list(e.kinds))
    like = rng.random() < 0.3
    other = _pick(rng, list(e.kinds))
    targets = [*FLOATS, *FLOATS, *SMALL, *BITS, T.BOOL]
    kind = e.kinds[other] if like else int(rng.choice(targets))
    if e.kinds[a] in SMALL and (kind in SMALL or kind not in FLOATS):
        raise Beyond  # onnxruntime casts 8-bit floats to floats only
    if kind in SMALL and e.kinds[a] not in FLOATS:
        raise Beyond
    source = e.kinds[a]
    same = source in DIGITS and kind in DIGITS and holds(kind, source)
    truth = e.truth[a] if same else each(lambda v: cast(v, kind), e.truth[a])
    if like:
        e.add("CastLike", [a, other], truth, kind)
    else:
        e.add("Cast", [a], truth, kind, to=kind)


def stepping(e: Expression, rng: np.random.Generator) -> None:
    a = _pick(rng, e.of(lambda k: k in (T.FLOAT, T.DOUBLE, T.FLOAT16)))
    of = {"Floor": math.floor, "Ceil": math.ceil, "Round": round, "Sign": lambda v: (v > 0) - (v < 0)}
    op = str(rng.choice(list(of)))
    e.add(op, [a], each(lambda v: Fraction(of[op](v)), e.truth[a]), e.kinds[a])


def plain(e: Expression, rng: np.random.Generator) -> None:
    """Sign changes."""
    a = _pick(rng, e.of(lambda k: k in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.INT32, T.INT64)))
    op = str(rng.choice(["Neg", "Abs"]))
    kind = e.kinds[a]
    function = (lambda v: -v) if op == "Neg" else abs
    e.add(
        op, [a], each(lambda v: wrapped(function(v), kind) if kind in BITS else function(v), e.truth[a]), kind
    )


def moving(e: Expression, rng: np.random.Generator) -> None:
    """Transpose, Reshape, Slice, Gather, Concat, Expand, Tile, Split-free movement."""
    a = _pick(rng, e.of(lambda k: k not in SMALL))
    truth, kind = e.truth[a], e.kinds[a]
    op = str(rng.choice(["Transpose", "Reshape", "Slice", "Gather", "Concat", "Expand", "Tile"]))
    rank = truth.ndim
    if not 0 < truth.size <= 200 or (rank == 0 and op in ("Slice", "Gather", "Concat")):
        raise Beyond
    if op == "Transpose":
        e.add(op, [a], truth.transpose(), kind)
    elif op == "Reshape":
        e.add(op, [a, e.store(np.array([-1]), T.INT64)], truth.reshape(-1), kind)
    elif op == "Slice":
        bounds = [int(v) for v in rng.integers(-4, 5, 2)]
        step = int(rng.choice([-2, -1, 1, 2]))
        names = [e.store(np.array([v]), T.INT64) for v in (*bounds, 0, step)]
        moved = truth[_sliced(*bounds, step, truth.shape[0])]
        if not moved.size:
            raise Beyond
        e.add(op, [a, *names], moved, kind)
    elif op == "Gather":
        axis = int(rng.integers(rank))
        index = rng.integers(-truth.shape[axis], truth.shape[axis], int(rng.integers(1, 4)))
        e.add(op, [a, e.store(index, T.INT64)], np.take(truth, index, axis), kind, axis=axis)
    elif op == "Concat":
        b = _pick(rng, [n for n in e.kinds if e.kinds[n] == kind and e.truth[n].shape == truth.shape])
        e.add(op, [a, b], np.concatenate([truth, e.truth[b]], -1), kind, axis=-1)
    elif op == "Expand":
        shape = (2, *truth.shape)
        e.add(op, [a, e.store(np.array(shape), T.INT64)], np.broadcast_to(truth, shape), kind)
    else:
        e.add(op, [a, e.store(np.array([2] * rank), T.INT64)], np.tile(truth, [2] * rank), kind)


def _sliced(start: int, end: int, step: int, size: int) -> list[int]:
    """Positions as the specification of Slice clamps them."""
    start, end = (v + size if v < 0 else v for v in (start, end))
    if step > 0:
        return list(range(min(max(start, 0), size), min(max(end, 0), size), step))
    return list(range(min(max(start, 0), size - 1), min(max(end, -1), size - 1), step))


def padding(e: Expression, rng: np.random.Generator) -> None:
    """Pad with one constant by another."""
    a = _pick(rng, e.of(lambda k: k in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.INT32, T.INT64)))
    truth, kind = e.truth[a], e.kinds[a]
    scalars = [n for n in e.kinds if e.kinds[n] == kind and e.truth[n].shape == ()]
    value = _pick(rng, [n for n in scalars if n.startswith("t")] or scalars)
    if not 0 < truth.ndim < 4 or truth.size > 200:
        raise Beyond
    pads = rng.integers(0, 2, 2 * truth.ndim)
    width = list(zip(pads[: truth.ndim].tolist(), pads[truth.ndim :].tolist(), strict=True))
    shape = [n + b + c for n, (b, c) in zip(truth.shape, width, strict=True)]
    padded = np.full(shape, e.truth[value].item(), dtype=object)
    padded[tuple(slice(b, b + n) for n, (b, _) in zip(truth.shape, width, strict=True))] = truth
    e.add("Pad", [a, e.store(pads, T.INT64), value], padded, kind)


def choosing(e: Expression, rng: np.random.Generator) -> None:
    """A comparison (of exact numbers), then Where."""
    kinds = (T.FLOAT, T.DOUBLE, T.INT32, T.INT64)
    a = _pick(rng, e.of(lambda k: k in kinds))
    b = _pick(rng, [n for n in e.kinds if e.kinds[n] == e.kinds[a]])
    _fit(e.truth[a].shape, e.truth[b].shape)
    op = str(rng.choice(["Less", "Greater", "Equal"]))
    of = {"Less": lambda x, y: x < y, "Greater": lambda x, y: x > y, "Equal": lambda x, y: x == y}
    test = e.add(op, [a, b], each(of[op], e.truth[a], e.truth[b]), T.BOOL)
    truth = each(lambda c, x, y: x if c else y, e.truth[test], e.truth[a], e.truth[b])
    e.add("Where", [test, a, b], truth, e.kinds[a])


def clipping(e: Expression, rng: np.random.Generator) -> None:
    a = _pick(rng, e.of(lambda k: k in (T.FLOAT, T.DOUBLE, T.FLOAT16, T.INT32, T.INT64)))
    kind = e.kinds[a]
    scalars = [n for n in e.kinds if e.kinds[n] == kind and e.truth[n].shape == ()]
    low, high = _pick(rng, scalars), _pick(rng, scalars)
    least, most = e.truth[low].item(), e.truth[high].item()
    e.add("Clip", [a, low, high], each(lambda v: min(most, max(least, v)), e.truth[a]), kind)


def reducing(e: Expression, rng: np.random.Generator) -> None:
    a = _pick(rng, e.of(lambda k: k in (T.FLOAT, T.DOUBLE, T.INT32, T.INT64)))
    truth, kind = e.truth[a], e.kinds[a]
    if truth.ndim == 0 or not truth.size:
        raise Beyond
    op = str(rng.choice(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"]))
    rows = np.moveaxis(truth, 0, -1).reshape(-1, truth.shape[0])
    of: dict[str, Callable[[list[Any]], Any]] = {"ReduceSum": sum, "ReduceMax": max, "ReduceMin": min}
    of |= {"ReduceMean": lambda r: _mean(r, kind)}
    flat = [of[op](list(row)) for row in rows]
    flat = [wrapped(v, kind) for v in flat] if kind in BITS else flat
    result = objects(flat, truth.shape[1:])
    if kind in BITS and any(abs(v) > 1000 for v in truth.reshape(-1)):
        raise Beyond  # onnxruntime adds large integers up as floats
    axes = e.store(np.array([0]), T.INT64)
    e.add(op, [a, axes], result if kind in BITS else _moderate(result, kind), kind, keepdims=0)


def _mean(row: list[Any], kind: int) -> Any:
    return _truncated(sum(row), len(row)) if kind in BITS else sum(row) / len(row)


def counting(e: Expression, rng: np.random.Generator) -> None:
    kind = int(rng.choice([T.FLOAT, T.DOUBLE, T.INT64, T.INT32]))
    start, count = int(rng.integers(-3, 4)), int(rng.integers(1, 5))
    step = int(rng.choice([-2, -1, 1, 2]))
    names = [e.store(np.array(v), kind) for v in (start, start + count * step, step)]
    values = [start + k * step for k in range(count)]
    e.add("Range", names, objects([exactly(v, kind) for v in values], (count,)), kind)


STEPS: tuple[Step, ...] = (
    *(arithmetic, arithmetic, arithmetic, casting, casting, casting, padding, padding),
    *(
        whole_arithmetic,
        whole_arithmetic,
        stepping,
        plain,
        moving,
        moving,
        choosing,
        clipping,
        reducing,
        counting,
    ),
)


def expressions(first: int, count: int, steps: Sequence[Step] = ()) -> Iterator[tuple[int, Expression]]:
    """Expressions by their seeds."""
    for seed in range(first, first + count):
        yield seed, draw(np.random.default_rng([seed, 12]), steps)
