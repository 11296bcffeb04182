"""Imports go down only: the floors of the house, read off the import statements of every module."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    {"transformers_abs"},
    {"errors"},
    {"arrays", "encode", "engine"},
    {"ir"},
    {"regions", "specs", "cells", "examples"},
    {"io"},
    {"domains"},
    {"analyses"},
    {"coverage", "quality"},
    {"search", "attacks", "baselines", "threats"},
    {"dynamics"},
    {"results"},
    {"datasets", "report"},
    {"runs"},
    {"certification"},
    {"certificates"},
    {"falsification", "training", "vnnlib"},
    {"model"},
    {"repetition", "testing"},
    {"cli"},
    {"__main__"},
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
HEAVY = {"numpy", "torch", "onnx", "onnxruntime", "numba", "scipy", "rich", "certrnn.model"}


PRODUCT = ("certrnn", "transformers_abs")


def modules(packages: tuple[str, ...] = PRODUCT) -> list[Path]:
    return sorted(p for package in packages for p in (ROOT / package).rglob("*.py"))


def part(module: str) -> str | None:
    """The part of the house that a dotted name belongs to; None for everybody else's packages."""
    names = module.split(".")
    if names[0] == "transformers_abs":
        return "transformers_abs"
    return names[1] if names[0] == "certrnn" and len(names) > 1 else None


def imported(tree: ast.AST) -> set[str]:
    """Dotted names that a module imports anywhere in it, for the type checker only as well."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def edges(packages: tuple[str, ...] = PRODUCT) -> dict[str, set[str]]:
    """Module by module, the modules that it imports; the root module ``certrnn`` itself is left out."""
    known = {dotted(path): path for path in modules(packages)}
    found: dict[str, set[str]] = {}
    for own, path in known.items():
        if own != "certrnn":
            names = imported(ast.parse(path.read_text("utf-8")))
            homes = {name if name in known else name.rpartition(".")[0] for name in names}
            found[own] = {home for home in homes if home in known and home not in ("certrnn", own)}
    return found


def circles(needs: Mapping[str, set[str]]) -> list[str]:
    """Modules that need themselves by way of others."""
    try:
        list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def private(own: str, other: str) -> bool:
    """True where one module needs what another package keeps to itself."""
    names = other.split(".")
    hidden = next((place for place, name in enumerate(names) if name.startswith("_")), None)
    return hidden is not None and not f"{own}.".startswith(".".join(names[:hidden]) + ".")


def test_every_part_of_the_house_has_a_floor() -> None:
    parts = {part(module) for module in edges()}
    assert {one for one in parts if one is not None} == set(FLOOR)


def test_imports_go_down_only() -> None:
    """From file to file: into another part only where it lies on a floor below."""
    climbing = [
        f"{own} -> {other}"
        for own, others in edges().items()
        for other in others
        if part(own) != part(other) and FLOOR[part(own) or ""] <= FLOOR[part(other) or ""]
    ]
    assert not climbing


@pytest.mark.parametrize("packages", [PRODUCT, ("benchmarks",)])
def test_no_module_needs_itself(packages: tuple[str, ...]) -> None:
    assert not circles(edges(packages))


def test_what_a_package_keeps_to_itself_nobody_else_imports() -> None:
    assert not [
        f"{own} -> {other}" for own, others in edges().items() for other in others if private(own, other)
    ]


def test_the_checks_see_what_they_look_for() -> None:
    names = imported(ast.parse("def f():\n    from certrnn.search import radii\n    import certrnn.cli"))
    assert {part(name) for name in names} == {"search", "cli"}
    assert FLOOR["domains"] < FLOOR["search"]
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circles({"a": {"b", "c"}, "b": {"c"}})
    assert private("certrnn.cli.certify", "certrnn.domains._rows")
    assert not private("certrnn.domains.zonotope.value", "certrnn.domains._rows")


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
