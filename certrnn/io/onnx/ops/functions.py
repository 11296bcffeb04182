"""Scalar functions, minima and maxima, and batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from certrnn.io.onnx import exact
from certrnn.io.onnx.kinds import FORMATS
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.space import Extreme
from certrnn.io.onnx.tensors import Known, Tensor, View
from transformers_abs import RELU, SIGMOID, TANH, LeakyRelu, Transformer

_WIDE = frozenset([TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.BFLOAT16])
"""Float types whose largest number a network never comes near."""


def elementwise(transformer: Transformer) -> Callable[[NodeContext], list[Tensor]]:
    """A handler that applies one transformer."""

    def handle(node: NodeContext) -> list[Tensor]:
        return [View(node.space.apply(transformer, node.view(0).ids, node.name))]

    return handle


sigmoid, tanh, relu = elementwise(SIGMOID), elementwise(TANH), elementwise(RELU)


def leaky_relu(node: NodeContext) -> list[Tensor]:
    alpha = float(node.attribute("alpha", np.float32(0.01)))
    return [View(node.space.apply(LeakyRelu(alpha), node.view(0).ids, node.name))]


def prelu(node: NodeContext) -> list[Tensor]:
    """``relu(x) - slope * relu(-x)``, the slope known."""
    slope = node.constant(1, "the slope")
    positive = rectified(node, node.view(0))
    negative = rectified(node, times(node, node.view(0), Known(np.asarray(-1.0))))
    return [plus(node, positive, times(node, negative, slope), -1.0)]


def rectified(node: NodeContext, tensor: Tensor) -> View:
    return View(node.space.apply(RELU, node.as_view(tensor).ids, node.name))


def absolute(node: NodeContext) -> list[Tensor]:
    """``|x|``."""
    source = node.input(0)
    if isinstance(source, Known):
        with np.errstate(over="ignore"):  # the least integer stays as it is
            return [Known(np.abs(source.array), source.relative_error)]
    return [View(node.space.apply(LeakyRelu(-1.0), node.view(0).ids, node.name))]


def clip(node: NodeContext) -> list[Tensor]:
    """Clip, from attributes (opset below 11) or inputs; an absent or infinite bound does nothing."""
    bounds: list[Known | None] = []
    for index, name in ((1, "min"), (2, "max")):
        if node.has(index):
            bounds.append(node.constant(index, name))
        elif name in node.attributes:
            bounds.append(Known(np.asarray(float(node.attributes[name]))))
        else:
            bounds.append(None)
    return [limited(node, node.input(0), *bounds)]


def limited(node: NodeContext, tensor: Tensor, lower: Known | None, upper: Known | None) -> Tensor:
    """``min(upper, max(lower, x))``."""
    if isinstance(tensor, Known):
        array = tensor.array if lower is None else np.maximum(lower.array, tensor.array)
        array = array if upper is None else np.minimum(upper.array, array)
        return Known(array, max(t.relative_error for t in (tensor, lower, upper) if t is not None))
    # the largest number of the type bounds nothing: there are no numbers beyond it
    largest = FORMATS[tensor.kind].largest if tensor.kind in _WIDE else np.inf
    if lower is not None and not bool((lower.array <= -largest).all()):
        tensor = larger(node, tensor, lower)
    if upper is not None and not bool((upper.array >= largest).all()):
        tensor = smaller(node, tensor, upper)
    return tensor


def _either(left: Known, right: Known) -> float:
    """Relative error of the number that an extreme picks, see ``exact``."""
    return max(left.relative_error, right.relative_error)


def larger(node: NodeContext, left: Tensor, right: Tensor) -> Tensor:
    """``max(left, right) = right + relu(left - right)``."""
    if isinstance(left, Known) and isinstance(right, Known):
        return Known(np.maximum(left.array, right.array), _either(left, right))
    return _extreme(node, left, right, plus(node, rectified(node, plus(node, left, right, -1.0)), right))


def smaller(node: NodeContext, left: Tensor, right: Tensor) -> Tensor:
    """``min(left, right) = right - relu(right - left)``."""
    if isinstance(left, Known) and isinstance(right, Known):
        return Known(np.minimum(left.array, right.array), _either(left, right))
    result = plus(node, right, rectified(node, plus(node, right, left, -1.0)), -1.0)
    return _extreme(node, left, right, result, is_larger=False)


def _extreme(
    node: NodeContext, left: Tensor, right: Tensor, result: Tensor, is_larger: bool = True
) -> Tensor:
    """The result, remembered as what it is: no more than the larger, no less than the smaller of the two."""
    ids = node.as_view(result).ids
    one, other = (np.broadcast_to(node.as_view(side).ids, ids.shape).reshape(-1) for side in (left, right))
    node.space.extremes.append(Extreme(ids.reshape(-1), one, other, is_larger))
    return result


def extreme(node: NodeContext) -> list[Tensor]:
    """Max and Min of several tensors."""
    join = larger if node.op == "Max" else smaller
    result = node.input(0)
    for index in range(1, len(node.inputs)):
        result = join(node, result, node.input(index))
    return [result]


def hard_sigmoid(node: NodeContext) -> list[Tensor]:
    alpha = float(node.attribute("alpha", np.float32(0.2)))
    beta = float(node.attribute("beta", np.float32(0.5)))
    return [_hard(node, alpha, beta)]


def hard_swish(node: NodeContext) -> list[Tensor]:
    return [times(node, node.input(0), _hard(node, float(np.float32(1 / 6)), 0.5))]


def _hard(node: NodeContext, alpha: float, beta: float) -> Tensor:
    inner = plus(node, times(node, node.view(0), Known(np.asarray(alpha))), Known(np.asarray(beta)))
    return limited(node, inner, Known(np.asarray(0.0)), Known(np.asarray(1.0)))


def batch_normalization(node: NodeContext) -> list[Tensor]:
    """``scale (x - mean) / sqrt(var + epsilon) + bias``, folded with a bound on the folding's own rounding."""
    if node.attribute("training_mode", 0):
        raise node.refuse("training_mode is 0", 1, "Call model.eval() before exporting.")
    if any(node.outputs[1:]) or not node.attribute("spatial", 1):
        raise node.refuse("statistics are per channel and given", "training outputs, or spatial = 0")
    source = node.input(0)
    scale, bias, mean, variance = (
        node.constant(i, w) for i, w in enumerate(("scale", "bias", "mean", "variance"), start=1)
    )
    epsilon = Known(np.asarray(float(node.attribute("epsilon", np.float32(1e-5)))))
    shifted = exact.add(variance, epsilon)
    root = None if shifted is None else exact.square_root(shifted)
    factor = None if root is None else exact.divide(scale, root)
    if factor is None:
        raise node.refuse("variance + epsilon is positive and finite", variance.array.reshape(-1)[:3])
    axes = [1] * (len(source.shape) - 2)

    def spread(k: Known) -> Known:
        return replace(k, array=k.array.reshape(-1, *axes))

    node.note("folded into a diagonal affine map")
    centred = plus(node, source, spread(mean), -1.0)
    return [plus(node, times(node, centred, spread(factor)), spread(bias))]
