"""Search: verdicts at an eps, and the largest eps that an analysis certifies."""

from certrnn.search.certify import margins, radii, undisturbed
from certrnn.search.demand import Accept, Demand, Labels, Threshold, predict
from certrnn.search.disturbance import Disturbance, Norm, WordSet, WordSubstitution
from certrnn.search.grid import EpsGrid
from certrnn.search.interpolation import Interpolation, Steps
from certrnn.search.paper import PaperGrid
from certrnn.search.problem import Problem, Threat, parse_threats
from certrnn.search.radius import Certify, RelativeTolerance, Schedule

__all__ = [
    "Accept",
    "Certify",
    "Demand",
    "Disturbance",
    "EpsGrid",
    "Interpolation",
    "Labels",
    "Norm",
    "PaperGrid",
    "Problem",
    "RelativeTolerance",
    "Schedule",
    "Steps",
    "Threat",
    "Threshold",
    "WordSet",
    "WordSubstitution",
    "margins",
    "parse_threats",
    "predict",
    "radii",
    "undisturbed",
]
