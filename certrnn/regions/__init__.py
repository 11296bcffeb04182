"""Regions: what may change in a sequence.

To add one, write a subclass of :class:`Region` in a file of its own and name it here. Its one proof obligation is
:meth:`Region.box`: outward rounded bounds of every disturbed frame.

>>> import torch
>>> ball = LinfBall(torch.zeros(1, 2, 3, dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64), frames=(1,))
>>> lower, upper = ball.box(1)
>>> bool((lower <= -0.5).all() and (upper >= 0.5).all())
True
"""

from certrnn.regions._protocol import Region
from certrnn.regions.linf import LinfBall

__all__ = ["LinfBall", "Region"]
