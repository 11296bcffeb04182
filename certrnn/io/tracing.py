"""What torch's exporters hide: warnings, and values that Python took from a tensor, which a trace cannot follow."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import torch
from torch.jit._trace import TracerWarning

from certrnn.errors import Unsupported

WHERE = "exporting the module"
TAKEN = "nothing in Python depends on a tensor's values or shape"
REMEDY = "Write what depends on a value with torch.where, not in Python."
LARGE = 2**31
"""Larger than any size: torch says that of sizes that nothing bounds."""
OWN = tuple(
    os.path.join(os.path.dirname(torch.__file__), "nn", *parts)
    for parts in (
        ("functional.py",),
        ("modules", "rnn.py"),
        ("modules", "batchnorm.py"),
        ("modules", "instancenorm.py"),
        ("utils", "rnn.py"),
    )
)
"""Files of torch that compare shapes of their arguments, to raise errors of them, and so warn of every module."""
SILENT = ("equal", "allclose", "is_nonzero")
"""Functions and methods that hand Python a value of a tensor, and warn of nothing."""


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """With functions that refuse to hand Python a value without a warning."""

    def refusing(name: str) -> Callable[..., bool]:
        def refuse(*_: Any, **__: Any) -> bool:
            raise Unsupported(WHERE, TAKEN, f"torch.{name}", REMEDY)

        return refuse

    with contextlib.ExitStack() as stack:
        for name in SILENT:
            for owner in (torch, torch.Tensor):
                stack.enter_context(mock.patch.object(owner, name, refusing(name)))
        yield


@contextlib.contextmanager
def faithful(watched: bool) -> Iterator[None]:
    """Quietly, and only what a trace can follow.

    Args:
        watched: tensors are traced by calling the module: functions that warn of nothing are refused, too.

    Raises:
        Unsupported: torch warned that a value was taken from a tensor, which the trace has as a fixed number.
    """
    with quiet() as told, _refused() if watched else contextlib.nullcontext():
        yield
    taken = [one for one in told if issubclass(one.category, TracerWarning) and _by_user(one)]
    if taken:
        lines = str(taken[0].message).splitlines()
        place = f"{os.path.basename(taken[0].filename)}:{taken[0].lineno}"
        raise Unsupported(
            WHERE,
            TAKEN,
            f"torch warned at {place}: {lines[0].split('. ')[0]}",
            REMEDY,
        )


def require_any_length(program: Any) -> None:
    """That a program of torch's exporter of graphs is not for some sizes alone, which its file does not say.

    Raises:
        Unsupported: it took a branch on a size.
    """
    for size in program.range_constraints.values():
        if bool(size.upper < LARGE) or bool(size.lower > 2):
            raise Unsupported(WHERE, TAKEN, f"a branch for sizes from {size.lower} to {size.upper}", REMEDY)


def _by_user(warning: warnings.WarningMessage) -> bool:
    return os.path.normpath(warning.filename) not in OWN


@contextlib.contextmanager
def quiet() -> Iterator[Sequence[warnings.WarningMessage]]:
    """Without what exporters print and warn of, their compiled parts too; the warnings are handed on."""
    with contextlib.ExitStack() as stack, open(os.devnull, "w") as nowhere:
        told = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        for number in (1, 2):
            stack.enter_context(_silenced(number, nowhere.fileno()))
        yield told


@contextlib.contextmanager
def _silenced(number: int, nowhere: int) -> Iterator[None]:
    """With a file descriptor of the process that leads nowhere."""
    duplicate = os.dup(number)
    try:
        os.dup2(nowhere, number)
        yield
    finally:
        os.dup2(duplicate, number)
        os.close(duplicate)
