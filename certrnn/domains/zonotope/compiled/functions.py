"""Which functions the machine knows, by number."""

from __future__ import annotations

from certrnn.domains.zonotope.compiled import instructions as at
from transformers_abs import LeakyRelu, Relu, Sigmoid, Tanh, Transformer
from transformers_abs.bivariate import SeparableProduct
from transformers_abs.scalar import IDENTITY, SIGMOID, TANH

_FACTORS = {"identity": IDENTITY, "sigmoid": SIGMOID, "tanh": TANH}


def known(transformer: Transformer) -> bool:
    """Whether the machine relaxes the function; one that is derived from a known one may behave otherwise."""
    return type(transformer) in (Tanh, Sigmoid, Relu, LeakyRelu, SeparableProduct)


def number_of(transformer: Transformer) -> tuple[tuple[int, ...], float]:
    """One number for a function of one argument, two for the factors of a product; and the slope below zero."""
    match transformer:
        case Tanh():
            return (at.TANH,), 0.0
        case Sigmoid():
            return (at.SIGMOID,), 0.0
        case Relu():
            return (at.PIECEWISE,), 0.0
        case LeakyRelu():
            return (at.PIECEWISE,), transformer.alpha
        case SeparableProduct():
            p, q = transformer.factors
            return (_FACTORS[p], _FACTORS[q]), 0.0
    raise ValueError(f"the machine relaxes no {transformer.name}")
