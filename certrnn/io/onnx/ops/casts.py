"""Cast and CastLike: where a file rounds by name."""

from __future__ import annotations

from dataclasses import replace

from onnx import TensorProto

from certrnn.io.onnx import exact
from certrnn.io.onnx.kinds import FORMATS, INTEGERS, UNKNOWN, holds, name_of
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Chosen, Normalised, Tensor, Tokens, View

_WORDS = frozenset(
    [TensorProto.INT32, TensorProto.INT64, TensorProto.UINT32, TensorProto.UINT64, TensorProto.DOUBLE]
)
"""Types that hold every word number."""


def cast(node: NodeContext) -> list[Tensor]:
    """Known numbers are rounded as the type says; of data, casts to types that hold it are read, or that it has."""
    kind = _target(node)
    source = node.input(0)
    match source:
        case View() | Tokens():
            return [_of_data(node, node.as_view(source), kind)]
        case Normalised():
            return [_of_values(node, source, kind)]
        case Chosen():
            if kind not in _WORDS | {TensorProto.FLOAT}:
                raise node.refuse(
                    "a class number is cast to a type that holds it", f"a cast to {name_of(kind)}"
                )
            return [replace(source, kind=kind)]
    result = exact.cast(source, kind, bool(node.attribute("saturate", 1)))
    if result is None:
        raise node.refuse(
            f"a number cast to {name_of(kind)} lies within that type and is known well enough to round it",
            source.array.reshape(-1)[:3].tolist(),
            "Fold constants when exporting.",
        )
    return [result]


def _target(node: NodeContext) -> int:
    kind = int(node.attribute("to", 0)) if node.op == "Cast" else node.input(1).kind
    if kind == UNKNOWN:
        raise node.refuse("the type to cast to is declared", "none")
    if kind != TensorProto.BOOL and kind not in FORMATS and kind not in INTEGERS:
        raise node.refuse("the type to cast to holds numbers of at least 8 bits", name_of(kind))
    return kind


def _of_values(node: NodeContext, source: Normalised, kind: int) -> Normalised:
    """Values of a softmax, whose order no float type turns round."""
    if kind not in FORMATS or not (holds(kind, source.kind or TensorProto.DOUBLE) or kind in node.types):
        raise node.refuse(
            f"values of {source.function} stay floats of the file's own types", f"a cast to {name_of(kind)}"
        )
    return replace(source, kind=kind)


def _of_data(node: NodeContext, source: View, kind: int) -> View:
    """Numbers that the graph computes, hence as real numbers."""
    result = replace(source, kind=kind)
    if source.kind in INTEGERS and kind in _WORDS | {TensorProto.FLOAT}:
        return result  # the number of a class
    if source.kind in INTEGERS:
        raise node.refuse("a class number is cast to a type that holds it", f"a cast to {name_of(kind)}")
    if source.kind == TensorProto.BOOL and kind in (*FORMATS, TensorProto.BOOL):
        return result  # 0 or 1, which every type holds
    if kind not in FORMATS:
        raise node.refuse("a value that depends on the input stays a float", f"a cast to {name_of(kind)}")
    if holds(kind, source.kind or TensorProto.DOUBLE):
        _require_arithmetic(node, source)
        return result
    if not node.space.varies(source.ids):
        raise node.refuse(
            f"a number cast to {name_of(kind)} is folded exactly",
            "a function of constants, or their difference",
            "Fold constants when exporting.",
        )
    if kind not in node.types:
        raise node.refuse(
            "numbers that depend on the input are rounded to types that the file computes in only",
            f"a cast to {name_of(kind)}, which no input, output or weight of the file has",
            "Export without this cast.",
        )
    node.note(f"cast to {name_of(kind)}, the network's own type: read as real numbers, as all arithmetic is")
    node.space.roundings.setdefault(kind, set()).update(source.ids.reshape(-1).tolist())
    return result


def _require_arithmetic(node: NodeContext, source: View) -> None:
    """Numbers that were cast to a type are computed with there before they are cast back: a cast there and back rounds
    and does nothing else, so that rounding is what the file means by it.

    Raises:
        Unsupported: nothing happened in between.
    """
    if node.space.roundings.get(source.kind, set()).intersection(source.ids.reshape(-1).tolist()):
        raise node.refuse(
            "numbers cast to a narrower type are computed with in that type",
            f"a cast to {name_of(source.kind)} and back, which only rounds",
            "Export without these casts.",
        )
