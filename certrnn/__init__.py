"""Formal robustness certificates for recurrent neural networks.

>>> import certrnn
>>> model = certrnn.load("example:digits_lstm")
>>> len(model.sha256)
64
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certrnn.model import Model, load
    from certrnn.threats import Accept, Norm, Threshold

__version__ = "0.1.0"
__all__ = ["Accept", "Model", "Norm", "Threshold", "__version__", "load"]

_FRONT = {"load": "model", "Model": "model", "Norm": "search", "Accept": "search", "Threshold": "search"}


def __getattr__(name: str) -> Any:
    """The library arrives when it is first used: importing certrnn loads no torch."""
    if name in _FRONT:
        return getattr(import_module(f"certrnn.{_FRONT[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
