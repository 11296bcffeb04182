"""Sums, differences, products, quotients and matrix products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certrnn.io.onnx import exact
from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.ops.heads import scaled
from certrnn.io.onnx.tensors import Known, Normalised, Tensor, View, check_finite


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
    if isinstance(left, Normalised) and isinstance(right, Known):
        return scaled(node, left, None, right if sign > 0 else replace(right, array=-right.array))
    if isinstance(right, Normalised) and isinstance(left, Known) and sign > 0:
        return scaled(node, right, None, left)
    if isinstance(left, Known) or isinstance(right, Known):
        number, other = (left, right) if isinstance(left, Known) else (right, left)
        assert isinstance(number, Known)
        check_finite(node.where, number)
        ids, offset = broadcast(node, [node.as_view(other).ids, number.array])
        weight = 1.0 if isinstance(right, Known) else sign
        shift = sign * offset if isinstance(right, Known) else offset
        return View(_scaled(node, ids, np.full(ids.shape, weight), shift, number.relative_error))
    a, b = broadcast(node, [node.as_view(left).ids, node.as_view(right).ids])
    return View(node.space.linear([a, b], [1.0, sign], 0.0, node.name))


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
            return scaled(node, source, factor, None)
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
    divisor = node.constant(1, "the divisor")
    if isinstance(left, Known):
        folded = exact.divide(left, divisor)
        if folded is not None:
            return [folded]
    inverse = exact.reciprocal(divisor)
    if inverse is None:
        raise node.refuse("the divisor is a normal number", "zero, infinity or a subnormal number")
    return [times(node, left, inverse)]


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
    inverse = exact.reciprocal(Known(np.asarray(float(count))))
    if inverse is None:
        raise node.damaged("a mean is taken over at least one element", count)
    return times(node, tensor, inverse)


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
    """Both factors depend on the data: products element by element, then sums."""
    _check_inner(node, left.shape, right.shape)
    a = left[None] if left.ndim == 1 else left
    b = right[:, None] if right.ndim == 1 else right
    pairs = broadcast(node, [a[..., :, None, :], np.swapaxes(b, -1, -2)[..., None, :, :]])
    inner = a.shape[-1]
    if pairs[0].size > 1 << 16:
        raise node.refuse(
            "a product of two tensors that both depend on the input is small", f"{pairs[0].size} products"
        )
    products = node.space.multiply(pairs[0], pairs[1], node.name)
    ones = node.space.numbers(np.ones((1, inner)))
    sums = node.space.affine_rows(products.reshape(-1, inner), ones, 0.0, node.name).reshape(
        pairs[0].shape[:-1]
    )
    sums = sums[..., 0, :] if left.ndim == 1 else sums
    return View(sums[..., 0] if right.ndim == 1 else sums)
