"""Rigorous linear (and quadratic) enclosures of scalar functions. Knows functions and boxes, never networks."""

from transformers_abs._protocol import (
    DIRECTIONS,
    Cuts,
    Quadratic,
    Region,
    Residual,
    ScalarKernel,
    Transformer,
)
from transformers_abs.bivariate import BIVARIATE, MUL_SIGMOID, PRODUCT, SIGMOID_TANH
from transformers_abs.slopes import SLOPES, LeastWidth, Secant, SlopePolicy
from transformers_abs.univariate import RELU, SIGMOID, TANH, UNIVARIATE, LeakyRelu, Relu, Sigmoid, Tanh

ALL: tuple[Transformer, ...] = (*UNIVARIATE, *BIVARIATE)
"""Every registered function, as the tests iterate over them."""

__all__ = [
    "ALL",
    "BIVARIATE",
    "DIRECTIONS",
    "MUL_SIGMOID",
    "PRODUCT",
    "RELU",
    "SIGMOID",
    "SIGMOID_TANH",
    "SLOPES",
    "TANH",
    "UNIVARIATE",
    "Cuts",
    "LeakyRelu",
    "LeastWidth",
    "Quadratic",
    "Region",
    "Relu",
    "Residual",
    "ScalarKernel",
    "Secant",
    "Sigmoid",
    "SlopePolicy",
    "Tanh",
    "Transformer",
]
