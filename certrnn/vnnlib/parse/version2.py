"""Version 2: the VNN-LIB standard's query language (grammar.cf and chapter "Query Language" of VNNLIB-Standard)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from certrnn.vnnlib.parse.expressions import Group, Node, Word
from certrnn.vnnlib.parse.formula import Junction, Variable
from certrnn.vnnlib.parse.query import MAX_ELEMENTS, Query, Tensor
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.parse.terms import Scope, Terms

VERSIONS = ("2.0", "2.1")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
REAL = ("real", "Real")
"""Spellings of the type of queries over the reals: the text of the standard has the first, its tests the second."""


@dataclass(frozen=True)
class Network(Scope):
    """A declared network with one input and one output."""

    name: str
    input: Tensor
    output: Tensor
    equalities: dict[str, str] = field(default_factory=lambda: {"==": "==", "=": "==", "!=": "!="})

    def variable(self, source: Source, word: Word, indices: Group | None) -> Variable:
        for tensor in (self.input, self.output):
            if word.text == tensor.name:
                return Variable(tensor is self.output, _element(source, word, indices, tensor))
        raise source.broken(word.offset, "a variable is declared before it is used", word.text)


def read_version2(source: Source, groups: Sequence[Group]) -> Query:
    """The query of a file that starts with ``(vnnlib-version <2.x>)``.

    Raises:
        InvalidInput: it breaks the grammar, scoping or typing of the standard.
        Unsupported: it uses a theory that is not supported, which the message names.
    """
    version = _version(source, groups[0])
    networks = [g for g in groups[1:] if g.head == "declare-network"]
    asserted = groups[1 + len(networks) :]
    strange = [g for g in groups[1:] if g.head not in ("declare-network", "assert")]
    if strange:
        raise source.broken(
            strange[0].offset, "what follows is declare-network and assert", strange[0].head or "others"
        )
    if not networks:
        raise source.invalid("a query declares a network", "none")
    if any(g.head != "assert" for g in asserted):
        raise source.broken(asserted[0].offset, "assertions follow all declarations", "one in between")
    if len(networks) > 1:
        raise source.unsupported(
            networks[1].offset,
            "there is one network (theory SNET)",
            f"{len(networks)} networks (theory MNET)",
        )
    scope = _network(source, networks[0])
    terms = Terms(source, scope)
    for group in asserted:
        if len(group.items) != 2:
            raise source.broken(group.offset, "(assert ..) holds one formula", len(group.items) - 1)
    formula = Junction("and", tuple(terms.formula(group.items[1]) for group in asserted))
    return Query(source, version, scope.name, scope.input, scope.output, formula)


def _version(source: Source, group: Group) -> str:
    words = [item.text for item in group.items if isinstance(item, Word)]
    if len(group.items) != 2 or len(words) != 2 or not re.fullmatch(r"<[0-9]+\.[0-9]+>", words[1]):
        raise source.broken(group.offset, "the version is written (vnnlib-version <2.0>)", words[1:])
    if words[1][1:-1] not in VERSIONS:
        raise source.unsupported(group.offset, f"the version is one of 1.0, {', '.join(VERSIONS)}", words[1])
    return words[1][1:-1]


def _network(source: Source, group: Group) -> Network:
    name = _name(source, group, 1)
    tensors: dict[str, list[Tensor]] = {"declare-input": [], "declare-output": []}
    for item in group.items[2:]:
        head = item.head if isinstance(item, Group) and not item.brackets else ""
        if head in ("equal-to", "isomorphic-to"):
            raise source.unsupported(item.offset, "a network stands alone (theory SNET)", f"({head} ..)")
        if head == "declare-hidden":
            raise source.unsupported(
                item.offset, "there are no hidden nodes (theory NH)", "(declare-hidden ..)"
            )
        if head not in tensors:
            raise source.broken(item.offset, "a network declares inputs and outputs", head or "others")
        assert isinstance(item, Group)
        if head == "declare-input" and tensors["declare-output"]:
            raise source.broken(item.offset, "inputs are declared before outputs", "(declare-input ..)")
        tensors[head].append(_tensor(source, item))
    for head, declared in tensors.items():
        if not declared:
            raise source.broken(group.offset, f"a network has a ({head} ..)", "none")
        if len(declared) > 1:
            raise source.unsupported(
                group.offset,
                "there is one input and one output (theory SIO)",
                f"{len(declared)} of ({head} ..)",
            )
    inputs, outputs = tensors["declare-input"][0], tensors["declare-output"][0]
    if len({name, inputs.name, outputs.name}) < 3:
        raise source.broken(group.offset, "names of networks and tensors are unique", "one of them twice")
    return Network(name, inputs, outputs)


def _tensor(source: Source, group: Group) -> Tensor:
    """``(declare-input X real [1,8])``."""
    name, kind = _name(source, group, 1), _name(source, group, 2)
    if len(group.items) < 4 or not isinstance(group.items[3], Group) or not group.items[3].brackets:
        raise source.broken(group.offset, "a declaration ends in a shape such as [1,8]", "none")
    if len(group.items) > 4:
        extra = group.items[4]
        if isinstance(extra, Word) and extra.text == "initialized":
            raise source.unsupported(extra.offset, "inputs have no initial values", "initialized")
        raise source.broken(extra.offset, "a declaration ends in its shape", "more")
    if kind not in REAL:
        raise source.unsupported(
            group.offset,
            "the element type is real: what certrnn proves is said of exact real arithmetic",
            kind,
            "Declare input and output real, if real arithmetic is what you mean.",
        )
    shape = tuple(_whole(source, item) for item in group.items[3].items)
    tensor = Tensor.shaped(name, kind, shape)
    if not 1 <= tensor.size <= MAX_ELEMENTS:
        raise source.broken(group.offset, f"a tensor has 1 to {MAX_ELEMENTS} elements", list(shape))
    return tensor


def _name(source: Source, group: Group, place: int) -> str:
    item: Node | None = group.items[place] if place < len(group.items) else None
    if not isinstance(item, Word) or not _NAME.fullmatch(item.text):
        received = item.text if isinstance(item, Word) else "none"
        raise source.broken(
            group.offset, f"({group.head} ..) names what it declares by letters, digits and _", received
        )
    return item.text


def _whole(source: Source, item: Node) -> int:
    if not isinstance(item, Word) or not _WHOLE.fullmatch(item.text):
        received = item.text if isinstance(item, Word) else "others"
        raise source.broken(item.offset, "lengths and indices are whole numbers", received)
    return int(item.text)


def _element(source: Source, word: Word, indices: Group | None, tensor: Tensor) -> int:
    """The row-major number of an element."""
    shape = tensor.shape or ()
    places = [] if indices is None else [_whole(source, item) for item in indices.items]
    if len(places) != len(shape) or (indices is not None) != bool(shape):
        requirement = f"{word.text} has {len(shape)} indices" if shape else f"{word.text} has no indices"
        raise source.broken(word.offset, requirement, len(places))
    index = 0
    for place, length in zip(places, shape, strict=True):
        if place >= length:
            raise source.broken(word.offset, f"indices of {word.text} lie in its shape {list(shape)}", places)
        index = index * length + place
    return index
