"""Analyses: sound lower bounds on margins. They compose as arguments.

To add one, write a subclass of :class:`Analysis` in a file of its own and give it a name in :data:`METHODS`; the
contract suite then runs every soundness law over it.
"""

from collections.abc import Callable

from certrnn.analyses._protocol import Analysis, certified, proved
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.backward import Backward
from certrnn.analyses.branching import BranchAndBound
from certrnn.analyses.forward import Forward
from certrnn.analyses.refinement import Refinement
from certrnn.domains import Intervals, Zonotopes


def _joint() -> Backward:
    return Backward(
        "joint", Ascent(steps=120, rate=0.05, shared=False), Refinement(Ascent(rate=0.12, block=2))
    )


METHODS: dict[str, Callable[[], Analysis]] = {
    "interval": lambda: Forward(Intervals()),
    "zonotope": lambda: Forward(Zonotopes()),
    "crown": lambda: Backward("crown"),
    "alpha-crown": lambda: Backward("alpha-crown", Ascent(steps=60, curved=False)),
    "joint-output": lambda: Backward("joint-output", Ascent(steps=60, rate=0.05, shared=False)),
    "joint": _joint,
    "bab": lambda: BranchAndBound(_joint()),
}

__all__ = [
    "METHODS",
    "Analysis",
    "Ascent",
    "Backward",
    "BranchAndBound",
    "Forward",
    "Refinement",
    "certified",
    "proved",
]
