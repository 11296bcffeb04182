"""Ctrl-C and SIGTERM at any time, also while libraries load.

An exception that runs into the middle of an import goes through the initialisation of C++ modules, which may crash the
process. An interruption that comes there is asked again a moment later, until nothing is being imported. So is one that
comes where Python can hand an exception to no caller, and drops it: callbacks from C (a compiler's, on its cache), the
end of an object.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

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
    dropped = sys.unraisablehook
    if replaced:
        sys.unraisablehook = lambda unraisable: _ask_again(unraisable, dropped)
    try:
        yield
    finally:
        sys.unraisablehook = dropped
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
    if importing(frame) and _has_timer():
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        return
    raise KeyboardInterrupt


def _ask_again(unraisable: Any, otherwise: Callable[[Any], object]) -> None:
    """What becomes of an exception that no caller gets: an interruption is asked again."""
    if unraisable.exc_type is KeyboardInterrupt and _has_timer():
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
    else:
        otherwise(unraisable)


def _has_timer() -> bool:
    """Whether the timer is this module's, and not in use."""
    return signal.getsignal(signal.SIGALRM) is _stop
