"""Deliberately unsound copies of ``transformers_abs``, made by editing its source text.

A copy runs as plain Python (its kernels are not compiled), so that a dozen mutants cost seconds.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import transformers_abs

PLAIN_KERNEL = '''"""Kernels run as plain Python."""


def kernel(function):
    return function


inlined = kernel
'''


@dataclass(frozen=True)
class Mutant:
    """Edits (file of the package, old text, new text), and the ``transformer`` and ``kinds`` of boxes to show them."""

    name: str
    transformer: str
    kinds: tuple[str, ...]
    edits: tuple[tuple[str, str, str], ...] = ()
    with_quadratic: bool = False


@contextmanager
def mutated(folder: Path, mutant: Mutant) -> Iterator[Any]:
    """The package with the mutant's edits, imported under another name from ``folder``, and forgotten afterwards.

    Raises:
        LookupError: the text to edit is not there any more.
    """
    name = f"mutated_{abs(hash(mutant))}"
    root = folder / name
    shutil.copytree(
        Path(transformers_abs.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in root.rglob("*.py"):
        path.write_text(path.read_text().replace("transformers_abs", name))
    (root / "compilation.py").write_text(PLAIN_KERNEL)
    for file, old, new in mutant.edits:
        text = (root / file).read_text()
        if old not in text:
            raise LookupError(f"mutant {mutant.name!r}: {file} does not hold {old!r}")
        (root / file).write_text(text.replace(old, new))
    sys.path.insert(0, str(folder))
    try:
        with np.errstate(all="ignore"):
            yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[module]
