"""Sums, differences, products, quotients and matrix products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certrnn.io.onnx import exact
from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.ops.heads import scaled
from certrnn.io.onnx.positive import inverse
from certrnn.io.onnx.softmax import weighted_sum
from certrnn.io.onnx.tensors import Known, Normalised, Tensor, View, check_finite

_MOST_PRODUCTS = 1 << 18
"""Of two tensors that both depend on the data."""


def add(node: NodeContext) -> list[Tensor]:
    return [plus(node, node.input(0), node.input(1))]


def subtract(node: NodeContext) -> list[Tensor]:
    return [plus(node, node.input(0), node.input(1), -1.0)]


def total(node: NodeContext) -> list[Tensor]:
    """Sum and Mean of several tensors."""
    result = node.input(0)
    for index in range(1, len(node.inputs)):
        result = plus(node, result, node.input(index))
    if node.op == "Mean":
        result = shrink(node, result, len(node.inputs))
    return [result]


def plus(node: NodeContext, left: Tensor, right: Tensor, sign: float = 1.0) -> Tensor:
    """``left + sign * right``."""
    if isinstance(left, Known) and isinstance(right, Known):
        folded = exact.add(left, right, sign)
        if folded is not None:
            return folded
        left = node.as_view(left)
    moved: Tensor | None = None
    if isinstance(left, Normalised) and isinstance(right, Known):
        moved = scaled(node, left, None, right if sign > 0 else replace(right, array=-right.array))
    elif isinstance(right, Normalised) and isinstance(left, Known) and sign > 0:
        moved = scaled(node, right, None, left)
    if moved is not None:
        return moved
    if isinstance(left, Known) or isinstance(right, Known):
        number, other = (left, right) if isinstance(left, Known) else (right, left)
        assert isinstance(number, Known)
        weight = 1.0 if isinstance(right, Known) else sign
        if weight > 0.0 and (sign > 0.0 or isinstance(right, Known)):
            number, other = _masked(node, number, other, sign if isinstance(right, Known) else 1.0)
        check_finite(node.where, number)
        ids, offset = broadcast(node, [node.as_view(other).ids, number.array])
        shift = sign * offset if isinstance(right, Known) else offset
        return View(_scaled(node, ids, np.full(ids.shape, weight), shift, number.relative_error))
    a, b = broadcast(node, [node.as_view(left).ids, node.as_view(right).ids])
    return View(node.space.linear([a, b], [1.0, sign], 0.0, node.name))


def _masked(node: NodeContext, number: Known, other: Tensor, sign: float) -> tuple[Known, Tensor]:
    """Minus infinity that is added is what comes out, whatever it is added to."""
    if not number.real:
        return number, other
    masked = np.isneginf(sign * number.array)
    if not masked.any():
        return number, other
    where, ids = broadcast(node, [masked, node.as_view(other).ids])
    view = View(np.where(where, node.space.minus_infinity, ids))
    return replace(number, array=np.where(masked, 0.0, number.array)), view


def _scaled(
    node: NodeContext, ids: np.ndarray, weight: np.ndarray, bias: np.ndarray, error: float
) -> np.ndarray:
    if error == 0.0 and bool((weight == 1.0).all()) and not bool(bias.any()):
        return ids
    return node.space.scaled(ids, weight, bias, error, node.name)


def multiply(node: NodeContext) -> list[Tensor]:
    return [times(node, node.input(0), node.input(1))]


def times(node: NodeContext, left: Tensor, right: Tensor) -> Tensor:
    """``left * right`` element by element."""
    if isinstance(left, Known) and isinstance(right, Known):
        folded = exact.multiply(left, right)
        if folded is not None:
            return folded
        left = node.as_view(left)
    for source, factor in ((left, right), (right, left)):
        if isinstance(source, Normalised) and isinstance(factor, Known):
            moved = scaled(node, source, factor, None)
            if moved is not None:
                return moved
    if isinstance(left, Known) or isinstance(right, Known):
        number, other = (left, right) if isinstance(left, Known) else (right, left)
        assert isinstance(number, Known)
        check_finite(node.where, number)
        ids, weight = broadcast(node, [node.as_view(other).ids, number.array])
        return View(_scaled(node, ids, weight, np.zeros(ids.shape), number.relative_error))
    a, b = broadcast(node, [node.as_view(left).ids, node.as_view(right).ids])
    return View(node.space.multiply(a, b, node.name))


def divide(node: NodeContext) -> list[Tensor]:
    left, right = node.input(0), node.input(1)
    if isinstance(right, Known) and not right.real:
        return [_divide_integers(node, left, right)]
    if not isinstance(right, Known):
        return [times(node, left, inverse(node, right))]
    divisor = right
    if isinstance(left, Known):
        folded = exact.divide(left, divisor)
        if folded is not None:
            return [folded]
    folded = exact.reciprocal(divisor)
    if folded is None:
        raise node.refuse("the divisor is a normal number", "zero, infinity or a subnormal number")
    return [times(node, left, folded)]


def _divide_integers(node: NodeContext, left: Tensor, right: Known) -> Known:
    if not isinstance(left, Known) or left.real:
        raise node.damaged("both operands have one type", "a float divided by an integer")
    broadcast(node, [left.array, right.array])
    quotient = exact.quotient(left, right)
    if quotient is None:
        raise node.damaged("an integer divisor is not zero and the quotient fits its type", right.array)
    return quotient


def shrink(node: NodeContext, tensor: Tensor, count: int) -> Tensor:
    """``tensor / count``."""
    share = exact.reciprocal(Known(np.asarray(float(count))))
    if share is None:
        raise node.damaged("a mean is taken over at least one element", count)
    return times(node, tensor, share)


def negate(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    if isinstance(source, Known):
        with np.errstate(over="ignore"):  # the least integer stays as it is
            return [Known(-source.array, source.relative_error)]
    ids = node.view(0).ids
    return [View(node.space.scaled(ids, -np.ones(ids.shape), np.zeros(ids.shape), 0.0, node.name))]


def matmul(node: NodeContext) -> list[Tensor]:
    return [matrix_product(node, node.input(0), node.input(1))]


def gemm(node: NodeContext) -> list[Tensor]:
    """``alpha A B + beta C``."""
    left, right = node.input(0), node.input(1)
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise node.damaged("A and B are matrices", f"shapes {left.shape} and {right.shape}")
    left = _transposed(left) if node.attribute("transA", 0) else left
    right_flip = bool(node.attribute("transB", 0))
    result = matrix_product(node, left, right, right_flip)
    alpha, beta = float(node.attribute("alpha", 1.0)), float(node.attribute("beta", 1.0))
    if alpha != 1.0:
        result = times(node, result, Known(np.asarray(alpha)))
    if not node.has(2) or beta == 0.0:
        return [result]
    added = node.input(2) if beta == 1.0 else times(node, node.input(2), Known(np.asarray(beta)))
    return [plus(node, result, added)]


def _transposed(tensor: Tensor) -> Tensor:
    match tensor:
        case Known():
            return replace(tensor, array=tensor.array.T)
        case View():
            return replace(tensor, ids=tensor.ids.T)
    return tensor


def matrix_product(node: NodeContext, left: Tensor, right: Tensor, right_flip: bool = False) -> Tensor:
    """``left @ right`` (``right`` transposed where ``right_flip``): every row of the moving factor one Affine node."""
    if isinstance(right, Known) and not isinstance(left, Known):
        return _rows_times(node, node.as_view(left).ids, right, right_flip)
    right = _transposed(right) if right_flip else right
    if isinstance(left, Known) and isinstance(right, Known):
        _check_inner(node, left.shape, right.shape)
        folded = exact.matrix_product(left, right)
        if folded is not None:
            return folded
        return _rows_times(node, node.as_view(left).ids, right, False)
    ids = node.as_view(right).ids
    if isinstance(left, Known):
        if ids.ndim == 1:
            return _rows_times(
                node, ids, Known(np.swapaxes(left.array, -1, -2), left.relative_error, left.name), False
            )
        flipped = Known(
            np.swapaxes(left.array, -1, -2) if left.array.ndim > 1 else left.array[:, None],
            left.relative_error,
            left.name,
        )
        moved = _rows_times(node, np.swapaxes(ids, -1, -2), flipped, False)
        result = np.swapaxes(moved.ids, -1, -2)
        return View(result[..., 0, :] if left.array.ndim == 1 else result)
    return _inner_products(node, node.as_view(left).ids, ids)


def _check_inner(node: NodeContext, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    inner = right[-2] if len(right) > 1 else right[-1] if right else -1
    if not left or left[-1] != inner:
        raise node.damaged("the inner sizes of a matrix product agree", f"shapes {left} and {right}")


def _rows_times(node: NodeContext, ids: np.ndarray, weight: Known, flip: bool) -> View:
    """ids (.., M, K) times a known (.., K, N), or its transpose (N, K) where ``flip``."""
    check_finite(node.where, weight)
    array = weight.array
    if array.ndim == 1:
        result = _rows_times(node, ids, Known(array[:, None], weight.relative_error, weight.name), False)
        return View(result.ids[..., 0])
    _check_inner(node, ids.shape, array.shape[::-1] if flip else array.shape)
    if ids.ndim == 1:
        return View(_rows_times(node, ids[None], weight, flip).ids[..., 0, :])
    batch = np.broadcast_shapes(ids.shape[:-2], array.shape[:-2])
    rows = np.broadcast_to(ids, (*batch, *ids.shape[-2:])).reshape(-1, *ids.shape[-2:])
    which = np.arange(int(np.prod(array.shape[:-2], dtype=np.int64))).reshape(array.shape[:-2])
    which = np.broadcast_to(which, batch).reshape(-1)
    results = [
        node.space.affine_rows(
            block, node.space.matrix(array, not flip, int(index)), weight.relative_error, node.name
        )
        for block, index in zip(rows, which, strict=True)
    ]
    columns = array.shape[-2] if flip else array.shape[-1]
    return View(np.stack(results).reshape(*batch, ids.shape[-2], columns))


def _inner_products(node: NodeContext, left: np.ndarray, right: np.ndarray) -> View:
    """Both factors depend on the data: a sum of products element by element, a node for each place of the inner axis.
    What the products of one entry are enclosed with becomes one symbol then."""
    _check_inner(node, left.shape, right.shape)
    a = left[None] if left.ndim == 1 else left
    b = right[:, None] if right.ndim == 1 else right
    rows, columns = broadcast(node, [a[..., :, None, :], np.swapaxes(b, -1, -2)[..., None, :, :]])
    if rows.size > _MOST_PRODUCTS:
        raise node.refuse(
            "a product of two tensors that both depend on the input is small", f"{rows.size} products"
        )
    rows, columns = (_in_one(node, factor) for factor in (rows, columns))
    terms = [node.space.multiply(rows[..., k], columns[..., k], node.name) for k in range(rows.shape[-1])]
    sums = _total(node, terms, pooled=a.shape[-2] == 1)
    sums = sums[..., 0, :] if left.ndim == 1 else sums
    return View(sums[..., 0] if right.ndim == 1 else sums)


def _total(node: NodeContext, terms: list[np.ndarray], pooled: bool) -> np.ndarray:
    """The sum of the terms, which may be those of attention ``pooled`` into one."""
    if len(terms) == 1:
        return terms[0]
    attention = weighted_sum(node.space, terms, node.name) if pooled else None
    return node.space.linear(terms, [1.0] * len(terms), 0.0, node.name) if attention is None else attention


def _in_one(node: NodeContext, ids: np.ndarray) -> np.ndarray:
    """The same elements, each of them once in one node."""
    distinct, places = np.unique(ids.reshape(-1), return_inverse=True)
    return node.space.whole(distinct, node.name)[places.reshape(-1)].reshape(ids.shape)
