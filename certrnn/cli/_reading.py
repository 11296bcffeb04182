"""The options that settle how a network's file is read, added to every command that reads one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from certrnn.cli._options import Cut, Fix, Layout, MultiLabel, OneLabel, OutputName
from certrnn.cli._options_of import with_options

if TYPE_CHECKING:
    from certrnn.model import Model


@dataclass(frozen=True)
class Settled:
    """What the options say; see :class:`certrnn.io.onnx.Choices`."""

    output: str | None = None
    layout: str | None = None
    cut: float | None = None
    multi_label: bool = False
    label: int | None = None
    fix: Any = None

    def load(self, model: str) -> Model:
        """The network of a command's argument, read so."""
        from certrnn.model import load

        return load(model, **{field.name: getattr(self, field.name) for field in fields(self)})


AS_IT_IS = Settled()
"""Nothing is said: the file alone settles it."""

OPTIONS: dict[str, tuple[Any, Any]] = {
    "output": (OutputName, None),
    "layout": (Layout, None),
    "cut": (Cut, None),
    "multi_label": (MultiLabel, False),
    "label": (OneLabel, None),
    "fix": (Fix, None),
}
"""Annotation and default, option by option, in the order of the help."""


with_reading = with_options("settled", OPTIONS, Settled)
"""Gives a command these options in place of its parameter ``settled``, which then is :class:`Settled`."""
