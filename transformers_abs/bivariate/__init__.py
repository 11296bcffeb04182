"""Functions of two arguments.

How to add one: a product p(x) q(y) whose factors are the identity, sigmoid or tanh is one line in a file of this
folder,

    MINE = SeparableProduct("mine", ("tanh", "sigmoid"))

and needs no proof of its own; name it in :data:`BIVARIATE` and add its 60-digit value to the tests' table: the laws
then hold it to containment with tolerance zero. (A new factor is a branch of
:mod:`transformers_abs._bounding._axis`: its value and two derivatives with proven errors.) Any other function is a
:class:`~transformers_abs.Transformer` with its own proof. A minimal one, x + y, whose residual is linear and so
extremal at opposite corners:

>>> import numpy as np
>>> from transformers_abs import Region, Residual, Transformer
>>> class Add(Transformer):
...     name, arity = "add", 2
...
...     def value(self, *arguments, xp=np):
...         return arguments[0] + arguments[1]
...
...     def residual(self, slopes, region, quadratic=None):
...         low = np.where(slopes <= 1.0, region.lower, region.upper)
...         high = np.where(slopes <= 1.0, region.upper, region.lower)
...         size = (1.0 + np.abs(slopes)) * np.maximum(np.abs(low), np.abs(high))
...         budget = 16 * 2.0**-53 * size.sum(axis=0) + 1e-300  # proof: eight roundings, each of at most u size
...         ends = [((1.0 - slopes) * corner).sum(axis=0) for corner in (low, high)]
...         return Residual(ends[0] - budget, ends[1] + budget, low, high)
>>> box = Region(np.array([[0.0], [-1.0]]), np.array([[2.0], [3.0]]))
>>> enclosure = Add().residual(np.array([[1.0], [0.5]]), box)
>>> bool(enclosure.lower[0] <= -0.5 <= 1.5 <= enclosure.upper[0])
True
"""

from transformers_abs._protocol import Transformer
from transformers_abs.bivariate._separable import SeparableProduct
from transformers_abs.bivariate.mul_sigmoid import MUL_SIGMOID
from transformers_abs.bivariate.product import PRODUCT
from transformers_abs.bivariate.sigmoid_tanh import SIGMOID_TANH

BIVARIATE: tuple[Transformer, ...] = (SIGMOID_TANH, MUL_SIGMOID, PRODUCT)

__all__ = ["BIVARIATE", "MUL_SIGMOID", "PRODUCT", "SIGMOID_TANH", "SeparableProduct"]
