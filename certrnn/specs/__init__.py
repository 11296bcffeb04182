"""Specifications: what must hold of the scores on the whole region."""

from certrnn.specs.accept import accept_spec
from certrnn.specs.margin import Spec, label_spec
from certrnn.specs.steps import UNASKED, steps_spec
from certrnn.specs.target import target_spec
from certrnn.specs.threshold import threshold_spec

__all__ = [
    "UNASKED",
    "Spec",
    "accept_spec",
    "label_spec",
    "steps_spec",
    "target_spec",
    "threshold_spec",
]
