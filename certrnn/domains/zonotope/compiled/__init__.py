"""Zonotopes in one compiled pass: what :class:`certrnn.domains.Zonotopes` computes, without a Python call a node.

A graph and the frames that are disturbed determine which symbols every value has, long before any number is known. So
:mod:`.plan` writes the whole propagation down once, as instructions on places in flat arrays, and :mod:`.machine` runs
them for one region after the other. :mod:`.product` and :mod:`.passes` are its inner loops.
"""

from certrnn.domains.zonotope.compiled.execute import Compiled, compiled

__all__ = ["Compiled", "compiled"]
