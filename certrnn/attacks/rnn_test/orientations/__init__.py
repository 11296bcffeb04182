"""Orientations: what a search drives up to make a network misbehave.

To add one, write a frozen dataclass that derives from :class:`Orientation` in a file of its own, say what it reads, and
name it in :data:`ORIENTATIONS`. A minimal one, which drives the first score down:

>>> from dataclasses import dataclass
>>> from typing import ClassVar
>>> import torch
>>> from certrnn.attacks.rnn_test.moment import Moment
>>> @dataclass(frozen=True)
... class FirstDown(Orientation):
...     reads_scores: ClassVar[bool] = True
...
...     def value(self, moment):
...         scores, _ = moment.outputs()
...         return -scores[:, -1, 0]
>>> moment = Moment(torch.tensor([0]), 1, scores=torch.tensor([[[2.0, 1.0, 0.5]]]))
>>> FirstDown().value(moment).tolist(), ORIENTATIONS["decision"].value(moment).tolist()
([-2.0], [-2.5])
"""

from __future__ import annotations

from collections.abc import Mapping

from certrnn.attacks.rnn_test.orientations.cost import Cost
from certrnn.attacks.rnn_test.orientations.decision import DecisionBoundary
from certrnn.attacks.rnn_test.orientations.orientation import Orientation
from certrnn.attacks.rnn_test.orientations.state import StateInconsistency

ORIENTATIONS: Mapping[str, Orientation] = {
    "state": StateInconsistency(),
    "state-swapped": StateInconsistency(swapped=True),
    "cost": Cost(),
    "decision": DecisionBoundary(),
}
"""Every orientation with its default options, by the name that ``certrnn attack --orientation`` takes."""

__all__ = ["ORIENTATIONS", "Cost", "DecisionBoundary", "Orientation", "StateInconsistency"]
