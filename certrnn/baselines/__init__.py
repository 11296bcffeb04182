"""Baselines: methods of other papers, composed from the analyses' own parts, to compare with.

To add one, write a subclass of :class:`~certrnn.analyses.Analysis` in a file or folder of its own and give it a name in
:data:`METHODS`; the contract suite then runs every soundness law over it.
"""

from collections.abc import Callable

from certrnn.analyses import Analysis
from certrnn.baselines.popqorn import Popqorn

METHODS: dict[str, Callable[[], Analysis]] = {"popqorn": Popqorn}

__all__ = ["METHODS", "Popqorn"]
