"""What may change of an input, and what must hold of the answer."""

from certrnn.threats.perturbation import Disturbance, Norm, WordSet, WordSubstitution
from certrnn.threats.property import Accept, Demand, Labels, Threshold, predict

__all__ = [
    "Accept",
    "Demand",
    "Disturbance",
    "Labels",
    "Norm",
    "Threshold",
    "WordSet",
    "WordSubstitution",
    "predict",
]
