"""How much work a piece of Python is: function calls, which are as many on every machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENOUGH = 200_000
"""Calls that reading a file of a few hundred bytes never takes, whatever is damaged in it."""


class TooMuchError(AssertionError):
    """The work has no end in sight."""


@contextmanager
def at_most(calls: int = ENOUGH) -> Iterator[None]:
    """Fail what calls functions more often, Python's or C's, where it does.

    Raises:
        TooMuchError: at the first call beyond.
    """
    left = calls

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            sys.setprofile(None)
            raise TooMuchError(f"more than {calls} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
