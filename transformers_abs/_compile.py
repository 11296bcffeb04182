"""The one way kernels are compiled.

Fast-math stays off (a compiler that reorders sums would void every rounding bound), division by zero
follows IEEE, and compiled code is cached. Numba's cache looks only at the file of the outermost kernel; a
kernel compiled against an old ``_rounding`` would then survive an upgrade and be silently unsound, so the
stamp here covers every file of the package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba


@lru_cache(maxsize=1)
def _package_stamp() -> str:
    """SHA-256 of the package's source files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` lazily with the package's floating-point settings and a cache keyed on the whole
    package.

    Without a place to cache, or with a numba whose cache cannot be keyed on the package, the kernel is
    compiled afresh in each process: slower to start, never stale.
    """
    options: dict[str, Any] = {"fastmath": False, "error_model": "numpy", "nogil": True}
    try:
        compiled: Any = numba.njit(function, cache=True, **options)
        cache_file = compiled._cache._cache_file
        cache_file._source_stamp = (cache_file._source_stamp, _package_stamp())
    except (AttributeError, RuntimeError, OSError):
        return numba.njit(function, **options)
    return compiled
