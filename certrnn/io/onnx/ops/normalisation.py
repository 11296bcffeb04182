"""Normalisations: deviations from a mean, by their root mean square.

The mean is subtracted by one matrix, so that what all of a group share cancels in boxes as well; variances are sums of
squares, each of them at least 0; and ``1 / sqrt`` is one function of what stays above epsilon.
"""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx import positive
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.ops.reductions import norm
from certrnn.io.onnx.tensors import Known, Tensor, View
from transformers_abs import SQUARE


def layer_normalization(node: NodeContext) -> list[Tensor]:
    """Over the axes from ``axis`` on; the outputs of mean and inverse deviation are not computed."""
    _alone(node)
    ids = node.view(0).ids
    axis = node.axis(int(node.attribute("axis", -1)), ids.ndim)
    return [_scaled(node, _standardised(node, ids, tuple(range(axis, ids.ndim)), _epsilon(node)), 1, 2)]


def rms_normalization(node: NodeContext) -> list[Tensor]:
    """The same without the mean."""
    ids = node.view(0).ids
    axis = node.axis(int(node.attribute("axis", -1)), ids.ndim)
    axes = tuple(range(axis, ids.ndim))
    return [_scaled(node, _standardised(node, ids, axes, _epsilon(node), centred=False), 1)]


def instance_normalization(node: NodeContext) -> list[Tensor]:
    """Over all axes after the channels."""
    ids = node.view(0).ids
    result = _standardised(node, ids, tuple(range(2, ids.ndim)), _epsilon(node))
    return [_scaled(node, result, 1, 2, (-1, *[1] * (ids.ndim - 2)))]


def group_normalization(node: NodeContext) -> list[Tensor]:
    """Over groups of channels and all axes after them; before operator set 21 scale and bias are one a group."""
    ids = node.view(0).ids
    groups = int(node.attribute("num_groups", 0))
    if groups < 1 or ids.ndim < 3 or ids.shape[1] % groups:
        raise node.damaged("num_groups divides the channels", f"{groups} for shape {ids.shape}")
    apart = ids.reshape(ids.shape[0], groups, -1)
    result = _standardised(node, apart, (2,), _epsilon(node))
    if node.opset < 21:
        return [View(_scaled(node, result, 1, 2, (-1, 1)).ids.reshape(ids.shape))]
    return [_scaled(node, View(result.ids.reshape(ids.shape)), 1, 2, (-1, *[1] * (ids.ndim - 2)))]


def lp_normalization(node: NodeContext) -> list[Tensor]:
    """``x / ||x||`` in the norm of p = 1 or 2."""
    source = node.view(0)
    axis = node.axis(int(node.attribute("axis", -1)), source.ids.ndim)
    length = View(np.expand_dims(norm(node, source.ids, (axis,), int(node.attribute("p", 2))), axis))
    return [times(node, source, positive.inverse(node, length))]


def _alone(node: NodeContext) -> None:
    if any(node.outputs[1:]):
        raise node.refuse("only the normalised values are wanted", "outputs of mean or deviation")


def _epsilon(node: NodeContext) -> float:
    return float(node.attribute("epsilon", np.float32(1e-5)))


def _standardised(
    node: NodeContext, ids: np.ndarray, axes: tuple[int, ...], epsilon: float, centred: bool = True
) -> View:
    """``(x - mean) / sqrt(mean((x - mean)^2) + epsilon)``, or without the mean."""
    space, place = node.space, range(ids.ndim - len(axes), ids.ndim)
    moved = np.moveaxis(ids, axes, place)
    rows = moved.reshape(-1, int(np.prod([ids.shape[a] for a in axes], dtype=np.int64)))
    count = rows.shape[1]
    if count == 0 or not epsilon >= 0.0:
        raise node.damaged("a normalisation has elements and an epsilon of at least 0", (count, epsilon))
    if centred:
        weight = space.numbers(np.eye(count) - 1.0 / count)
        rows = space.affine_rows(rows, weight, 2.0**-52, node.name)
    rows = space.whole(rows, node.name)
    squares = space.apply(SQUARE, rows, node.name)
    mean = space.affine_rows(squares, space.numbers(np.full((1, count), 1.0 / count)), 2.0**-53, node.name)
    above = plus(node, View(mean), Known(np.asarray(epsilon)))
    inverse = positive.inverse(
        node, View(positive.square_root(space, space.whole(node.as_view(above).ids, node.name), node.name))
    )
    result = space.multiply(rows, np.array(np.broadcast_to(inverse.ids, rows.shape)), node.name)
    return View(np.moveaxis(result.reshape(moved.shape), place, axes))


def _scaled(
    node: NodeContext, values: View, scale: int, bias: int = -1, shape: tuple[int, ...] | None = None
) -> View:
    """``scale * values + bias`` with the inputs of these numbers, brought into ``shape`` first."""
    result: Tensor = values
    for index, join in ((scale, times), (bias, plus)):
        if index < 0 or not node.has(index):
            continue
        operand = node.input(index)
        if shape is not None and isinstance(operand, Known):
            operand = Known(operand.array.reshape(shape), operand.relative_error, operand.name, operand.kind)
        result = join(node, result, operand)
    return node.as_view(result)
