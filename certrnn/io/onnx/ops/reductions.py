"""Sums, means, maxima, minima and norms over axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from certrnn.io.onnx import exact, positive
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import shrink
from certrnn.io.onnx.ops.functions import larger, smaller
from certrnn.io.onnx.softmax import Normaliser, weighted_sum
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, View
from transformers_abs import SQUARE, LeakyRelu


def reduce(node: NodeContext) -> list[Tensor]:
    """ReduceSum, ReduceMean, ReduceMax, ReduceMin, and what is made of sums."""
    source = node.input(0)
    if isinstance(source, Tokens):
        node.as_view(source)
    rank = len(source.shape)
    axes = node.axes()
    if node.op in _MADE_OF_SUMS and (not rank or (not axes and node.attribute("noop_with_empty_axes", 0))):
        raise node.refuse("it is taken over at least one axis", "none")
    if not axes:
        if node.attribute("noop_with_empty_axes", 0):
            return [source]
        axes = list(range(rank))
    chosen = tuple(sorted({node.axis(a, rank) for a in axes}))
    keep = bool(node.attribute("keepdims", 1))
    return [reduced(node, source, chosen, keep, node.op)]


def global_pool(node: NodeContext) -> list[Tensor]:
    """GlobalAveragePool and GlobalMaxPool: over every axis after batch and channel."""
    source = node.input(0)
    operation = "ReduceMean" if node.op == "GlobalAveragePool" else "ReduceMax"
    return [reduced(node, source, tuple(range(2, len(source.shape))), True, operation)]


def reduced(node: NodeContext, source: Tensor, axes: tuple[int, ...], keep: bool, operation: str) -> Tensor:
    """One of the four reductions over ``axes``."""
    count = int(np.prod([source.shape[a] for a in axes], dtype=np.int64))
    if count == 0:
        raise node.damaged("a reduction has at least one element", source.shape)
    if not axes:
        return source
    if operation in ("ReduceMax", "ReduceMin"):
        return _extremes(node, source, axes, keep, operation)
    if operation in _MADE_OF_SUMS:
        ids = _MADE_OF_SUMS[operation](node, node.as_view(source).ids, axes)
        return View(np.expand_dims(ids, axes) if keep else ids)
    if isinstance(source, Known):
        folded = exact.total(source, axes, keep)
        if folded is not None:
            if operation == "ReduceSum":
                return folded
            if folded.real:
                return shrink(node, folded, count)
            quotient = exact.quotient(folded, Known(np.asarray(count, dtype=folded.array.dtype)))
            if quotient is not None:
                return quotient
    ids = sums(node, node.as_view(source).ids, axes)
    result = View(np.expand_dims(ids, axes) if keep else ids)
    return result if operation == "ReduceSum" else shrink(node, result, count)


def sums(node: NodeContext, ids: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Over time a Sum of nodes; within a vector (the last axis among ``axes``) an Affine node of ones."""
    if ids.ndim - 1 in axes:
        moved = np.moveaxis(ids, axes, range(ids.ndim - len(axes), ids.ndim))
        rest = moved.shape[: ids.ndim - len(axes)]
        rows = moved.reshape(-1, int(np.prod(moved.shape[len(rest) :], dtype=np.int64)))
        ones = node.space.numbers(np.ones((1, rows.shape[1])))
        return node.space.affine_rows(rows, ones, 0.0, node.name).reshape(rest)
    moved = np.moveaxis(ids, axes, range(len(axes)))
    terms = list(moved.reshape(-1, *moved.shape[len(axes) :]))
    if len(terms) == 1:
        return terms[0]
    pooled = weighted_sum(node.space, terms, node.name)
    return node.space.linear(terms, [1.0] * len(terms), 0.0, node.name) if pooled is None else pooled


def _extremes(node: NodeContext, source: Tensor, axes: tuple[int, ...], keep: bool, operation: str) -> Tensor:
    """A balanced tree of pairwise maxima (minima)."""
    if isinstance(source, Known):
        pick = np.max if operation == "ReduceMax" else np.min
        return Known(pick(source.array, axis=axes, keepdims=keep), source.relative_error)
    ids = node.as_view(source).ids
    moved = np.moveaxis(ids, axes, range(len(axes)))
    level: list[Tensor] = [View(part) for part in moved.reshape(-1, *moved.shape[len(axes) :])]
    join = larger if operation == "ReduceMax" else smaller
    while len(level) > 1:
        paired = [join(node, a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    result = node.as_view(level[0]).ids
    return View(np.expand_dims(result, axes) if keep else result)


def norm(node: NodeContext, ids: np.ndarray, axes: tuple[int, ...], p: int) -> np.ndarray:
    """The norm over axes, which fall away."""
    if p == 1:
        return sums(node, node.space.apply(LeakyRelu(-1.0), ids, node.name), axes)
    squares = sums(node, node.space.apply(SQUARE, ids, node.name), axes)
    return positive.square_root(node.space, squares, node.name)


def _sum_of_squares(node: NodeContext, ids: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return sums(node, node.space.apply(SQUARE, ids, node.name), axes)


def _log_sum(node: NodeContext, ids: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return positive.logarithm(node.space, sums(node, ids, axes), node.name)


def _log_sum_exp(node: NodeContext, ids: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """As a softmax has it: the value less its logarithm of shares."""
    moved = np.moveaxis(ids, axes, range(ids.ndim - len(axes), ids.ndim))
    rows = moved.reshape(-1, int(np.prod([ids.shape[a] for a in axes], dtype=np.int64)))
    if rows.shape[1] == 1:
        return rows.reshape(moved.shape[: ids.ndim - len(axes)])
    return Normaliser(node.space, rows, node.name).total().reshape(moved.shape[: ids.ndim - len(axes)])


_MADE_OF_SUMS: dict[str, Callable[[NodeContext, np.ndarray, tuple[int, ...]], np.ndarray]] = {
    "ReduceL1": lambda node, ids, axes: norm(node, ids, axes, 1),
    "ReduceL2": lambda node, ids, axes: norm(node, ids, axes, 2),
    "ReduceSumSquare": _sum_of_squares,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
}
