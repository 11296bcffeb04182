"""Rigorous linear (and quadratic) enclosures of scalar functions. Knows functions and boxes, never networks."""

from transformers_abs._protocol import DIRECTIONS, Cuts, Quadratic, Region, Residual, Transformer
from transformers_abs.slopes import SLOPES, LeastWidth, Secant, SlopePolicy
from transformers_abs.univariate import RELU, SIGMOID, TANH, UNIVARIATE, LeakyRelu, Relu, Sigmoid, Tanh

__all__ = [
    "DIRECTIONS",
    "RELU",
    "SIGMOID",
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
    "Secant",
    "Sigmoid",
    "SlopePolicy",
    "Tanh",
    "Transformer",
]
