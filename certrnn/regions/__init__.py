"""Regions: what may change in a sequence.

To add one, write a subclass of :class:`Region` in a file of its own and name it here. Its one proof obligation is
:meth:`Region.box`: outward rounded bounds of every disturbed frame. A region that is smaller than its boxes says so in
:attr:`Region.constraints`, a second obligation: each constraint holds of every member. The contract suites pick up
what is named here.

>>> import torch
>>> ball = LinfBall(torch.zeros(1, 2, 3, dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64), frames=(1,))
>>> lower, upper = ball.box(1)
>>> bool((lower <= -0.5).all() and (upper >= 0.5).all())
True
"""

from certrnn.regions._ball import Ball
from certrnn.regions._constraints import ChoiceConstraint, Constraint, EditsConstraint, NormConstraint
from certrnn.regions._norm_ball import NormBall
from certrnn.regions.box import Box
from certrnn.regions.edits import Edits
from certrnn.regions.fading import Fading
from certrnn.regions.finite import Finite
from certrnn.regions.l1 import L1Ball
from certrnn.regions.l2 import L2Ball
from certrnn.regions.linf import LinfBall
from certrnn.regions.region import Region
from certrnn.regions.substitutes import Substitutes

__all__ = [
    "Ball",
    "Box",
    "ChoiceConstraint",
    "Constraint",
    "Edits",
    "EditsConstraint",
    "Fading",
    "Finite",
    "L1Ball",
    "L2Ball",
    "LinfBall",
    "NormBall",
    "NormConstraint",
    "Region",
    "Substitutes",
]
