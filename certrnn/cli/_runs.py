"""The options of runs in a folder, added to every command that can be resumed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.runs.api import Settings


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
"""Option by option, in the order of the help; all of them belong to ``--run``."""

PASSING = ("json", "out", "debug", "version", "run", "retry")
"""Options that say nothing of the question, and are not stored."""


@dataclass(frozen=True)
class InFolder:
    """That a command keeps its results in a folder.

    Args:
        folder: the folder.
        settings: how the run is carried out.
        command: the command and its options, for ``certrnn resume``.
    """

    folder: str
    settings: Settings
    command: dict[str, Any]


def with_runs(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of runs after its own option ``run``, which then is None or :class:`InFolder`.

    ``retry`` may be passed by callers from Python; it is no option.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(retry: bool = False, **given: Any) -> None:
        stored = {name: value for name, value in given.items() if name not in PASSING}
        settings = {name: given.pop(name, None) for name in OPTIONS}
        given["run"] = _in_folder(command.__name__, given.get("run"), settings, stored, retry)
        command(**given)

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


def _in_folder(
    name: str, folder: str | None, given: dict[str, Any], stored: dict[str, Any], retry: bool
) -> InFolder | None:
    if folder is None:
        named = [option for option, value in given.items() if value is not None]
        if named:
            option = named[0].replace("_", "-")
            raise UsageError(f"reading --{option}", "it belongs to --run FOLDER", "no folder")
        return None
    from certrnn.runs.api import Settings
    from certrnn.runs.executors import Limits
    from certrnn.runs.plan import TASK

    limits = Limits(given["time_limit"], given["memory_limit"])
    size = TASK if given["task"] is None else given["task"]
    settings = Settings(given["workers"], given["executor"], limits, size, _shard(given["shard"]), retry)
    return InFolder(folder, settings, {"name": name, **stored})


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError("reading --shard", "I/N with I from 1 to N, such as 1/4", repr(text))
    return int(number), int(count)
