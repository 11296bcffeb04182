"""Imports go down only: the floors of the house, read off the import statements of every module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    {"transformers_abs"},
    {"errors"},
    {"ir", "arrays"},
    {"regions", "specs", "cells", "io", "examples"},
    {"domains"},
    {"analyses"},
    {"search", "attacks", "baselines", "dynamics", "certificates"},
    {"report", "training", "coverage", "run"},
    {"model"},
    {"worker"},
    {"runs"},
    {"cli", "__main__"},
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
HEAVY = {"numpy", "torch", "onnx", "onnxruntime", "numba", "scipy", "rich", "certrnn.model"}


def modules() -> list[Path]:
    return sorted(p for package in ("certrnn", "transformers_abs") for p in (ROOT / package).rglob("*.py"))


def part(module: str) -> str | None:
    """The part of the house that a dotted name belongs to; None for everybody else's packages."""
    names = module.split(".")
    if names[0] == "transformers_abs":
        return "transformers_abs"
    return names[1] if names[0] == "certrnn" and len(names) > 1 else None


def imported(tree: ast.AST) -> set[str]:
    """Dotted names that a module imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= (
                {node.module or ""} if node.module != "certrnn" else {f"certrnn.{a.name}" for a in node.names}
            )
    return found


def edges() -> dict[tuple[str, str], list[str]]:
    """(importing part, imported part) to the modules that do it; the root module ``certrnn`` itself is left out."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in modules():
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        own = part(dotted)
        if own is None or dotted == "certrnn.__init__":
            continue
        for name in imported(ast.parse(path.read_text("utf-8"))):
            other = part(name)
            if other is not None and other != own and other != "__version__":
                found.setdefault((own, other), []).append(dotted)
    return found


def test_every_part_of_the_house_has_a_floor() -> None:
    parts = {part(".".join(p.relative_to(ROOT).with_suffix("").parts)) for p in modules()}
    assert {p for p in parts if p is not None and p != "__init__"} <= set(FLOOR)


def test_imports_go_down_only() -> None:
    climbing = {edge: where for edge, where in edges().items() if FLOOR[edge[0]] < FLOOR[edge[1]]}
    assert not climbing


def test_neighbours_on_a_floor_do_not_need_each_other() -> None:
    known = set(edges())
    assert not {(a, b) for a, b in known if FLOOR[a] == FLOOR[b] and (b, a) in known}


def test_the_check_sees_a_climbing_import() -> None:
    names = imported(
        ast.parse("def f():\n    from certrnn.certification import radii\n    import certrnn.cli")
    )
    assert {part(name) for name in names} == {"search", "cli"}
    assert FLOOR["domains"] < FLOOR["search"]


def test_transformers_know_neither_networks_nor_torch() -> None:
    for path in (ROOT / "transformers_abs").rglob("*.py"):
        names = {name.split(".")[0] for name in imported(ast.parse(path.read_text("utf-8")))}
        assert not names & {"torch", "certrnn", "onnx"}, path


@pytest.mark.parametrize(
    "name",
    [
        "certrnn/__init__.py",
        "certrnn/__main__.py",
        "certrnn/cli/__init__.py",
        "certrnn/cli/certify.py",
        "certrnn/errors.py",
    ],
)
def test_the_way_to_help_imports_nothing_heavy(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    at_top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert not {n for n in imported(at_top) if n in HEAVY or n.split(".")[0] in HEAVY}


def test_scipy_is_imported_where_it_is_needed_only() -> None:
    """It takes a third of a second, which most commands have no use for."""
    for path in (ROOT / "certrnn").rglob("*.py"):
        body = ast.parse(path.read_text("utf-8")).body
        at_top = ast.Module([node for node in body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        assert not [name for name in imported(at_top) if name.split(".")[0] == "scipy"], path
