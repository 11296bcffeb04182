"""Scalar functions, minima and maxima, and batch normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from certrnn.io.onnx import exact
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.tensors import Known, Tensor, View
from transformers_abs import RELU, SIGMOID, TANH, LeakyRelu, Transformer


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
    """``relu(x) + relu(-x)``."""
    source = node.input(0)
    if isinstance(source, Known):
        return [Known(np.abs(source.array), source.relative_error)]
    return [
        plus(node, rectified(node, source), rectified(node, times(node, source, Known(np.asarray(-1.0)))))
    ]


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
        low = -np.inf if lower is None else lower.array
        high = np.inf if upper is None else upper.array
        array = np.minimum(high, np.maximum(low, tensor.array)).astype(tensor.array.dtype)
        errors = (t.relative_error for t in (tensor, lower, upper) if t is not None)
        return Known(array, 2.0 * max(errors))
    if lower is not None and not bool((lower.array <= -3.0e38).all()):
        tensor = larger(node, tensor, lower)
    if upper is not None and not bool((upper.array >= 3.0e38).all()):
        tensor = smaller(node, tensor, upper)
    return tensor


def _either(left: Known, right: Known) -> float:
    """Relative error of the number that an extreme picks: doubled, as rounding may have picked the wrong one."""
    return 2.0 * max(left.relative_error, right.relative_error)


def larger(node: NodeContext, left: Tensor, right: Tensor) -> Tensor:
    """``max(left, right) = right + relu(left - right)``."""
    if isinstance(left, Known) and isinstance(right, Known):
        return Known(np.maximum(left.array, right.array), _either(left, right))
    return plus(node, rectified(node, plus(node, left, right, -1.0)), right)


def smaller(node: NodeContext, left: Tensor, right: Tensor) -> Tensor:
    """``min(left, right) = right - relu(right - left)``."""
    if isinstance(left, Known) and isinstance(right, Known):
        return Known(np.minimum(left.array, right.array), _either(left, right))
    return plus(node, right, rectified(node, plus(node, right, left, -1.0)), -1.0)


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


def square_root(node: NodeContext) -> list[Tensor]:
    number = node.constant(0, "the argument")
    root = exact.square_root(number)
    if root is None:
        raise node.refuse("the argument is positive and finite", number.array.reshape(-1)[:3])
    return [root]


def reciprocal(node: NodeContext) -> list[Tensor]:
    inverse = exact.reciprocal(node.constant(0, "the argument"))
    if inverse is None:
        raise node.refuse("the argument is a normal number", "zero, infinity or a subnormal number")
    return [inverse]


def power(node: NodeContext) -> list[Tensor]:
    """A constant exponent: 1 does nothing, 2 is a product."""
    exponent = node.constant(1, "the exponent").array.reshape(-1)
    if exponent.size and bool((exponent == 1).all()):
        return [node.input(0)]
    if exponent.size and bool((exponent == 2).all()):
        return [times(node, node.input(0), node.input(0))]
    raise node.refuse("the exponent is 1 or 2", exponent[:3].tolist())


def batch_normalization(node: NodeContext) -> list[Tensor]:
    """``scale (x - mean) / sqrt(var + epsilon) + bias``, folded with a bound on the folding's own rounding."""
    if node.attribute("training_mode", 0):
        raise node.refuse("training_mode is 0", 1, "Call model.eval() before exporting.")
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
        return Known(k.array.reshape(-1, *axes), k.relative_error, k.name)

    node.note("folded into a diagonal affine map")
    centred = plus(node, source, spread(mean), -1.0)
    return [plus(node, times(node, centred, spread(factor)), spread(bias))]
