"""Analyses: sound lower bounds on margins. They compose as arguments.

To add one, write a subclass of :class:`Analysis` in a file of its own and give it a name in :data:`METHODS`; the
contract suite then runs every soundness law over it.
"""

from collections.abc import Callable

from certrnn.analyses.analysis import Analysis, certified, proved
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.backward import Backward
from certrnn.analyses.branching import BranchAndBound
from certrnn.analyses.forward import Forward
from certrnn.analyses.refinement import Refinement
from certrnn.domains import Intervals, Zonotopes

_LINEAR = Ascent(steps=60, curved=False)


def _joint() -> Backward:
    refinement = Refinement(Ascent(rate=0.12, block=2))
    return Backward("joint", Ascent(steps=120, rate=0.05, shared=False), refinement, linear=_LINEAR)


METHODS: dict[str, Callable[[], Analysis]] = {
    "interval": lambda: Forward(Intervals()),
    "zonotope": lambda: Forward(Zonotopes()),
    "crown": lambda: Backward("crown"),
    "alpha-crown": lambda: Backward("alpha-crown", _LINEAR),
    "joint-output": lambda: Backward(
        "joint-output", Ascent(steps=60, rate=0.05, shared=False), linear=_LINEAR
    ),
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
