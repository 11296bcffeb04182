"""Constants mean what the standard says, to the last digit that the importer claims, and to onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto

from certrnn.errors import Unsupported
from certrnn.io.onnx import exact, kinds
from certrnn.io.onnx.constants_check import check_constants
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops import casts, movement, padding
from certrnn.io.onnx.tensors import Known
from tests.importer import constants
from tests.importer import expressions as ex
from tests.importer.exact_types import nearest

Patch = pytest.MonkeyPatch


@pytest.mark.parametrize("block", range(4))
def test_constant_expressions_mean_what_the_standard_says(block: int) -> None:
    wrong, refused, contradicted = constants.problems(1000 * block, 250)
    assert not wrong
    assert refused < 0.02
    assert contradicted < 0.02


@pytest.mark.slow
def test_a_hundred_thousand_constant_expressions() -> None:
    wrong, refused, contradicted = constants.problems(10**6, 10**5)
    assert not wrong
    assert max(refused, contradicted) < 0.02


# ---- importers that are wrong in one place


def changed(patch: Patch, module: object, name: str, change: Callable[..., object]) -> None:
    """``change`` is called with the right function in front of its arguments."""
    right = getattr(module, name)
    patch.setattr(module, name, lambda *a, **k: change(right, *a, **k))


def error_dropped(patch: Patch, module: object, name: str) -> None:
    def drop(right: Callable[..., object], *a: object, **k: object) -> object:
        result = right(*a, **k)
        return replace(result, relative_error=0.0) if isinstance(result, Known) else result

    changed(patch, module, name, drop)


def never_rounded(right: Callable[..., Known], number: Known, kind: int, *rest: object) -> Known:
    return replace(number, kind=kind) if number.real and kind in kinds.FORMATS else right(number, kind, *rest)


def rounded_to_integers(right: Callable[..., Known], number: Known, dtype: np.dtype) -> Known:
    return right(replace(number, array=np.rint(number.array)) if number.real else number, dtype)


def ties_away(right: object, array: np.ndarray, kind: int, saturate: bool = True) -> np.ndarray:
    """Half a step is added and the rest cut off."""
    digits = kinds.FORMATS[kind].digits
    scaled = np.ldexp(np.frexp(array)[0], digits)
    scaled = array if digits == 53 else np.trunc(scaled + np.copysign(0.5, scaled))
    return array if digits == 53 else np.ldexp(scaled, np.frexp(array)[1] - digits)


def through_single(right: Callable[..., np.ndarray], array: np.ndarray, kind: int, *rest: bool) -> np.ndarray:
    with np.errstate(all="ignore"):
        narrow = array.astype(np.float32).astype(np.float64)
    return right(array if kinds.FORMATS[kind].digits == 53 else narrow, kind, *rest)


def pad_error_of_the_source(
    right: Callable[..., Known], node: NodeContext, source: Known, *rest: object
) -> Known:
    return replace(right(node, source, *rest), relative_error=source.relative_error)


def floors(right: object, left: Known, divisor: Known) -> Known:
    return Known(left.array // divisor.array)


def saturated(right: Callable[..., Known], left: Known, other: Known, operation: np.ufunc) -> Known:
    bounds = np.iinfo(left.array.dtype)
    with np.errstate(all="ignore"):
        wide = operation(left.array.astype(np.int64), other.array.astype(np.int64))
        return Known(np.clip(wide, int(bounds.min), min(int(bounds.max), 2**62)).astype(bounds.dtype))


def double_for_like(right: Callable[[NodeContext], int], node: NodeContext) -> int:
    return TensorProto.DOUBLE if node.op == "CastLike" else right(node)


def half_holds_all(right: Callable[[int, int], bool], kind: int, other: int) -> bool:
    return kind == TensorProto.FLOAT16 or right(kind, other)


def never_saturated(
    right: Callable[..., np.ndarray], array: np.ndarray, kind: int, *rest: bool
) -> np.ndarray:
    return right(array, kind, False)


def sliced_as_numpy(right: object, start: int, end: int, step: int, size: int) -> np.ndarray:
    start, end = (v + size if v < 0 else v for v in (start, end))
    low, high = (0, size) if step > 0 else (-1, size - 1)
    return np.arange(min(max(start, low), high), min(max(end, low), high), step)


Plant = tuple[Callable[[Patch], None], tuple[ex.Step, ...]]

PLANTED: dict[str, Plant] = {
    "a cast does not round": (lambda p: changed(p, exact, "cast", never_rounded), (ex.casting,)),
    "a cast to integers rounds": (lambda p: changed(p, exact, "_whole", rounded_to_integers), (ex.casting,)),
    "ties go away from zero": (lambda p: changed(p, exact, "rounded", ties_away), (ex.casting,)),
    "a cast rounds twice": (lambda p: changed(p, exact, "rounded", through_single), (ex.casting,)),
    "CastLike takes double": (lambda p: changed(p, casts, "_target", double_for_like), (ex.casting,)),
    "a cast to float16 changes nothing": (
        lambda p: changed(p, exact, "holds", half_holds_all),
        (ex.casting,),
    ),
    "saturate is ignored": (lambda p: changed(p, exact, "rounded", never_saturated), (ex.casting,)),
    "Pad drops the error of its value": (
        lambda p: changed(p, padding, "_filled", pad_error_of_the_source),
        (ex.arithmetic, ex.padding),
    ),
    "Concat drops errors": (lambda p: error_dropped(p, movement, "joined"), (ex.arithmetic, ex.moving)),
    "a product claims to be exact": (lambda p: error_dropped(p, exact, "multiply"), (ex.arithmetic,)),
    "a sum over axes claims to be exact": (lambda p: error_dropped(p, exact, "total"), (ex.reducing,)),
    "a sum claims to be exact": (lambda p: error_dropped(p, exact, "add"), (ex.arithmetic,)),
    "a reciprocal claims to be exact": (lambda p: error_dropped(p, exact, "reciprocal"), (ex.arithmetic,)),
    "integer division floors": (lambda p: changed(p, exact, "quotient", floors), (ex.whole_arithmetic,)),
    "integers saturate": (lambda p: changed(p, exact, "_integers", saturated), (ex.whole_arithmetic,)),
    "Slice clamps as numpy": (lambda p: changed(p, movement, "_range", sliced_as_numpy), (ex.moving,)),
}
"""Each with the nodes that it shows in."""


def noticed(steps: tuple[ex.Step, ...], count: int = 3000) -> bool:
    found = ex.expressions(0, count, steps)
    return any(constants.complaint(e, constants.folded(e.model())[0]) for _, e in found)


@pytest.mark.parametrize("name", PLANTED)
def test_the_law_notices(monkeypatch: Patch, name: str) -> None:
    plant, steps = PLANTED[name]
    plant(monkeypatch)
    assert noticed(steps)


def named(steps: tuple[ex.Step, ...]) -> str:
    return " and ".join(step.__name__ for step in steps)


@pytest.mark.parametrize("steps", sorted({steps for _, steps in PLANTED.values()}, key=named), ids=named)
def test_the_importer_as_it_stands_is_not_noticed(steps: tuple[ex.Step, ...]) -> None:
    assert not noticed(steps, 100)


# ---- onnxruntime's constants beside ours


def test_a_constant_that_differs_from_onnxruntime_is_refused_by_name() -> None:
    refused = 0
    for _, expression in ex.expressions(0, 60):
        model = expression.model()
        found, _ = constants.folded(model)
        exactly = [
            n for n in model.graph.node if n.output[0] in found and n.op_type in ("Gather", "Pad", "Where")
        ]
        for node in exactly:
            right = found[node.output[0]]
            if not right.real or right.kind != TensorProto.FLOAT or not right.array.size:
                continue
            off = np.nextafter(right.array.astype(np.float32), np.float32(np.inf)).astype(np.float64)
            with pytest.raises(Unsupported, match=node.name):
                check_constants(constants.file_of(model), found | {node.output[0]: replace(right, array=off)})
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_a_number_is_cast_only_where_its_whole_error_rounds_alike(kind: int) -> None:
    middle = 1.0 + kinds.FORMATS[kind].unit
    assert exact.cast(Known(np.array([middle]), 2.0**-53, kind=11), kind) is None
    settled = exact.cast(Known(np.array([middle]), 0.0, kind=11), kind)
    assert settled is not None
    assert settled.array.tolist() == [1.0]
    above = exact.cast(Known(np.array([middle + 2.0**-40]), 2.0**-53, kind=11), kind)
    assert above is not None
    assert above.array.tolist() == [1.0 + 2.0 * kinds.FORMATS[kind].unit]
    assert above.relative_error == 0.0


@pytest.mark.parametrize(
    ("number", "kind"),
    [(300.0, 2), (-1.0, 2), (2.0**63, 7), (-(2.0**63) - 4096, 7), (np.nan, 6), (np.inf, 7), (2.0**31, 6)],
)
def test_a_float_beyond_an_integer_type_is_refused(number: float, kind: int) -> None:
    assert exact.cast(Known(np.array([number]), kind=11), kind) is None


@pytest.mark.parametrize("number", [2**53 + 1, 2**62 + 2**38 + 1, 2**63 - 1, -(2**53) - 3, 2**61 + 2**49 + 1])
@pytest.mark.parametrize("kind", [1, 16, 10])
def test_large_integers_round_once(number: int, kind: int) -> None:
    found = exact.cast(Known(np.array([number])), kind)
    assert found is not None
    wanted = nearest(Fraction(number), kind)
    assert found.array.item() == (np.copysign(np.inf, number) if wanted is None else float(wanted))


@pytest.mark.parametrize("divisor", [0, -1])
def test_an_integer_quotient_that_does_not_exist_is_refused(divisor: int) -> None:
    least = Known(np.array([np.iinfo(np.int32).min], dtype=np.int32))
    assert exact.quotient(least, Known(np.array([divisor], dtype=np.int32))) is None
