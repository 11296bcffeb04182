"""Specifications: what must hold of the scores on the whole region."""

from certrnn.specs.margin import Spec, label_spec
from certrnn.specs.target import never, positive, target_spec

__all__ = ["Spec", "label_spec", "never", "positive", "target_spec"]
