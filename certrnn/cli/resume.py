"""``certrnn resume``: go on with a run where it stopped."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from certrnn.cli._options import Debug, Json, Out, Version
from certrnn.cli._runs import Executor, MemoryLimit, TimeLimit, Workers
from certrnn.cli.attack import attack
from certrnn.cli.certify import certify
from certrnn.cli.compare import compare
from certrnn.cli.conditions import conditions
from certrnn.cli.curve import curve
from certrnn.cli.verify import verify
from certrnn.cli.words import words
from certrnn.errors import UsageError

RESUMABLE: dict[str, Callable[..., None]] = {
    "attack": attack,
    "certify": certify,
    "compare": compare,
    "conditions": conditions,
    "curve": curve,
    "verify": verify,
    "words": words,
}
"""The commands that keep runs, by name."""


def resume(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder of a run.", show_default=False)],
    workers: Workers = None,
    executor: Executor = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Also answer anew what its task left in error or timeout.")
    ] = False,
    json: Json = False,
    out: Out = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """Go on with a run where it stopped, or show the results of one that has ended.

    The command that began it is given again with all its options; those given here replace its own. Exit codes are
    those of that command.
    """
    from certrnn.runs.store import parts, read_plan

    place = Path(folder).resolve()
    plan = read_plan(place / parts(place)[0])
    options = dict(plan.command or {})
    name = options.pop("name", None)
    if name not in RESUMABLE:
        raise UsageError(f"resuming {folder}", "a command began it", "a program that called certrnn.runs")
    overrides = {
        "workers": workers,
        "executor": executor,
        "time_limit": time_limit,
        "memory_limit": memory_limit,
    }
    if executor is not None and workers is None:
        options["workers"] = None
    if workers is not None and executor is None:
        options["executor"] = None
    options |= {option: value for option, value in overrides.items() if value is not None}
    where = out if out is None else str(Path(out).resolve())
    if not Path(plan.folder).is_dir():
        raise UsageError(f"resuming {folder}", "the folder that the run was begun in exists", plan.folder)
    os.chdir(plan.folder)  # its file names are relative to it
    command = RESUMABLE[name]
    known = inspect.signature(command).parameters
    if out is not None and "out" not in known:
        raise UsageError("reading --out", f"the command that began the run, {name}, has it", "--json prints")
    told = {"run": str(place), "json": json, "out": where, "debug": debug, "version": version}
    command(**options, **{option: value for option, value in told.items() if option in known}, retry=retry)
