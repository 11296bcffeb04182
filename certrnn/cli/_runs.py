"""The options of runs, added to every command that answers row by row."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.runs.settings import Settings


def _option(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False)


RunFolder = Annotated[
    str | None,
    _option("FOLDER", "Keep results in this folder; after a crash the same command goes on there."),
]
Workers = Annotated[int | None, _option("N", "So many worker processes.")]
Executor = Annotated[str | None, _option("WHERE", "in-process, processes, or dask://HOST:PORT.")]
TimeLimit = Annotated[float | None, _option("SECONDS", "Time for a task; what is over it ends in timeout.")]
MemoryLimit = Annotated[int | None, _option("MIB", "Memory for a task; what is over it ends in error.")]

OPTIONS: dict[str, Any] = {
    "workers": Workers,
    "executor": Executor,
    "task": Annotated[int | None, _option("N", "Samples of a task (16).")],
    "time_limit": TimeLimit,
    "memory_limit": MemoryLimit,
    "shard": Annotated[str | None, _option("I/N", "Only the I-th of N parts; see certrnn merge.")],
}
"""Option by option, in the order of the help."""

KEPT = ("shard",)
"""Options that make sense with ``--run`` only."""

PASSING = ("json", "out", "debug", "version", "run", "retry")
"""Options that say nothing of the question, and are not stored."""


@dataclass(frozen=True)
class Carried:
    """How a command carries out its job.

    Args:
        settings: who answers, within which limits.
        folder: where the rows are kept; None where they are not.
        command: the command and its options, for ``certrnn resume``.
    """

    settings: Settings
    folder: str | None
    command: dict[str, Any]


def with_runs(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of runs after its own option ``run``, which then is :class:`Carried`.

    ``retry`` may be passed by callers from Python; it is no option.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(retry: bool = False, **options: Any) -> None:
        stored = {name: value for name, value in options.items() if name not in PASSING}
        settings = {name: options.pop(name, None) for name in OPTIONS}
        options["run"] = _carried(command.__name__, options.get("run"), settings, stored, retry)
        command(**options)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(parameter.replace(kind=kind, annotation=hints[name]))
        if name == "run":
            parameters += [inspect.Parameter(n, kind, default=None, annotation=a) for n, a in OPTIONS.items()]
    shown: Any = run
    shown.__signature__ = own.replace(parameters=parameters)
    shown.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return run


def _carried(
    name: str, folder: str | None, options: dict[str, Any], stored: dict[str, Any], retry: bool
) -> Carried:
    named = [option for option in KEPT if options[option] is not None]
    if folder is None and named:
        raise UsageError(f"reading --{named[0]}", "it belongs to --run FOLDER", "no folder")
    from certrnn.runs.executors import Limits
    from certrnn.runs.job import TOGETHER
    from certrnn.runs.settings import Settings

    limits = Limits(options["time_limit"], options["memory_limit"])
    size = TOGETHER if options["task"] is None else options["task"]
    settings = Settings(
        options["workers"], options["executor"], limits, size, _shard(options["shard"]), retry
    )
    return Carried(settings, folder, {"name": name, **stored})


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError("reading --shard", "I/N with I from 1 to N, such as 1/4", repr(text))
    return int(number), int(count)
