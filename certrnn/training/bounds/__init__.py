"""Differentiable bounds of torch modules, for training. They prove nothing: ``certify`` does, on the exported file.

To add a domain, write a :class:`Domain` and its :class:`Propagation` in a file of its own and name it in
:data:`DOMAINS`; to add a kind of module, its handler in :data:`HANDLERS`. The contract suite of the tests runs over
both.

>>> import torch
>>> from torch import nn
>>> from certrnn.training.layers import LastStep
>>> _ = torch.manual_seed(0)
>>> network = nn.Sequential(LastStep(nn.RNN(2, 4, batch_first=True)), nn.Linear(4, 3))
>>> x = torch.zeros(1, 5, 2)
>>> lower, upper = bounds(network, Box(x - 0.1, x + 0.1), Intervals())
>>> bool((lower < network(x)).all() and (network(x) < upper).all())
True
"""

from certrnn.training.bounds.backward import Backward
from certrnn.training.bounds.domain import Box, Domain, Propagation
from certrnn.training.bounds.interval import Intervals
from certrnn.training.bounds.modules import HANDLERS, bounds, margins
from certrnn.training.bounds.zonotope import Zonotopes

DOMAINS: dict[str, Domain] = {"interval": Intervals(), "zonotope": Zonotopes(), "backward": Backward()}

__all__ = [
    "DOMAINS",
    "HANDLERS",
    "Backward",
    "Box",
    "Domain",
    "Intervals",
    "Propagation",
    "Zonotopes",
    "bounds",
    "margins",
]
