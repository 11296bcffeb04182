"""Constants as exporters leave them: computed by nodes, from every float type, rounded on the way or not.

Each way yields some array of the wanted shape near the wanted numbers: what it is, onnxruntime says.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from tests.importer.tails.writing import Writer

FLOAT, HALF, BRAIN, DOUBLE = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
)
ROUNDED = ("computed", "Sqrt", "Reciprocal", "ReduceMean", "ReduceSum", "Pad")
"""Ways whose arithmetic rounds."""
SHARE = 0.35
"""How many constants are computed."""


def folded(w: Writer, array: np.ndarray, kind: int = FLOAT, exact: bool = False) -> str:
    """A constant of type ``kind``, near ``array``; ``exact`` where arithmetic on it need not round."""
    array = np.asarray(array, dtype=np.float64)
    if not w.chance(SHARE):
        return w.stored(array, kind)
    names = [name for name, (fits, _) in WAYS.items() if fits(w, array) and not (exact and name in ROUNDED)]
    name = names[int(w.random.integers(len(names)))]
    w.said.append(f"constant {name}")
    found = WAYS[name][1](w, array)
    return found if kind == FLOAT else w.cast(found, kind)


def through(kind: int) -> Callable[[Writer, np.ndarray], str]:
    """Stored in another type, cast to float32."""
    return lambda w, a: w.cast(w.stored(a, kind), FLOAT)


def rounded(kind: int) -> Callable[[Writer, np.ndarray], str]:
    """Cast to another type and back."""
    return lambda w, a: w.cast(w.cast(w.stored(a, FLOAT), kind), FLOAT)


def like(w: Writer, array: np.ndarray) -> str:
    """CastLike narrows double to float32, or float32 to float16."""
    if w.chance(0.5):
        return w.node("CastLike", w.stored(array, DOUBLE), w.stored(np.ones(1), FLOAT))
    return w.cast(w.node("CastLike", w.stored(array, FLOAT), w.stored(np.ones(1), HALF)), FLOAT)


def magnified(
    inner: Callable[[Writer, np.ndarray], str], factor: float
) -> Callable[[Writer, np.ndarray], str]:
    """What a cast rounds off, as large as the number itself."""

    def way(w: Writer, array: np.ndarray) -> str:
        number = w.stored(array, DOUBLE)
        narrow = w.cast(inner(w, array), DOUBLE)
        rest = w.node("Sub", narrow, number)
        return w.cast(w.node("Mul", rest, w.stored(np.array(factor), DOUBLE)), FLOAT)

    return way


def padded(w: Writer, array: np.ndarray) -> str:
    """The last entry of every row comes from Pad, whose value was cast."""
    kept = w.stored(array[..., :-1], FLOAT)
    value = w.cast(w.stored(array.flat[-1], w.pick(DOUBLE, HALF)), FLOAT)
    if w.chance(0.5):
        value = w.node("Div", value, w.stored(np.array(3.0), FLOAT))
    return w.node("Pad", kept, w.whole(*[0] * array.ndim, *[0] * (array.ndim - 1), 1), value)


def where(w: Writer, array: np.ndarray) -> str:
    condition = w.stored(w.random.random(array.shape) < 0.5)
    half = w.cast(w.stored(array, HALF), FLOAT)
    return w.node("Where", condition, w.stored(array, FLOAT), half)


def joined(w: Writer, array: np.ndarray) -> str:
    half = w.cast(w.stored(array[..., :1], HALF), FLOAT)
    return w.node("Concat", half, w.stored(array[..., 1:], FLOAT), axis=-1)


def cut(w: Writer, array: np.ndarray) -> str:
    wide = np.concatenate([7.0 + array[..., :1], array, array[..., :1] - 7.0], axis=-1)
    return w.sliced(w.stored(wide, FLOAT), array.ndim - 1, 1, array.shape[-1] + 1)


def computed(w: Writer, array: np.ndarray) -> str:
    other = w.random.standard_normal(array.shape)
    if w.chance(0.5):
        return w.node("Add", w.stored(array - other, FLOAT), w.stored(other, FLOAT))
    return w.node("Mul", w.stored(array / 3.0, FLOAT), w.stored(np.array(3.0), FLOAT))


def root(w: Writer, array: np.ndarray) -> str:
    size = w.node("Sqrt", w.stored(array**2 + 0.01, FLOAT))
    return w.node("Mul", size, w.stored(np.sign(array), FLOAT))


def inverse(w: Writer, array: np.ndarray) -> str:
    return w.node("Reciprocal", w.stored(1.0 / (array + 0.01 * np.sign(array + 1e-9)), FLOAT))


def averaged(w: Writer, array: np.ndarray) -> str:
    other = w.random.standard_normal(array.shape)
    return w.reduced("ReduceMean", w.stored(np.stack([array + other, array - other, array]), FLOAT), 0)


def summed(w: Writer, array: np.ndarray) -> str:
    return w.reduced("ReduceSum", w.stored(np.stack([array / 2, array / 4, array / 4]), FLOAT), 0)


def truncated(w: Writer, array: np.ndarray) -> str:
    """Whole quarters."""
    whole = w.cast(w.cast(w.stored(array * 4, FLOAT), TensorProto.INT64), FLOAT)
    return w.node("Mul", whole, w.stored(np.array(0.25), FLOAT))


def floored(w: Writer, array: np.ndarray) -> str:
    return w.node("Div", w.node("Floor", w.stored(array * 8, FLOAT)), w.stored(np.array(8.0), FLOAT))


def clipped(w: Writer, array: np.ndarray) -> str:
    ends = (w.stored(np.array(end), FLOAT) for end in (-0.7, 0.7))
    return w.node("Clip", w.stored(array, FLOAT), *ends)


def turned(w: Writer, array: np.ndarray) -> str:
    return w.node("Transpose", w.stored(array.T.copy(), FLOAT))


def reshaped(w: Writer, array: np.ndarray) -> str:
    return w.node("Reshape", w.stored(array.reshape(-1), FLOAT), w.whole(*array.shape))


def _any(w: Writer, array: np.ndarray) -> bool:
    return True


def _wide(w: Writer, array: np.ndarray) -> bool:
    return array.ndim > 0 and array.shape[-1] > 1


def _tame(w: Writer, array: np.ndarray) -> bool:
    return bool((np.abs(array) < 1e3).all())


WAYS: dict[str, tuple[Callable[[Writer, np.ndarray], bool], Callable[[Writer, np.ndarray], str]]] = {
    "of float16": (_tame, through(HALF)),
    "of bfloat16": (lambda w, a: w.opset >= 13, through(BRAIN)),
    "of double": (_any, through(DOUBLE)),
    "by float16": (_tame, rounded(HALF)),
    "by bfloat16": (lambda w, a: w.opset >= 13, rounded(BRAIN)),
    "by double": (_any, rounded(DOUBLE)),
    "CastLike": (lambda w, a: w.opset >= 15 and _tame(w, a), like),
    "float16's rounding": (_tame, magnified(rounded(HALF), 2.0**11)),
    "double's rounding": (_tame, magnified(through(DOUBLE), 2.0**24)),
    "Pad": (lambda w, a: _wide(w, a) and _tame(w, a), padded),
    "Where": (_tame, where),
    "Concat": (lambda w, a: _wide(w, a) and _tame(w, a), joined),
    "Slice": (_wide, cut),
    "computed": (_tame, computed),
    "Sqrt": (_tame, root),
    "Reciprocal": (_tame, inverse),
    "ReduceMean": (_tame, averaged),
    "ReduceSum": (_tame, summed),
    "Cast to int64": (_tame, truncated),
    "Floor": (_tame, floored),
    "Clip": (_tame, clipped),
    "Transpose": (lambda w, a: a.ndim == 2, turned),
    "Reshape": (lambda w, a: a.ndim > 0, reshaped),
}
