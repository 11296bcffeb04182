"""Readers and self-checks that are wrong in one place each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from certrnn.certification import self_check as import_check
from certrnn.certification.forward_error import Accounted
from certrnn.datasets import axes as arrange
from certrnn.io.onnx import answers, exact, lone, lower, model, ranges
from certrnn.io.onnx.ops import OPERATORS, arithmetic, casts, reductions
from certrnn.io.onnx.tensors import Known, Normalised, View, entries, rearranged

Patch = pytest.MonkeyPatch


def both(*plants: Callable[[Patch], None]) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        for one in plants:
            one(patch)

    return plant


def operator(patch: Patch, op: str, change: Callable[[Any, Callable[..., Any]], Any]) -> None:
    """One operator's handler is replaced by ``change(node, handler)``."""
    right = OPERATORS[op]
    patch.setitem(OPERATORS, op, lambda node: change(node, right))


def groups_ignored(patch: Patch) -> None:
    patch.setattr(Normalised, "comparable", lambda self, rows, where: self.scores[rows])


def axis_as_in_13(patch: Patch) -> None:
    for op in ("Softmax", "LogSoftmax"):
        operator(patch, op, lambda node, right: right(replace(node, opset=13)))


def casts_do_not_round(patch: Patch) -> None:
    right = exact.cast

    def wrong(number: Known, kind: int, saturate: bool = True) -> Known | None:
        if number.real and kind in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16):
            return Known(number.array, number.relative_error, number.name, kind)
        return right(number, kind, saturate)

    patch.setattr(exact, "cast", wrong)


def like_is_double(patch: Patch) -> None:
    right = casts._target
    patch.setattr(casts, "_target", lambda node: right(node) if node.op == "Cast" else TensorProto.DOUBLE)


def no_decisions_compared(patch: Patch) -> None:
    patch.setattr(import_check, "_decisions_differ", lambda *arguments: None)


def tolerance_of_the_largest(patch: Patch) -> None:
    """Every number may be off by a share of the largest; and the decision too."""
    right = import_check.accounted

    def wrong(*arguments: Any) -> Accounted:
        found = right(*arguments)
        size = np.abs(found.values).max(axis=1, keepdims=True)
        return Accounted(found.values, np.broadcast_to(1e-4 * size, found.values.shape).copy())

    patch.setattr(import_check, "accounted", wrong)


def threshold_in_the_wrong_numbers(patch: Patch) -> None:
    """A sigmoid is dropped, and its threshold kept."""
    right = lone.threshold

    def wrong(space: Any, element: int, cut: float) -> tuple[int, float, bool]:
        inner, _, above = right(space, element, cut)
        return inner, cut, above

    patch.setattr(lone, "threshold", wrong)


def direction_lost(patch: Patch) -> None:
    right = lone.threshold
    patch.setattr(lone, "threshold", lambda *arguments: (*right(*arguments)[:2], True))


def every_lone_score_a_logit(patch: Patch) -> None:
    def wrong(space: Any, ids: np.ndarray, cut: float | None, where: str) -> lone.Lone:
        return lone.Lone(cut or 0.0, "logit", "where it is positive", ids)

    patch.setattr(answers, "of_value", wrong)


def probabilities_cut_at_zero(patch: Patch) -> None:
    right = answers.of_value

    def wrong(space: Any, ids: np.ndarray, cut: float | None, where: str) -> lone.Lone:
        found = right(space, ids, cut, where)
        return replace(found, cut=0.0) if cut is None else found

    patch.setattr(answers, "of_value", wrong)


def open_on_one_side_is_a_logit(patch: Patch) -> None:
    """As if every value were a linear one."""
    patch.setattr(lone, "_tail", lambda space, ids: False)


def mean_of_bounded_is_a_logit(patch: Patch) -> None:
    for place in (lone, ranges):
        patch.setattr(place, "alike", lambda weights: bool((weights != 0.0).sum() < 2))


def argmax_over_another_axis(patch: Patch) -> None:
    def wrong(node: Any, right: Callable[..., Any]) -> Any:
        shape, axis = node.input(0).shape, int(node.attribute("axis", 0)) % len(node.input(0).shape)
        others = [a for a, n in enumerate(shape) if a != axis and n == shape[axis]]
        return right(replace(node, attributes=node.attributes | {"axis": (others or [axis])[0]}))

    operator(patch, "ArgMax", wrong)


def flattened_groups_are_one(patch: Patch) -> None:
    def wrong(node: Any, right: Callable[..., Any]) -> Any:
        (found,) = right(node)
        merged = isinstance(found, Normalised) and len(found.shape) < len(node.input(0).shape)
        return [replace(found, groups=np.zeros_like(found.groups))] if merged else [found]

    for op in ("Flatten", "Reshape"):
        operator(patch, op, wrong)


def first_output_taken(patch: Patch) -> None:
    right = lower.outputs_in_order
    for place in (lower, model):
        patch.setattr(place, "outputs_in_order", lambda graph, choices: right(graph, choices)[:1])


def axes_by_count(patch: Patch) -> None:
    """Whatever the axes are said to be, the array is reshaped."""
    right = arrange.lettered

    def wrong(roles: Any, x: np.ndarray, letters: Any, origin: Any) -> np.ndarray:
        found = right(roles, x, letters, origin)
        return x.reshape(found.shape)

    patch.setattr(arrange, "lettered", wrong)


def fitted(patch: Patch, change: Callable[[Any, np.ndarray], np.ndarray]) -> None:
    """An array that does not fit is made to."""

    def wrong(roles: Any, arrays: Any, origin: Any) -> Exception:
        raise FitsError(change(roles, arrays.x))

    right = arrange.arranged

    def arranged(network: Any, arrays: Any, origin: Any) -> Any:
        try:
            return right(network, arrays, origin)
        except FitsError as found:
            return found.x, ()

    patch.setattr(arrange, "_refusal", wrong)
    patch.setattr("certrnn.datasets.files.arranged", arranged)


class FitsError(Exception):
    def __init__(self, x: np.ndarray) -> None:
        self.x = x


def transposed_silently(patch: Patch) -> None:
    fitted(patch, lambda roles, x: x.transpose(0, 2, 1))


def first_long_axis_is_time(patch: Patch) -> None:
    def wrong(self: Any, tensor: Any) -> tuple[int, ...]:
        return tuple(a for a, n in enumerate(tensor.shape) if n == self.frames > 1)[:1]

    patch.setattr(answers.Reader, "_timed", wrong)
    patch.setattr(answers.Reader, "_require_scores", lambda *arguments: None)


def some_frames_are_classes(patch: Patch) -> None:
    patch.setattr(answers.Reader, "_require_scores", lambda *arguments: None)


def negative_factors_accepted(patch: Patch) -> None:
    right = arithmetic.scaled

    def wrong(node: Any, source: Normalised, factor: Known | None, offset: Known | None) -> Normalised:
        if factor is not None and float(factor.array.flat[0]) < 0.0:
            return source.moved_by(float(factor.array.flat[0]), 0.0, 0.0)
        return right(node, source, factor, offset)

    patch.setattr(arithmetic, "scaled", wrong)


def slices_shifted(patch: Patch) -> None:
    def wrong(node: Any, right: Callable[..., Any]) -> Any:
        source = node.input(0)
        if isinstance(source, Known):
            return right(node)
        rolled = rearranged(source, np.roll(entries(source), 1, axis=node.integers(3, "axes")[0]))
        return right(replace(node, inputs=(rolled, *node.inputs[1:])))

    operator(patch, "Slice", wrong)


def columns_rolled(patch: Patch) -> None:
    def wrong(node: Any, right: Callable[..., Any]) -> Any:
        (found,) = right(node)
        return [View(np.roll(found.ids, 1, axis=-1))] if isinstance(found, View) else [found]

    operator(patch, "MatMul", wrong)
    operator(patch, "Gemm", wrong)


def means_are_sums(patch: Patch) -> None:
    patch.setattr(reductions, "shrink", lambda node, tensor, count: tensor)


def last_of_several_groups(patch: Patch) -> None:
    """A softmax of which a part is left is taken as one of that part."""
    right = import_check.ended

    def wrong(lowered: lower.Lowered, x: Any, limit: float) -> Accounted:
        if lowered.table is None:
            return right(lowered, x, limit)
        assert lowered.numbers is not None
        part = lower.Table(lowered.numbers, lowered.groups, np.arange(len(lowered.groups)))
        return right(replace(lowered, table=part), x, limit)

    patch.setattr(import_check, "ended", wrong)


def positions_are_classes(patch: Patch) -> None:
    patch.setattr(answers, "repeated", lambda space, ids, axis: False)
