"""One writer a run folder. The kernel drops the lock with the process that holds it, however that ends."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certrnn.errors import Unsupported, UsageError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, which stays where it is.

    Raises:
        UsageError: another process holds it.
        Unsupported: there are no such locks.
    """
    try:
        import fcntl
    except ImportError:
        raise Unsupported("writing a run", "the system has the locks of POSIX", sys.platform) from None
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip()
            raise UsageError(
                f"writing the run {path.parent}",
                "one process writes it at a time",
                holder or "another process",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
