"""Formal robustness certificates for recurrent neural networks.

>>> import certrnn
>>> model = certrnn.load("example:digits_lstm")
>>> len(model.sha256)
64
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certrnn.model import Model, load

__version__ = "0.1.0"
__all__ = ["Model", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """``load`` and ``Model`` arrive when they are first used: importing certrnn loads no torch."""
    if name in ("Model", "load"):
        from certrnn import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
