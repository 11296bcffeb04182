"""Runs a command: every failure becomes one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from certrnn.cli._interrupts import interruptible
from certrnn.cli._limits import process_start, started
from certrnn.errors import CertrnnError, InvalidInput

INTERRUPTED = 130
INTERNAL = 3


def make_app(commands: dict[str, Callable[..., None]], help_text: str | None = None) -> typer.Typer:
    """Commands by name as one program."""
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=help_text
    )
    for name, command in commands.items():
        app.command(name)(command)
    return app


def run_app(app: typer.Typer, program: str, arguments: list[str] | None) -> int:
    """Run an app; every failure becomes one line on stderr and an exit code."""
    # Read when torch loads: its threads sleep between two small operations. Spinning, they take ten times the processor
    # time, and where something else is running as well, ten times the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    argv = sys.argv[1:] if arguments is None else arguments
    # where the process is the command's own, time limits count from its start
    start = process_start() if arguments is None else None
    if not argv:
        app(["--help"], prog_name=program, standalone_mode=False)
        return 2
    try:
        with interruptible(), started(start):
            code = app(argv, prog_name=program, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if "--debug" in argv:
            raise
        return fail(program, *_explain(error))
    return fail(program, "interrupted", code) if code == INTERRUPTED else code or 0


def _explain(error: Exception) -> tuple[str, int]:
    if isinstance(error, CertrnnError):
        return str(error), error.exit_code
    spoken = getattr(error, "format_message", None)  # the option parser's own errors
    if spoken is not None:
        return f"{' '.join(spoken().split())} (see --help)", 2
    if isinstance(error, MemoryError):
        return str(
            InvalidInput("certifying", "the run fits into memory", "not enough", "Take fewer --samples.")
        ), INTERNAL
    text = " ".join(str(error).split())[:300]
    return f"internal error, please report it: {type(error).__name__}: {text} (--debug shows where)", INTERNAL


def self_check_failed(program: str) -> int:
    """Say that an attack succeeded inside a certified region; returns the exit code."""
    return fail(program, "THE SELF-CHECK FAILED: believe no row of this run, and please report it", INTERNAL)


def fail(program: str, message: str, code: int) -> int:
    """Say what went wrong in one line; returns the exit code."""
    print(f"{program}: {message}", file=sys.stderr)
    return code
