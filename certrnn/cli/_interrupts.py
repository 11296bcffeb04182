"""Ctrl-C and SIGTERM at any time, also while libraries load.

An exception that runs into the middle of an import goes through the initialisation of C++ modules, which may crash the
process. An interruption that comes there is asked again a moment later, until nothing is being imported.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.05
"""Seconds after which an interruption is asked again."""
LOADER = "<frozen importlib"
"""How the file names of Python's own import machinery begin."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM raise KeyboardInterrupt as soon as nothing is being imported.

    Signals that are ignored stay ignored. In other threads than the main one, and on systems without timers, all stays
    as it is.
    """
    names = [name for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)]
    kinds = [signal.Signals[name] for name in names]
    before = {kind: signal.getsignal(kind) for kind in kinds}
    replaced = []
    try:
        for kind in kinds if "SIGALRM" in names else ():
            if before[kind] in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(kind, _stop)
                replaced.append(kind)
    except ValueError:  # another thread than the main one
        pass
    try:
        yield
    finally:
        if replaced:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        for kind in replaced:
            signal.signal(kind, before[kind])


def importing(frame: FrameType | None) -> bool:
    """Whether a module is being loaded where a frame stands."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(LOADER):
            return True
        frame = frame.f_back
    return False


def _stop(number: int, frame: FrameType | None) -> None:
    if importing(frame) and signal.getsignal(signal.SIGALRM) is _stop:  # else the timer is in use
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        return
    raise KeyboardInterrupt
