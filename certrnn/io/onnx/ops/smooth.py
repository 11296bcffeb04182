"""Smooth functions of data: exponentials, logarithms, roots, powers, and activations made of them."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx import exact, positive
from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.ops.functions import elementwise
from certrnn.io.onnx.tensors import Known, Tensor, View, entries, rearranged
from transformers_abs import ERF, EXP, GELU, SOFTPLUS, SOFTSIGN, TANH, Elu, Power

_SELU = float(np.float32(1.67326319217681884765625)), float(np.float32(1.05070102214813232421875))
_MOST = 16
"""Highest power that is enclosed."""

exp, softplus, softsign = elementwise(EXP), elementwise(SOFTPLUS), elementwise(SOFTSIGN)
erf = elementwise(ERF)


def _number(value: float) -> Known:
    return Known(np.asarray(value))


def square_root(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    if not isinstance(source, Known):
        return [View(positive.square_root(node.space, node.view(0).ids, node.name))]
    root = exact.square_root(source)
    if root is None:
        raise node.refuse("the argument is positive and finite", source.array.reshape(-1)[:3])
    return [root]


def reciprocal(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    if not isinstance(source, Known):
        return [positive.inverse(node, source)]
    inverse = exact.reciprocal(source)
    if inverse is None:
        raise node.refuse("the argument is a normal number", "zero, infinity or a subnormal number")
    return [inverse]


def logarithm(node: NodeContext) -> list[Tensor]:
    return [View(positive.logarithm(node.space, node.view(0).ids, node.name))]


def power(node: NodeContext) -> list[Tensor]:
    """A constant exponent: whole numbers, halves, and what is one by them."""
    constant = node.constant(1, "the exponent")
    exponent = constant.array.reshape(-1)
    alike = not constant.relative_error and exponent.size > 0 and bool((exponent == exponent[0]).all())
    value = float(exponent[0]) if alike else 0.0
    if not alike or abs(value) not in (0.5, *range(1, _MOST + 1)):
        raise node.refuse(
            f"the exponent is 1/2 or one of 1..{_MOST}, or less than 0 by as much", exponent[:3].tolist()
        )
    source = node.input(0)
    base = rearranged(source, broadcast(node, [entries(source), constant.array])[0])
    if isinstance(base, Known):
        return [_folded(node, base, value)]
    raised = _raised(node, base, abs(value))
    return [raised if value > 0.0 else positive.inverse(node, raised)]


def _raised(node: NodeContext, base: Tensor, exponent: float) -> Tensor:
    if exponent == 1.0:
        return base
    if exponent == 0.5:
        return View(positive.square_root(node.space, node.as_view(base).ids, node.name))
    return View(node.space.apply(Power(int(exponent)), node.as_view(base).ids, node.name))


def _folded(node: NodeContext, base: Known, exponent: float) -> Tensor:
    """A power of known numbers."""
    result: Known | None = exact.square_root(base) if abs(exponent) == 0.5 else base
    for _ in range(int(abs(exponent)) - 1):
        result = None if result is None else exact.multiply(result, base)
    if result is not None and exponent < 0.0:
        result = exact.reciprocal(result)
    if result is None:
        raise node.refuse("a power of known numbers is finite", base.array.reshape(-1)[:3].tolist())
    return result


def gelu(node: NodeContext) -> list[Tensor]:
    """``x cdf(x)``, or with ``approximate`` the file's own ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``."""
    if node.attribute("approximate", "none") != "tanh":
        return [View(node.space.apply(GELU, node.view(0).ids, node.name))]
    x = node.view(0)
    cube = View(node.space.apply(Power(3), x.ids, node.name))
    inner = plus(node, x, times(node, cube, Known(np.asarray(0.044715), 2.0**-52)))
    root = Known(np.asarray(np.sqrt(2.0 / np.pi)), 2.0**-51)
    bent = View(node.space.apply(TANH, node.as_view(times(node, inner, root)).ids, node.name))
    return [times(node, times(node, x, _number(0.5)), plus(node, bent, _number(1.0)))]


def elu(node: NodeContext) -> list[Tensor]:
    alpha = float(node.attribute("alpha", 1.0))
    return [View(node.space.apply(Elu(alpha), node.view(0).ids, node.name))]


def selu(node: NodeContext) -> list[Tensor]:
    """``gamma elu(x, alpha)``."""
    alpha, gamma = (
        float(node.attribute(name, default)) for name, default in zip(("alpha", "gamma"), _SELU, strict=True)
    )
    return [times(node, View(node.space.apply(Elu(alpha), node.view(0).ids, node.name)), _number(gamma))]


def celu(node: NodeContext) -> list[Tensor]:
    """``max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) = alpha elu(x / alpha)``."""
    alpha = _number(float(node.attribute("alpha", 1.0)))
    inverse = exact.reciprocal(alpha)
    if inverse is None or not alpha.array > 0.0:
        raise node.refuse("alpha is a positive normal number", alpha.array)
    inner = node.as_view(times(node, node.view(0), inverse))
    return [times(node, View(node.space.apply(Elu(1.0), inner.ids, node.name)), alpha)]


def mish(node: NodeContext) -> list[Tensor]:
    """``x tanh(softplus(x))``."""
    x = node.view(0)
    inner = node.space.apply(TANH, node.space.apply(SOFTPLUS, x.ids, node.name), node.name)
    return [times(node, x, View(inner))]
