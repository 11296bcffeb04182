"""The one way kernels are compiled.

Fast-math stays off (a compiler that reorders sums would void every rounding bound), division by zero
follows IEEE, and compiled code is cached. Numba's cache looks only at the file of the outermost kernel; a
kernel compiled against an old ``rounding`` would then survive an upgrade and be silently unsound, so the
stamp here covers every file of this package and of the subpackage that the kernel is written in.

Compiled functions are linked by name. Numba makes names of a function's qualified name and of a number that it counts
up in each process, so that two processes may give one name to two functions of one factory; a process that loads one of
them from the cache and compiles the other would link one in place of both, and bound what it was not asked to. Names
here hold what a function was made with, and every process counts from a random number of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.bytecode import FunctionIdentity
from numba.extending import register_jitable

_HERE = Path(__file__).parent
_SPREAD = 62
"""Bits of the number that a process counts from; that two meet within 2^20 functions has a chance of 2^-41."""


def _count_apart() -> None:
    """Let numba count this process's functions from a number of its own."""
    identity: Any = FunctionIdentity
    if not hasattr(identity, "_unique_ids"):
        raise AttributeError("numba counts functions elsewhere")
    identity._unique_ids = itertools.count(int.from_bytes(os.urandom(8), "big") % (1 << _SPREAD))


def _apart() -> bool:
    """True where functions of different processes have different names, here and in forks of this process."""
    try:
        _count_apart()
    except AttributeError:
        return False
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_count_apart)
    return True


_CACHED = _apart()
"""Whether kernels may be kept on the disk."""


@cache
def _stamp(folder: Path) -> str:
    """SHA-256 of the source files of this package and of a folder."""
    digest = hashlib.sha256()
    for path in sorted({*_HERE.rglob("*.py"), *folder.rglob("*.py")}):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _subpackage(function: Callable[..., Any]) -> Path:
    """The folder whose kernels may call one another: that of the second name in ``package.subpackage.module``."""
    path = Path(function.__code__.co_filename)
    depth = max(0, function.__module__.count(".") - 2)
    return path.parents[depth] if len(path.parents) > depth else path.parent


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` lazily with the package's floating-point settings and a cache keyed on every file that
    it may call.

    Without a place to cache, or with a numba whose cache cannot be keyed on the package, the kernel is
    compiled afresh in each process: slower to start, never stale.
    """
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A :func:`kernel` that is copied to where other kernels call it: for short ones, and those with one caller.

    A call hands on an array by two atomic operations on its reference count, which cost as much as a loop over a
    hundred of its numbers.
    """
    return _compiled(function, forceinline=True)


def formula(function: Callable[..., Any]) -> Any:
    """A function that kernels compile into themselves, and that Python calls as it is: plain arithmetic serves arrays
    and tensors as well as numbers."""
    return register_jitable(fastmath=False, error_model="numpy")(function)


def _name_apart(function: Callable[..., Any]) -> None:
    """Put what a function was made with into its name: its closure's numbers and the names of its functions."""
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    if held:
        names = [getattr(one, "__qualname__", repr(one)) for one in held]
        digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]
        function.__qualname__ += f"_{digest}"


def _compiled(function: Callable[..., Any], **more: bool) -> Any:
    options: dict[str, Any] = {"fastmath": False, "error_model": "numpy", "nogil": True, **more}
    _name_apart(function)
    if not _CACHED:
        return numba.njit(function, **options)
    try:
        compiled: Any = numba.njit(function, cache=True, **options)
        cache_file = compiled._cache._cache_file
        cache_file._source_stamp = (cache_file._source_stamp, _stamp(_subpackage(function)))
    except (AttributeError, RuntimeError, OSError):
        return numba.njit(function, **options)
    return compiled
