"""Zonotopes: affine forms in shared symbols, propagated by tensors or in one compiled pass."""

from certrnn.domains.zonotope.propagation import Zonotopes
from certrnn.domains.zonotope.value import Zonotope

__all__ = ["Zonotope", "Zonotopes"]
