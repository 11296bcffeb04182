"""Functions of one argument, each with a rigorous enclosure of its residual for any slope.

How to add one: write a :class:`~transformers_abs.Transformer` in a file of this folder, export it here and name an
instance in :data:`UNIVARIATE`; give ``tests/transformers_abs/exact.py`` its 60-digit value, and the laws hold it to
account.
With a kernel of its own (``scalar``), networks that hold it are propagated in one compiled pass. A minimal one, the
absolute value, which borrows a proven enclosure:

>>> import numpy as np
>>> from transformers_abs import Region, Transformer
>>> class Absolute(Transformer):
...     name = "absolute"
...     arity = 1
...     def value(self, *arguments, xp=np):
...         return xp.abs(arguments[0])
...     def residual(self, slopes, region, quadratic=None):
...         return LeakyRelu(-1.0).residual(slopes, region, quadratic)
...     def scalar(self):
...         return LeakyRelu(-1.0).scalar()
>>> enclosure = Absolute().residual(np.zeros((1, 1)), Region(np.array([[-2.0]]), np.array([[1.0]])))
>>> float(enclosure.lower[0]), bool(2.0 <= enclosure.upper[0] < 2.000001)
(0.0, True)
"""

from transformers_abs._protocol import Transformer
from transformers_abs.univariate.elu import Elu
from transformers_abs.univariate.erf import ERF, Erf
from transformers_abs.univariate.exp import EXP, Exp
from transformers_abs.univariate.gelu import GELU, Gelu
from transformers_abs.univariate.log import LOG, Log
from transformers_abs.univariate.power import SQUARE, Power
from transformers_abs.univariate.reciprocal import RECIPROCAL, Reciprocal
from transformers_abs.univariate.relu import RELU, LeakyRelu, Relu
from transformers_abs.univariate.rsqrt import RSQRT, Rsqrt
from transformers_abs.univariate.sigmoid import SIGMOID, Sigmoid
from transformers_abs.univariate.softplus import SOFTPLUS, Softplus
from transformers_abs.univariate.softsign import SOFTSIGN, Softsign
from transformers_abs.univariate.sqrt import SQRT, Sqrt
from transformers_abs.univariate.step import STEP, Step
from transformers_abs.univariate.tanh import TANH, Tanh

UNIVARIATE: tuple[Transformer, ...] = (
    TANH,
    SIGMOID,
    RELU,
    LeakyRelu(0.01),
    LeakyRelu(-0.5),
    LeakyRelu(3.0),
    EXP,
    Exp(ceiling=0.0),
    LOG,
    Log(floor=1.0),
    SQRT,
    Sqrt(floor=0.0),
    RSQRT,
    Rsqrt(floor=1.0),
    RECIPROCAL,
    Reciprocal(floor=1.0),
    ERF,
    GELU,
    SOFTPLUS,
    SOFTSIGN,
    Elu(1.0),
    Elu(1.75),
    SQUARE,
    Power(3),
    STEP,
    Step(inclusive=True),
)
"""Every function of one argument, as the tests iterate over them."""

__all__ = [
    "ERF",
    "EXP",
    "GELU",
    "LOG",
    "RECIPROCAL",
    "RELU",
    "RSQRT",
    "SIGMOID",
    "SOFTPLUS",
    "SOFTSIGN",
    "SQRT",
    "SQUARE",
    "STEP",
    "TANH",
    "UNIVARIATE",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "LeakyRelu",
    "Log",
    "Power",
    "Reciprocal",
    "Relu",
    "Rsqrt",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Step",
    "Tanh",
]
