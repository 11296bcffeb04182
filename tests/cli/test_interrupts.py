"""An interruption comes through, wherever it strikes."""

from __future__ import annotations

import ctypes
import signal
import sys
import time
from collections.abc import Callable

import pytest

from certrnn.cli._interrupts import interruptible

if sys.platform == "win32":
    pytest.skip("signals", allow_module_level=True)


class Strikes:
    """Is interrupted while it ends."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def strike(struck: Callable[[], object]) -> None:
    with interruptible():
        struck()
        time.sleep(60)


def in_a_callback() -> None:
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGTERM))()


@pytest.mark.parametrize("struck", [in_a_callback, Strikes, lambda: signal.raise_signal(signal.SIGTERM)])
def test_what_python_drops_is_asked_again(
    struck: Callable[[], object], capsys: pytest.CaptureFixture[str]
) -> None:
    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        strike(struck)
    assert sys.unraisablehook is hook
    assert "ignored" not in capsys.readouterr().err


def test_other_exceptions_that_are_dropped_are_told_as_ever() -> None:
    told = []
    before, sys.unraisablehook = sys.unraisablehook, lambda unraisable: told.append(unraisable.exc_type)
    try:
        with interruptible():
            ctypes.CFUNCTYPE(None)(lambda: 1 // 0)()
    finally:
        sys.unraisablehook = before
    assert told == [ZeroDivisionError]
