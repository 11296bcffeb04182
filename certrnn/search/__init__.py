"""Search: verdicts at an eps, and the largest eps that an analysis certifies."""

from certrnn.search.certify import margins, radii
from certrnn.search.grid import EpsGrid
from certrnn.search.interpolation import Interpolation
from certrnn.search.problem import Problem, Threat, parse_threats, predict
from certrnn.search.radius import Certify, PaperGrid, RelativeTolerance, Schedule

__all__ = [
    "Certify",
    "EpsGrid",
    "Interpolation",
    "PaperGrid",
    "Problem",
    "RelativeTolerance",
    "Schedule",
    "Threat",
    "margins",
    "parse_threats",
    "predict",
    "radii",
]
