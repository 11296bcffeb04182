"""Domains: what a value is, and what each node kind does to it. No domain knows a nonlinearity by name.

To add one, write a :class:`Domain` and its :class:`Propagation` in a file of its own and name it here; the contract
suite then checks containment at every node of random and real networks.
"""

from certrnn.domains.domain import Domain, Propagation
from certrnn.domains.interpret import propagate
from certrnn.domains.interval import Interval, Intervals
from certrnn.domains.points import Points, evaluate
from certrnn.domains.zonotope import Zonotope, Zonotopes
from certrnn.domains.zonotope.reduction import Fold, Keep, Reduction

__all__ = [
    "Domain",
    "Fold",
    "Interval",
    "Intervals",
    "Keep",
    "Points",
    "Propagation",
    "Reduction",
    "Zonotope",
    "Zonotopes",
    "evaluate",
    "propagate",
]
