"""Search for the largest number that something holds of: eps by bisection, on a grid, or by interpolation."""

from certrnn.search.grid import EpsGrid
from certrnn.search.interpolation import Interpolation, Steps
from certrnn.search.paper import PaperGrid
from certrnn.search.radius import Certify, RelativeTolerance, Schedule

__all__ = [
    "Certify",
    "EpsGrid",
    "Interpolation",
    "PaperGrid",
    "RelativeTolerance",
    "Schedule",
    "Steps",
]
