"""Coverage guidance: a metric of :mod:`certrnn.coverage`, and a strategy that chooses which of its states are driven.

To add a strategy, write a frozen dataclass that derives from :class:`Strategy` in a file of its own and name it in
:data:`STRATEGIES`:

>>> import numpy as np
>>> from certrnn.coverage import Sections
>>> values, nothing = np.array([-0.9, -0.5, 0.1, 0.7]), np.zeros((3, 4), dtype=bool)
>>> generator = np.random.default_rng(0)
>>> STRATEGIES["boost"].weights(values, nothing, Sections((-1.0, -0.8, 0.8, 1.0)), 2, generator).tolist()
[0.0, -1.0, 0.0, 1.0]
>>> STRATEGIES["boost"].weights(values, nothing, None, 2, generator).tolist()
[0.0, 0.0, 1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Mapping

from certrnn.attacks.rnn_test.guides.boost import Boost
from certrnn.attacks.rnn_test.guides.chance import Chance
from certrnn.attacks.rnn_test.guides.guide import Guide
from certrnn.attacks.rnn_test.guides.strategy import Strategy

STRATEGIES: Mapping[str, Strategy] = {"boost": Boost(), "random": Chance()}
"""Every strategy by the name that ``certrnn attack --strategy`` takes."""

__all__ = ["STRATEGIES", "Boost", "Chance", "Guide", "Strategy"]
