"""Orders in which samples are looked at, where looking at all of them costs too much: which come first?

To add one, write a frozen dataclass that derives from :class:`Priority` in a file of its own, with one method
``scores``, and name it in :func:`priorities`. A minimal one, which looks at the longest samples first:

>>> from dataclasses import dataclass
>>> import numpy as np
>>> @dataclass(frozen=True)
... class Longest(Priority):
...     def scores(self, model, sequences):
...         return np.array([float(len(frames)) for frames in sequences.frames])
>>> Longest().order(np.array([2.0, 3.0, 2.0])).tolist()
[1, 0, 2]
"""

from __future__ import annotations

from certrnn.coverage.metrics import metrics
from certrnn.testing.priorities.certified import LeastCertified
from certrnn.testing.priorities.chance import Chance
from certrnn.testing.priorities.coverage import Covering
from certrnn.testing.priorities.gini import DeepGini
from certrnn.testing.priorities.priority import Priority


def priorities(clip: tuple[float, float] | None = None, seed: int = 0) -> dict[str, Priority]:
    """Every order by its name: a metric's, with ``+`` for what is new; ``certified-eps``, ``gini`` and ``chance``.

    Args:
        clip: valid range of inputs, for the certified eps.
        seed: of chance.
    """
    orders: dict[str, Priority] = {}
    for name, metric in metrics().items():
        orders[name] = Covering(metric)
        orders[f"{name}+"] = Covering(metric, additional=True)
    return orders | {"certified-eps": LeastCertified(clip=clip), "gini": DeepGini(), "chance": Chance(seed)}


__all__ = ["Chance", "Covering", "DeepGini", "LeastCertified", "Priority", "priorities"]
