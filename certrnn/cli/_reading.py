"""The options that settle how a network's file is read, added to every command that reads one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from certrnn.cli._options import Cut, Layout, MultiLabel, OneLabel, OutputName

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

    def load(self, model: str) -> Model:
        """The network of a command's argument, read so."""
        from certrnn.model import load

        return load(model, **asdict(self))


AS_IT_IS = Settled()
"""Nothing is said: the file alone settles it."""

OPTIONS: dict[str, tuple[Any, Any]] = {
    "output": (OutputName, None),
    "layout": (Layout, None),
    "cut": (Cut, None),
    "multi_label": (MultiLabel, False),
    "label": (OneLabel, None),
}
"""Annotation and default, option by option, in the order of the help."""


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options in place of its parameter ``settled``, which then is :class:`Settled`."""
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(**given: Any) -> None:
        told = {name: given.pop(name, default) for name, (_, default) in OPTIONS.items()}
        command(settled=Settled(**told), **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        kind = inspect.Parameter.KEYWORD_ONLY
        if name == "settled":
            parameters += [
                inspect.Parameter(n, kind, default=d, annotation=a) for n, (a, d) in OPTIONS.items()
            ]
        else:
            parameters.append(parameter.replace(kind=kind, annotation=hints[name]))
    shown: Any = run
    shown.__signature__ = own.replace(parameters=parameters)
    shown.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return run
