"""Slope policies: which plane a function is replaced by. Any finite slope is sound; a good one is narrow.

How to add one: write a frozen dataclass in a file of this folder that maps (transformer, region) to finite
slopes (arity, N), export it here and name an instance in :data:`SLOPES`; the tests then hold it to the laws
of a policy. A minimal one, which turns every enclosure into the range of the function:

>>> from dataclasses import dataclass
>>> import numpy as np
>>> from transformers_abs import TANH, Region
>>> @dataclass(frozen=True)
... class Flat:
...     def __call__(self, transformer, region):
...         return np.zeros_like(region.lower)
>>> box = Region(np.array([[-1.0]]), np.array([[2.0]]))
>>> enclosure = TANH.residual(Flat()(TANH, box), box)
>>> bool(enclosure.lower[0] <= np.tanh(-1.0)), bool(enclosure.upper[0] >= np.tanh(2.0))
(True, True)
"""

from transformers_abs.slopes._policy import SlopePolicy
from transformers_abs.slopes.least_width import LeastWidth
from transformers_abs.slopes.secant import Secant

SLOPES: tuple[SlopePolicy, ...] = (Secant(), LeastWidth())
"""Every policy, as the tests iterate over them."""

__all__ = ["SLOPES", "LeastWidth", "Secant", "SlopePolicy"]
