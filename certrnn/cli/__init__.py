"""The command line: reads options, calls the library, prints what comes back.

To add a command, write its function in a file of its own, with its options as annotated parameters and every heavy
import inside it, and name it in :data:`COMMANDS`. ``--help`` must stay under half a second.
"""

from __future__ import annotations

from collections.abc import Callable

from certrnn.cli._app import make_app, run_app
from certrnn.cli._options import Version
from certrnn.cli.attack import attack
from certrnn.cli.certify import certify
from certrnn.cli.check import check
from certrnn.cli.compare import compare
from certrnn.cli.conditions import conditions
from certrnn.cli.coverage import coverage
from certrnn.cli.curve import curve
from certrnn.cli.doctor import doctor
from certrnn.cli.examples import examples
from certrnn.cli.guide import guide
from certrnn.cli.merge import merge
from certrnn.cli.report import report
from certrnn.cli.resume import resume
from certrnn.cli.supports import supports
from certrnn.cli.train import train
from certrnn.cli.verify import verify
from certrnn.cli.words import words

COMMANDS: dict[str, Callable[..., None]] = {
    "attack": attack,
    "certify": certify,
    "check": check,
    "compare": compare,
    "conditions": conditions,
    "coverage": coverage,
    "curve": curve,
    "doctor": doctor,
    "examples": examples,
    "guide": guide,
    "merge": merge,
    "report": report,
    "resume": resume,
    "supports": supports,
    "train": train,
    "verify": verify,
    "words": words,
}
"""Every command of ``certrnn`` by its name."""

__all__ = ["COMMANDS", "certify", "certify_main", "main"]


def main(arguments: list[str] | None = None) -> int:
    """The command ``certrnn``; returns the exit code."""
    app = make_app(COMMANDS, "Formal robustness certificates for recurrent neural networks.")
    app.callback()(_top)
    return run_app(app, "certrnn", arguments)


def _top(version: Version = False) -> None:
    """Formal robustness certificates for recurrent neural networks."""


def certify_main(arguments: list[str] | None = None) -> int:
    """The command ``certify``: short for ``certrnn certify``; returns the exit code."""
    return run_app(make_app({"certify": certify}), "certify", arguments)
