"""Random ends: what may stand between hidden values and the output."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from tests.importer.tails.bodies import Body
from tests.importer.tails.folding import DOUBLE, FLOAT, HALF, folded
from tests.importer.tails.meaning import AMBIGUOUS, ODD, End
from tests.importer.tails.writing import Part, Writer

Step = Callable[[Writer, End], End | None]
"""A step of the end; None where it makes no sense here."""


def scores(w: Writer, body: Body) -> End:
    """Linear scores of a sample or of every frame."""
    part = body.last if body.each is None or w.chance(0.55) else body.each
    hidden = part.shape[-1]
    count = w.pick(1, 1, 2, 2, 3, 4, body.frames, body.features)
    w.said.append(f"{count} scores of {part.axes}")
    if part.axes == "nh" and w.chance(0.3):
        weight = folded(w, w.random.standard_normal((count, hidden)))
        bias = folded(w, w.random.standard_normal(count))
        name = w.node("Gemm", part.name, weight, bias, transB=1, alpha=w.pick(1.0, 0.5))
        return End(Part(name, "nc", (1, count)))
    if count > 2 and w.chance(0.15):
        w.said.append("two heads joined")
        halves = [_linear(w, part, n) for n in (1, count - 1)]
        name = w.node("Concat", *halves, axis=w.pick(-1, len(part.axes) - 1))
    else:
        name = _linear(w, part, count)
    return End(Part(name, part.axes[:-1] + "c", (*part.shape[:-1], count)))


def _linear(w: Writer, part: Part, count: int) -> str:
    name = w.node("MatMul", part.name, folded(w, w.random.standard_normal((part.shape[-1], count))))
    if w.chance(0.6):
        name = w.node("Add", name, folded(w, w.random.standard_normal(count) / 2))
    return name


# ---- before the head: on scores


def temperature(w: Writer, end: End) -> End | None:
    if end.label:
        return None
    by = float(w.pick(0.5, 0.7, 2.0, 10.0))
    name = w.node("Div", end.part.name, folded_plain(w, by, end.part.kind))
    return _affine(end, name, 1.0 / by, 0.0)


def shifted(w: Writer, end: End) -> End | None:
    """Several constants."""
    if end.label or end.part.axes[-1:] != "c" or end.part.shape[-1] < 2:
        return None
    shift = w.random.standard_normal(end.part.shape[-1])
    name = w.node("Add", end.part.name, folded(w, shift, end.part.kind))
    return _uneven(end, name)


def weighted(w: Writer, end: End) -> End | None:
    if end.label or end.part.axes[-1:] != "c" or end.part.shape[-1] < 2:
        return None
    factors = w.random.uniform(0.5, 2.0, end.part.shape[-1]) * w.random.choice(
        [1.0, 1.0, 1.0, -1.0], end.part.shape[-1]
    )
    return _uneven(end, w.node("Mul", end.part.name, folded(w, factors, end.part.kind)))


def masked(w: Writer, end: End) -> End | None:
    """One class out of the question, or far ahead."""
    if (
        end.label
        or end.together
        or end.part.axes[-1:] != "c"
        or end.part.shape[-1] < 3
        or end.part.kind == HALF
    ):
        return None
    size = w.pick(-1e6, -1e6, -1e30, 1e30)
    mask = np.zeros(end.part.shape[-1])
    mask[int(w.random.integers(len(mask)))] = size
    w.said.append(f"{size:g}")
    return _uneven(end, w.node("Add", end.part.name, folded(w, mask, end.part.kind)))


def negated(w: Writer, end: End) -> End | None:
    if end.label or end.function == "LogSoftmax":
        return None
    clearer = end.worse(ODD) if end.together and end.classes > 1 else end
    if w.chance(0.5):
        return _affine(clearer, w.node("Neg", end.part.name), -1.0, 0.0)
    factor = -float(w.pick(1.0, 2.0))
    name = w.node("Mul", end.part.name, folded_plain(w, factor, end.part.kind))
    return _affine(clearer, name, factor, 0.0)


def complement(w: Writer, end: End) -> End | None:
    """1 - p."""
    if end.label or end.function == "LogSoftmax":
        return None
    clearer = end.worse(ODD) if end.together and end.classes > 1 else end
    return _affine(clearer, w.node("Sub", folded_plain(w, 1.0, end.part.kind), end.part.name), -1.0, 1.0)


def scaled(w: Writer, end: End) -> End | None:
    if end.label:
        return None
    factor = float(w.pick(2.0, 4.0, 100.0, 0.5))
    name = w.node("Mul", end.part.name, folded_plain(w, factor, end.part.kind))
    return _affine(end, name, factor, 0.0)


def moved(w: Writer, end: End) -> End | None:
    if end.label:
        return None
    shift = float(w.pick(-0.5, -0.5, 0.25, 1.0, -1.0, -2.0))
    name = w.node("Add", end.part.name, folded_plain(w, shift, end.part.kind))
    return _affine(end, name, 1.0, shift)


def folded_plain(w: Writer, number: float, kind: int) -> str:
    """A constant that is not changed by any type."""
    if kind == FLOAT and w.chance(0.3):
        return w.cast(w.stored(np.array(number), w.pick(HALF, DOUBLE)), FLOAT)
    return w.stored(np.array(number), kind)


def _affine(end: End, name: str, factor: float, shift: float) -> End:
    ends = factor * end.low + shift, factor * end.high + shift
    done = end.to(replace(end.part, name=name)).ranged(*ends)
    return replace(done, factor=factor * end.factor, shift=factor * end.shift + shift)


def _uneven(end: End, name: str) -> End | None:
    """Each class by itself: what one of them can reach is as it is for all only where it is unbounded."""
    part = replace(end.part, name=name)
    if end.together:
        return replace(end.to(part), factor=math.nan, low=math.nan, high=math.nan)
    return None if math.isfinite(end.low) or math.isfinite(end.high) else end.to(part)


# ---- heads


def softmax(w: Writer, end: End) -> End | None:
    part = end.part
    if end.label or end.together or "m" in part.axes or part.kind == HALF or "c" not in part.axes:
        return None
    if end.clarity == AMBIGUOUS:  # garbled: a softmax over all of it would make sense of it again
        return None
    axis = part.where("c") if w.chance(0.8) else int(w.random.integers(len(part.axes)))
    op = w.pick("Softmax", "Softmax", "LogSoftmax")
    named = axis if w.chance(0.5) else axis - len(part.axes)
    attributes = {} if axis == len(part.axes) - 1 and w.opset >= 13 and w.chance(0.5) else {"axis": named}
    together = part.axes[axis] if w.opset >= 13 else part.axes[axis:]
    w.said.append(f"over {together} of {part.axes}")
    name = w.node(op, part.name, **attributes)
    whole = math.prod(n for a, n in zip(part.axes, part.shape, strict=True) if a in together)
    if whole < 2:
        end = end.worse(AMBIGUOUS)  # always 1
    ends = (0.0, 1.0) if op == "Softmax" else (-math.inf, 0.0)
    done = replace(end.to(replace(part, name=name)).ranged(*ends), together=together, function=op)
    return replace(done, whole=whole, factor=1.0, shift=0.0)


def _bent(op: str, function: Callable[[float], float], *ends: float, **attributes: float) -> Step:
    def step(w: Writer, end: End) -> End | None:
        if end.label or end.together or end.part.kind == HALF:
            return None
        given = [w.stored(np.array(number), end.part.kind) for number in ends]
        name = w.node(op, end.part.name, *given, **attributes)
        return end.to(replace(end.part, name=name)).ranged(function(end.low), function(end.high))

    return step


def _limit(low: float, high: float) -> Callable[[float], float]:
    return lambda x: x if math.isnan(x) else min(max(x, low), high)


def _squashed(op: str, low: float) -> Step:
    """Between ``low`` and 1, by convention: however short its argument falls."""

    def step(w: Writer, end: End) -> End | None:
        bent = _bent(op, lambda x: x)(w, end)
        return None if bent is None else bent.ranged(low, 1.0)

    return step


sigmoid = _squashed("Sigmoid", 0.0)
hard = _bent(
    "HardSigmoid", lambda x: x if math.isnan(x) else min(max(0.25 * x + 0.5, 0), 1), alpha=0.25, beta=0.5
)
tanh = _squashed("Tanh", -1.0)
unit = _bent("Clip", _limit(0.0, 1.0), 0.0, 1.0)
even = _bent("Clip", _limit(-2.0, 2.0), -2.0, 2.0)
uneven = _bent("Clip", _limit(-1.0, 3.0), -1.0, 3.0)
relu = _bent("Relu", lambda x: x if math.isnan(x) else max(x, 0.0))
leaky = _bent("LeakyRelu", lambda x: x if math.isnan(x) else max(x, 0.25 * x), alpha=0.25)


def half_tanh(w: Writer, end: End) -> End | None:
    """(tanh + 1) / 2."""
    bent = tanh(w, end)
    if bent is None:
        return None
    one = w.node("Add", bent.part.name, folded_plain(w, 1.0, end.part.kind))
    half = w.node("Div", one, folded_plain(w, 2.0, end.part.kind))
    return bent.to(replace(end.part, name=half)).ranged((bent.low + 1) / 2, (bent.high + 1) / 2)


def both(w: Writer, end: End) -> End | None:
    """[1 - p, p]: two classes from one probability."""
    part = end.part
    if end.label or end.together or part.axes[-1:] != "c" or part.shape[-1] != 1 or end.cut() != 0.5:
        return None
    other = w.node("Sub", folded_plain(w, 1.0, part.kind), part.name)
    name = w.node("Concat", other, part.name, axis=-1)
    return end.to(replace(part, name=name, shape=(*part.shape[:-1], 2)))


def zero_beside(w: Writer, end: End) -> End | None:
    """[0, z]: two classes from one logit."""
    part = end.part
    if end.label or end.together or part.axes[-1:] != "c" or part.shape[-1] != 1 or not math.isinf(end.low):
        return None
    zero = w.stored(np.zeros(part.shape), part.kind)
    return end.to(replace(part, name=w.node("Concat", zero, part.name, axis=-1), shape=(*part.shape[:-1], 2)))


# ---- types


def cast(w: Writer, end: End) -> End | None:
    """Of numbers that depend on the data."""
    kind = w.pick(DOUBLE, DOUBLE, FLOAT, HALF, TensorProto.INT64)
    if end.label:
        kind = w.pick(FLOAT, TensorProto.INT32, DOUBLE)
    elif kind == TensorProto.INT64:
        end = end.worse(ODD)
    if end.part.kind == HALF or (not end.label and kind == TensorProto.INT64 and end.cut() == 0.5):
        return None
    w.said.append(TensorProto.DataType.Name(kind))
    done = end.to(replace(end.part, name=w.cast(end.part.name, kind), kind=kind))
    return replace(done, label=end.label)


def argmax(w: Writer, end: End) -> End | None:
    part = end.part
    if end.label or "m" in part.axes or "c" not in part.axes or part.kind in (HALF, TensorProto.INT64):
        return None
    axis = part.where("c")
    if "t" in part.axes and w.chance(0.15):
        axis = part.where("t")
    letter, keep = part.axes[axis], w.pick(0, 1)
    if part.shape[axis] < 2:
        return None
    w.said.append(f"over {letter}")
    if end.together and letter not in end.together:
        end = end.worse(AMBIGUOUS)
    if letter == "t":
        end = end.worse(ODD)
    name = w.node("ArgMax", part.name, axis=axis if w.chance(0.5) else axis - len(part.axes), keepdims=keep)
    axes = part.axes.replace(letter, "1" if keep else "")
    shape = tuple(1 if k == axis else n for k, n in enumerate(part.shape) if keep or k != axis)
    return replace(end.to(Part(name, axes, shape, TensorProto.INT64)), label=True)


PRE: tuple[Step, ...] = (temperature, shifted, weighted, masked, negated, tanh, leaky, moved, even, cast)
HEADS: tuple[Step, ...] = (softmax, softmax, softmax, sigmoid, sigmoid, hard, unit, tanh)
HEADS += (half_tanh, relu, uneven, even, zero_beside)
POST: tuple[Step, ...] = (
    complement,
    complement,
    scaled,
    moved,
    negated,
    weighted,
    cast,
    argmax,
    argmax,
    both,
)
