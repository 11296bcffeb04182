"""Errors a user can act on, each with the exit code that the command line returns for it."""

from __future__ import annotations


class CertrnnError(Exception):
    """An operation that cannot go on.

    The message names the operation, the requirement that failed, the value received and the remedy, in one line.

    Args:
        operation: what was being done, e.g. ``"reading node 'LSTM_3' (LSTM)"``.
        requirement: what must hold, e.g. ``"direction is forward, reverse or bidirectional"``.
        received: the value that broke it, shown as given.
        remedy: what the user can do about it.
    """

    exit_code = 3

    def __init__(self, operation: str, requirement: str, received: object, remedy: str = "") -> None:
        self.operation = operation
        self.requirement = requirement
        self.received = received
        self.remedy = remedy
        text = f"{operation}: {requirement}; got {received}"
        super().__init__(" ".join((f"{text}. {remedy}" if remedy else text).split()))


class UsageError(CertrnnError):
    """An option or argument that makes no sense (exit code 2)."""

    exit_code = 2


class InvalidInput(CertrnnError):
    """A model or data file that is damaged, malformed or inconsistent (exit code 3)."""


class TimedOut(BaseException):
    """The time of a whole command is over: like an interrupt it passes everything that catches errors."""


class Unsupported(CertrnnError):
    """A valid model that uses something certrnn refuses to interpret (exit code 3)."""
