"""Training losses, each a single class that is called ``loss(module, x, y, eps)`` in any torch loop.

To add one, write a subclass of :class:`Loss` in a file of its own and give it a name in :data:`LOSSES`; the contract
suite of the tests, ``certrnn train --defence NAME`` and the guide's table then ask for it.

>>> import torch
>>> from torch import nn
>>> from certrnn.training.layers import LastStep
>>> _ = torch.manual_seed(0)
>>> network = nn.Sequential(LastStep(nn.LSTM(2, 4, batch_first=True)), nn.Linear(4, 3))
>>> x, y = torch.randn(6, 5, 2), torch.tensor([0, 1, 2, 0, 1, 2])
>>> loss = LOSSES["ibp-vt"]()(network, x, y, 0.1)
>>> loss.backward()
>>> bool(loss > LOSSES["none"]()(network, x, y, 0.1))
True
"""

from collections.abc import Callable

from certrnn.training.bounds import Backward, Zonotopes
from certrnn.training.losses.adversarial import FGSMTraining, PGDTraining
from certrnn.training.losses.contraction import Contraction
from certrnn.training.losses.distillation import Distillation
from certrnn.training.losses.loss import Loss
from certrnn.training.losses.plain import Plain
from certrnn.training.losses.verified import SmallBoxes, Verified

LOSSES: dict[str, Callable[[], Loss]] = {
    "none": Plain,
    "fgsm-at": FGSMTraining,
    "pgd-at": PGDTraining,
    "ibp-vt": Verified,
    "cert-rnn-vt": lambda: Verified(Zonotopes()),
    "crown-ibp": lambda: Verified(Backward()),
    "sabr": SmallBoxes,
    "distill": Distillation,
    "contract": Contraction,
}

__all__ = [
    "LOSSES",
    "Contraction",
    "Distillation",
    "FGSMTraining",
    "Loss",
    "PGDTraining",
    "Plain",
    "SmallBoxes",
    "Verified",
]
