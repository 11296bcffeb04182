"""The scalar functions a cell may apply, lowered to graph nodes, and the products of two of them.

Each is exact in real arithmetic: a clip becomes two relus, a scaling a diagonal affine map. No function is
approximated here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.ir import GraphBuilder
from transformers_abs import RELU, SIGMOID, TANH, LeakyRelu
from transformers_abs.bivariate import MUL_SIGMOID, PRODUCT, SIGMOID_TANH

ACTIVATIONS = ("Affine", "HardSigmoid", "LeakyRelu", "Relu", "ScaledTanh", "Sigmoid", "Tanh")
"""Names that :class:`Activation` accepts."""


@dataclass(frozen=True)
class Activation:
    """One scalar function by its ONNX name; ``alpha`` and ``beta`` are its parameters where it has any.

    ``Affine`` is ``alpha x + beta``, ``HardSigmoid`` is ``min(1, max(0, alpha x + beta))``, ``ScaledTanh`` is
    ``alpha tanh(beta x)``, ``LeakyRelu`` is ``x`` for positive x and ``alpha x`` otherwise.
    """

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.name!r}")

    def apply(self, builder: GraphBuilder, source: int, label: str = "") -> int:
        """Position of the node that holds the function of the node at ``source``, element by element."""
        match self.name:
            case "Tanh":
                return builder.elementwise(TANH, source, label=label)
            case "Sigmoid":
                return builder.elementwise(SIGMOID, source, label=label)
            case "Relu":
                return builder.elementwise(RELU, source, label=label)
            case "LeakyRelu":
                return builder.elementwise(LeakyRelu(self.alpha), source, label=label)
            case "Affine":
                return scale(builder, source, self.alpha, self.beta, label)
            case "HardSigmoid":
                return clip(builder, scale(builder, source, self.alpha, self.beta, label), 0.0, 1.0, label)
            case _:
                inner = builder.elementwise(TANH, scale(builder, source, self.beta, 0.0, label), label=label)
                return scale(builder, inner, self.alpha, 0.0, label)


def scale(builder: GraphBuilder, source: int, factor: float, offset: float, label: str = "") -> int:
    """``factor * source + offset`` with the same two numbers for every element."""
    if factor == 1.0 and offset == 0.0:
        return source
    size = builder[source].size
    weight = torch.full((size,), factor, dtype=torch.float64)
    return builder.affine(weight, torch.full((size,), offset, dtype=torch.float64), source, label)


def clip(
    builder: GraphBuilder, source: int, lower: float | None, upper: float | None, label: str = ""
) -> int:
    """``min(upper, max(lower, source))`` as relus: ``lower + relu(x - lower)``, then ``upper - relu(upper - x)``."""
    if lower is not None:
        shifted = scale(builder, source, 1.0, -lower, label)
        source = scale(builder, builder.elementwise(RELU, shifted, label=label), 1.0, lower, label)
    if upper is not None:
        shifted = scale(builder, source, -1.0, upper, label)
        source = scale(builder, builder.elementwise(RELU, shifted, label=label), -1.0, upper, label)
    return source


def gate(builder: GraphBuilder, activation: Activation, argument: int, value: int, label: str = "") -> int:
    """``activation(argument) * value``: one node where the activation is the logistic function."""
    if activation.name == "Sigmoid":
        return builder.elementwise(MUL_SIGMOID, value, argument, label=label)
    return product(builder, activation.apply(builder, argument, label), value, label)


def product(builder: GraphBuilder, left: int, right: int, label: str = "") -> int:
    """``left * right`` of two nodes that nothing is known of."""
    return builder.elementwise(PRODUCT, left, right, label=label)


def gate_activated(
    builder: GraphBuilder, gating: Activation, argument: int, inner: Activation, source: int, label: str = ""
) -> int:
    """``gating(argument) * inner(source)``: one node where it is the logistic function times tanh."""
    if gating.name == "Sigmoid" and inner.name == "Tanh":
        return builder.elementwise(SIGMOID_TANH, argument, source, label=label)
    return gate(builder, gating, argument, inner.apply(builder, source, label), label)


def complement_gate(builder: GraphBuilder, activation: Activation, argument: int, label: str = "") -> int:
    """``1 - activation(argument)`` as a node of its own."""
    return scale(builder, activation.apply(builder, argument, label), -1.0, 1.0, label)
