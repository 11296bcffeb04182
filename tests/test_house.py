"""House rules that no tool checks: short files and functions, and nothing that names one machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 400
LONGEST_FUNCTION = 80
TEXT = {".py", ".md", ".toml", ".json", ".txt", ".cfg", ""}
TOP = {"pyproject.toml", "README.md", "LICENSE", "certrnn", "transformers_abs", "benchmarks", "tests"}
PLACES = re.compile(
    "|".join(
        [
            "/" + "work/",
            "/" + "root/",
            "/" + "home/",
            "py" + "pi\\.org",
            "index" + "-url",
            "python" + "hosted",
        ]
    )
)


def sources(folders: tuple[str, ...] = ("certrnn", "transformers_abs", "benchmarks", "tests")) -> list[Path]:
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def texts() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "pyproject.toml", ROOT / ".gitignore", *(ROOT / ".ci").glob("*")]
    for folder in ("certrnn", "transformers_abs", "benchmarks", "tests"):
        found += [p for p in (ROOT / folder).rglob("*") if p.suffix in TEXT and p.is_file()]
    return found


def too_long(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    long = [f"{path}: {len(text.splitlines())} lines"] if len(text.splitlines()) > LONGEST_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                long.append(f"{path}: {node.name} has {lines} lines")
    return long


def test_files_and_functions_are_short() -> None:
    assert [line for path in sources() for line in too_long(path)] == []


def test_a_long_function_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def f():\n" + "    pass\n" * LONGEST_FUNCTION)
    assert too_long(path) == [f"{path}: f has {LONGEST_FUNCTION + 1} lines"]


def test_no_text_names_a_machine_or_a_registry() -> None:
    named = {str(p.relative_to(ROOT)): PLACES.search(p.read_text("utf-8")) for p in texts()}
    assert {name: match[0] for name, match in named.items() if match} == {}


def test_nothing_else_lies_at_the_root() -> None:
    ignored = {".git", "build", "dist"}
    assert {
        p.name for p in ROOT.iterdir() if not p.name.startswith(".") and not p.name.endswith(".egg-info")
    } - ignored <= TOP


def test_every_module_says_what_it_is() -> None:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sources(("certrnn", "transformers_abs"))}
    assert not [str(path) for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]


PLAIN = re.compile(r"\b(whoever|somebody|nobody|dear|dearer|precious)\b", re.IGNORECASE)
"""Words that say who does something where the field says what a thing is."""


def test_prose_says_what_things_are() -> None:
    found = []
    product = sources(("certrnn", "transformers_abs", "benchmarks"))
    for path in [*product, *(ROOT / "certrnn" / "guides").glob("*.md"), ROOT / "README.md"]:
        lines = enumerate(path.read_text("utf-8").splitlines(), 1)
        found += [f"{path.relative_to(ROOT)}:{n}: {line.strip()}" for n, line in lines if PLAIN.search(line)]
    assert not found
