"""Recurrent networks as dynamical systems (Deka, Stipanovic, Tomlin): when must a disturbance drive the states apart?

``step`` has the error dynamics A(t, e) and B(t, e, d) of one cell, ``measures`` matrix measures of matrices and of
interval matrices, ``enclosure`` the sets of states that are asked about (the whole cube, or the certified reachable
tube of a region), ``conditions`` and ``example_one`` what is asked, ``divergence`` the disturbance that a condition
promises. :func:`examine` puts all of it to one layer.

To add a norm, see ``measures``; a condition is a function from an :class:`Enclosure` to a :class:`Finding`.

>>> import torch
>>> from certrnn.dynamics import Infinity, IntervalMatrix
>>> matrix = torch.tensor([[-3.0, 1.0], [0.5, -2.0]], dtype=torch.float64)
>>> lower, upper = Infinity().measure(IntervalMatrix.of(matrix))
>>> round(float(lower), 9), round(float(upper), 9)
(-1.5, -1.5)
"""

from certrnn.dynamics.bounds import coppel, discrete_groenwall, discrete_growth, groenwall
from certrnn.dynamics.conditions import CANNOT_TELL, FAILS, HOLDS, Finding
from certrnn.dynamics.divergence import Divergence
from certrnn.dynamics.enclosure import Enclosure, Layer
from certrnn.dynamics.examine import LayerReport, examine, recurrences
from certrnn.dynamics.intervals import IntervalMatrix
from certrnn.dynamics.measures import NORMS, Infinity, Norm, One, Two
from certrnn.dynamics.step import StepMap

__all__ = [
    "CANNOT_TELL",
    "FAILS",
    "HOLDS",
    "NORMS",
    "Divergence",
    "Enclosure",
    "Finding",
    "Infinity",
    "IntervalMatrix",
    "Layer",
    "LayerReport",
    "Norm",
    "One",
    "StepMap",
    "Two",
    "coppel",
    "discrete_groenwall",
    "discrete_growth",
    "examine",
    "groenwall",
    "recurrences",
]
