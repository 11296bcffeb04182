"""Functions of one argument."""

from transformers_abs._protocol import Transformer
from transformers_abs.univariate.relu import RELU, LeakyRelu, Relu
from transformers_abs.univariate.sigmoid import SIGMOID, Sigmoid
from transformers_abs.univariate.tanh import TANH, Tanh

UNIVARIATE: tuple[Transformer, ...] = (TANH, SIGMOID, RELU, LeakyRelu(0.01))

__all__ = ["RELU", "SIGMOID", "TANH", "UNIVARIATE", "LeakyRelu", "Relu", "Sigmoid", "Tanh"]
