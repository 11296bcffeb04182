"""Functions of two arguments."""

from transformers_abs._protocol import Transformer
from transformers_abs.bivariate.mul_sigmoid import MUL_SIGMOID
from transformers_abs.bivariate.product import PRODUCT
from transformers_abs.bivariate.sigmoid_tanh import SIGMOID_TANH

BIVARIATE: tuple[Transformer, ...] = (SIGMOID_TANH, MUL_SIGMOID, PRODUCT)

__all__ = ["BIVARIATE", "MUL_SIGMOID", "PRODUCT", "SIGMOID_TANH"]
