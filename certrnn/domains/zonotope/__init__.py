"""Zonotopes: affine forms in shared symbols, propagated by tensors or in one compiled pass."""

from certrnn.domains.zonotope.propagation import Zonotope, Zonotopes

__all__ = ["Zonotope", "Zonotopes"]
