"""A group of options that several commands share, as one parameter of theirs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints


def with_options(
    name: str, options: Mapping[str, tuple[Any, Any]], gather: Callable[..., Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """What gives a command these options in place of its parameter ``name``, which then is what ``gather`` makes of
    them.

    Args:
        options: annotation and default, option by option, in the order of the help.
        gather: called with the options by name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints, own = get_type_hints(command, include_extras=True), inspect.signature(command)

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            told = {option: arguments.pop(option, default) for option, (_, default) in options.items()}
            command(**{name: gather(**told)}, **arguments)

        parameters: list[inspect.Parameter] = []
        for own_name, parameter in own.parameters.items():
            kind = inspect.Parameter.KEYWORD_ONLY
            if own_name == name:
                parameters += [
                    inspect.Parameter(n, kind, default=d, annotation=a) for n, (a, d) in options.items()
                ]
            else:
                parameters.append(parameter.replace(kind=kind, annotation=hints[own_name]))
        shown: Any = run
        shown.__signature__ = own.replace(parameters=parameters)
        shown.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return run

    return decorate
