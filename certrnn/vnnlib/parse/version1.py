"""Version 1.0: the subset of SMT-LIB of the VNN competitions, variables ``X_i`` and ``Y_i``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from certrnn.vnnlib.parse.expressions import Group, Word
from certrnn.vnnlib.parse.formula import Formula, Junction, Variable
from certrnn.vnnlib.parse.query import MAX_ELEMENTS, Query, Tensor
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.parse.terms import Scope, Terms

_NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
_SILENT = ("set-logic", "set-info", "set-option", "check-sat", "get-model", "exit")
"""Commands of SMT-LIB that say nothing about the question."""


@dataclass(eq=False)
class Declared(Scope):
    """The variables declared so far, as they are read."""

    indices: dict[str, set[int]] = field(default_factory=lambda: {"X": set(), "Y": set()})
    equalities: dict[str, str] = field(default_factory=lambda: {"=": "=="})

    def variable(self, source: Source, word: Word, indices: Group | None) -> Variable:
        if indices is not None:
            raise source.broken(indices.offset, "version 1.0 writes X_3, without brackets", word.text)
        match = _NAME.fullmatch(word.text)
        if match is None or int(match[2]) not in self.indices[match[1]]:
            raise source.broken(word.offset, "a variable is declared before it is used", word.text)
        return Variable(match[1] == "Y", int(match[2]))

    def declare(self, source: Source, group: Group) -> None:
        items = group.items[1:]
        if group.head == "declare-fun" and len(items) == 3 and items[1] == Group((), _offset(items[1])):
            items = (items[0], items[2])
        words = [item.text for item in items if isinstance(item, Word)]
        if len(words) != len(items) or len(words) != 2:
            raise source.broken(group.offset, "a declaration is (declare-const X_0 Real)", "another")
        match = _NAME.fullmatch(words[0])
        if match is None:
            raise source.broken(group.offset, "variables are called X_0, X_1, .. and Y_0, Y_1, ..", words[0])
        if words[1] != "Real":
            raise source.unsupported(group.offset, "variables are of type Real", words[1])
        name, index = match[1], int(match[2])
        if index in self.indices[name]:
            raise source.broken(group.offset, "a variable is declared once", words[0])
        self.indices[name].add(index)

    def tensor(self, source: Source, name: str) -> Tensor:
        indices = self.indices[name]
        if not indices or max(indices) >= min(len(indices), MAX_ELEMENTS):
            missing = next(i for i in range(len(indices) + 1) if i not in indices)
            raise source.invalid(f"{name}_0, {name}_1, .. are declared without gaps", f"no {name}_{missing}")
        return Tensor(name, "Real", len(indices))


def read_version1(source: Source, groups: Sequence[Group]) -> Query:
    """The query of commands of version 1.0.

    Raises:
        InvalidInput, Unsupported: naming the place.
    """
    scope = Declared()
    terms = Terms(source, scope)
    parts: list[Formula] = []
    for group in groups:
        if group.head in ("declare-const", "declare-fun"):
            scope.declare(source, group)
        elif group.head == "assert":
            if len(group.items) != 2:
                raise source.broken(group.offset, "(assert ..) holds one formula", len(group.items) - 1)
            parts.append(terms.formula(group.items[1]))
        elif group.head not in _SILENT:
            known = "declare-const, declare-fun, assert and check-sat (version 1.0)"
            raise source.broken(
                group.offset, f"commands are {known}, or the first is (vnnlib-version <2.0>)", _shown(group)
            )
    inputs, outputs = scope.tensor(source, "X"), scope.tensor(source, "Y")
    return Query(source, "1.0", None, inputs, outputs, Junction("and", tuple(parts)))


def _offset(node: Group | Word) -> int:
    return node.offset


def _shown(group: Group) -> str:
    return group.head or "no command"
