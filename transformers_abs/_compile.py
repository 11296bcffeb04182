"""The one way kernels are compiled.

Fast-math stays off (a compiler that reorders sums would void every rounding bound), division by zero
follows IEEE, and compiled code is cached. Numba's cache looks only at the file of the outermost kernel; a
kernel compiled against an old ``_rounding`` would then survive an upgrade and be silently unsound, so the
stamp here covers every file of this package and of the subpackage that the kernel is written in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent


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


def _compiled(function: Callable[..., Any], **more: bool) -> Any:
    options: dict[str, Any] = {"fastmath": False, "error_model": "numpy", "nogil": True, **more}
    try:
        compiled: Any = numba.njit(function, cache=True, **options)
        cache_file = compiled._cache._cache_file
        cache_file._source_stamp = (cache_file._source_stamp, _stamp(_subpackage(function)))
    except (AttributeError, RuntimeError, OSError):
        return numba.njit(function, **options)
    return compiled
