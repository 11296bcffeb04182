"""Time limits that are kept: counted from the process' start, and rung by an alarm where a step takes too long."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

MARGIN = 0.25
"""Seconds before the limit at which the alarm rings: what is left is for the answer."""
AGAIN = 0.1
"""Seconds after which it rings again."""


_BEGUN: ContextVar[float | None] = ContextVar("begun", default=None)


def _called_back(frame: FrameType | None) -> bool:
    """Whether a frame is called from a library that ignores exceptions."""
    while frame is not None:
        if "llvmlite" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def process_start() -> float:
    """When this process began, by ``time.perf_counter``; now, where the system does not tell."""
    now = time.perf_counter()
    try:
        # the name of the program may hold blanks and brackets: fields count from behind it
        begun = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - begun / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return now
    return now - max(age, 0.0)


@contextlib.contextmanager
def started(start: float | None) -> Iterator[None]:
    """Within, the command is one that began then; None: when it is asked."""
    token = _BEGUN.set(start)
    try:
        yield
    finally:
        _BEGUN.reset(token)


def command_start() -> float:
    """When the command began that is being carried out: its process, where that is its own, else now."""
    start = _BEGUN.get()
    return time.perf_counter() if start is None else start


def leave(code: int) -> None:
    """End the process of a command that has a limit, once its answer is out: what interpreters and libraries clean up
    at their end takes seconds. Nothing, where the process is not the command's own."""
    if _BEGUN.get() is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def soft(start: float, timeout: float | None) -> float:
    """The deadline that steps look at: they end in better order than at the alarm."""
    return float("inf") if timeout is None else start + max(0.8 * timeout, timeout - 2.0)


@contextlib.contextmanager
def alarm(start: float, timeout: float | None) -> Iterator[None]:
    """Ends a step at the limit, where the system has alarms, by :class:`certrnn.errors.TimedOut`.

    Whatever fails after it rang failed of it: a library that was interrupted may say so in its own words.
    """
    from certrnn.errors import TimedOut

    rung = []

    def ring(_: int, frame: FrameType | None) -> None:
        if not _called_back(frame):
            rung.append(True)
            raise TimedOut

    main = threading.current_thread() is threading.main_thread()
    if timeout is None or not main or not hasattr(signal, "setitimer"):
        yield
        return
    left = max(start + timeout - MARGIN - time.perf_counter(), 0.01)
    before = signal.signal(signal.SIGALRM, ring)
    # again and again: what is raised inside of an import or a callback may get lost
    signal.setitimer(signal.ITIMER_REAL, left, AGAIN)
    try:
        yield
    except Exception as error:
        if rung and not isinstance(error, TimedOut):
            raise TimedOut from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
