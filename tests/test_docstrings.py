"""A documentation tool loses nothing of the docstrings: it finds every name, and each is one of the signature."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("certrnn", "transformers_abs")


def inside(one: griffe.Object) -> Iterator[griffe.Object]:
    yield one
    for member in one.members.values():
        if isinstance(member, griffe.Object):
            yield from inside(member)


@cache
def documented() -> tuple[griffe.Object, ...]:
    """Every module, class and function with a docstring."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    return tuple(one for name in PACKAGES for one in inside(loader.load(name)) if one.docstring)


def known(one: griffe.Object) -> set[str]:
    """Names that a docstring may describe: parameters, or fields of a class and what its constructor takes."""
    if isinstance(one, griffe.Function):
        return {parameter.name for parameter in one.parameters}
    names = set(one.members)
    for base in one.resolved_bases if isinstance(one, griffe.Class) else ():
        names |= known(base) if isinstance(base, griffe.Object) else set()
    made = one.members.get("__init__")
    return names | (known(made) if isinstance(made, griffe.Function) else set())


def described(one: griffe.Object) -> list[str]:
    assert one.docstring is not None
    sections = one.docstring.parse("google", warnings=False)
    values = [s.value for s in sections if s.kind is griffe.DocstringSectionKind.parameters]
    return [name for value in values for entry in value for name in entry.name.split(", ")]


def test_every_described_name_is_one_of_the_signature() -> None:
    unknown = [f"{one.path}: {name}" for one in documented() for name in set(described(one)) - known(one)]
    assert not unknown


def test_nothing_is_lost() -> None:
    """As many entries are parsed as are written."""
    lost = []
    for one in documented():
        assert one.docstring is not None
        _, found, rest = one.docstring.value.partition("Args:\n")
        if found:
            block = rest.split("\n\n")[0].splitlines()
            written = [line for line in block if line.startswith("    ") and line[4] != " "]
            entries = {name.split(":")[0].strip() for name in written}
            parsed = {
                entry.name
                for section in one.docstring.parse("google", warnings=False)
                if section.kind is griffe.DocstringSectionKind.parameters
                for entry in section.value
            }
            if entries != parsed:
                lost.append(f"{one.path}: {entries ^ parsed}")
    assert not lost


@pytest.mark.parametrize("heading", ["Parameters\n--", "Raises\n--"])
def test_no_other_style_is_left(heading: str) -> None:
    assert not [one.path for one in documented() if one.docstring and heading in one.docstring.value]
