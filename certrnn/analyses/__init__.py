"""Analyses: sound lower bounds on margins. They compose as arguments.

To add one, write a subclass of :class:`Analysis` in a file of its own and give it a name in :data:`METHODS`; the
contract suite then runs every soundness law over it.
"""

from collections.abc import Callable

from certrnn.analyses._protocol import Analysis, certified
from certrnn.analyses.forward import Forward
from certrnn.domains import Intervals, Zonotopes

METHODS: dict[str, Callable[[], Analysis]] = {
    "interval": lambda: Forward(Intervals()),
    "zonotope": lambda: Forward(Zonotopes()),
}

__all__ = ["METHODS", "Analysis", "Forward", "certified"]
