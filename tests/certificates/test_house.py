"""The checker is a package of its own: what it imports, read off its files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import certrnn.certificates.checker as package
from tests.test_floors import imported

FOLDER = Path(package.__file__).parent
ALLOWED = {"numpy", "onnx", "flint", *sys.stdlib_module_names}


def foreign(text: str) -> set[str]:
    """What a module imports that the checker may not."""
    names = imported(ast.parse(text))
    own = {name for name in names if name.startswith("certrnn.certificates.checker.")}
    return {name for name in names - own if name.split(".")[0] not in ALLOWED}


def test_the_checker_imports_numpy_and_onnx_and_nothing_of_certrnn() -> None:
    assert {path.name: foreign(path.read_text("utf-8")) for path in FOLDER.glob("*.py")} == {
        path.name: set() for path in FOLDER.glob("*.py")
    }


def test_an_import_from_the_engine_is_seen() -> None:
    assert foreign("from transformers_abs.rounding import gamma\nimport torch\nimport math") == {
        "transformers_abs.rounding.gamma",
        "torch",
    }


def test_checking_loads_neither_torch_nor_numba() -> None:
    code = "import sys, certrnn.certificates.checker; print({'torch', 'numba', 'scipy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
