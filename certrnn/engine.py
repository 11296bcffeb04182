"""Which engine an answer comes from: results of two engines are never mixed in one table."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import certrnn
import transformers_abs

ABOVE = ("certificates", "cli", "report", "runs/executors", "testing", "training")
"""Folders that decide no answer: they may change in the middle of a run."""


@lru_cache(maxsize=1)
def engine_version() -> str:
    """The package's version, and a digest of every source file that takes part in an answer."""
    digest = hashlib.sha256()
    for package in (certrnn, transformers_abs):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            place = path.relative_to(root).as_posix()
            if not place.startswith(ABOVE):
                digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{certrnn.__version__}+{digest.hexdigest()[:16]}"
