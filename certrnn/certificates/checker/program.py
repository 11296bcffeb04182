"""What an ONNX file computes on one sample, as a list of vectors: inputs, numbers, linear maps and scalar functions.

Every element of every vector has a number; a vector that is read is an array of such numbers, whatever vectors they
belong to. No arithmetic is done on weights: a linear map is a sum of products with matrices of the file, as they are;
only of a quotient the reciprocal is rounded, once, for which every bound of a linear map has a rounding to spare.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Refused(Exception):
    """The checker cannot say anything: what it does not know is named."""


class Term(NamedTuple):
    """``weight @ elements`` for a matrix (n, k), ``weight * elements`` for a vector (n,)."""

    weight: np.ndarray
    elements: np.ndarray


class Input(NamedTuple):
    frame: int
    size: int


class Linear(NamedTuple):
    """The sum of terms and constant vectors (n,); without terms, numbers."""

    terms: tuple[Term, ...]
    constants: tuple[np.ndarray, ...]
    size: int


class Apply(NamedTuple):
    """A function of :data:`~.residuals.ARITY`, with a parameter, of one or two vectors."""

    name: str
    parameter: float
    arguments: tuple[np.ndarray, ...]
    size: int


class Program:
    """Vectors in the order in which they are computed."""

    def __init__(self) -> None:
        self.nodes: list[Input | Linear | Apply] = []
        self.starts = [0]
        self._known: dict[object, Any] = {}
        self.origin: dict[int, tuple[str, int]] = {}
        """Elements that are ``sigmoid``, ``tanh`` or ``complement`` (one minus a sigmoid) of another element."""

    def add(self, node: Input | Linear | Apply) -> np.ndarray:
        """The numbers of the elements of a new vector."""
        self.nodes.append(node)
        self.starts.append(self.starts[-1] + node.size)
        return np.arange(self.starts[-2], self.starts[-1])

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Elements that are fixed numbers, of the shape of ``values``."""
        flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
        if not np.isfinite(flat).all():
            raise Refused("numbers of the file are finite; got nan or infinity")
        key = ("numbers", flat.tobytes())
        if key not in self._known:
            self._known[key] = self.add(Linear((), (flat,), flat.size))
        return self._known[key].reshape(values.shape)

    def locate(self, elements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The vector of each element, and its place there."""
        starts = np.asarray(self.starts)
        vectors = np.searchsorted(starts, elements, side="right") - 1
        return vectors, elements - starts[vectors]

    def pieces(self, elements: np.ndarray) -> list[tuple[int, np.ndarray | slice]]:
        """The elements as runs, each of one vector: the vector and the places in it."""
        key = ("pieces", elements.tobytes())
        if key not in self._known:
            vectors, places = self.locate(elements)
            runs: list[tuple[int, np.ndarray | slice]] = []
            for run in np.split(np.arange(len(elements)), np.flatnonzero(np.diff(vectors)) + 1):
                own = places[run]
                straight = np.array_equal(own, np.arange(own[0], own[0] + len(own)))
                runs.append((int(vectors[run[0]]), slice(int(own[0]), int(own[-1]) + 1) if straight else own))
            self._known[key] = runs
        return self._known[key]

    def sources(self, place: int) -> list[np.ndarray]:
        """The elements that a vector is computed from."""
        node = self.nodes[place]
        if isinstance(node, Linear):
            return [term.elements for term in node.terms]
        return list(node.arguments) if isinstance(node, Apply) else []

    def last_use(self, output: np.ndarray) -> dict[int, int]:
        """The vectors that the output depends on, each with the last that reads it."""
        readers = {int(p): len(self.nodes) for p in np.unique(self.locate(output)[0])}
        for place in range(len(self.nodes) - 1, -1, -1):
            for elements in self.sources(place) if place in readers else []:
                for source in np.unique(self.locate(elements)[0]).tolist():
                    readers.setdefault(source, place)
        return readers

    def linear(self, terms: list[Term], constants: list[np.ndarray]) -> np.ndarray:
        size = len(terms[0].weight)
        return self.add(Linear(tuple(terms), tuple(c for c in constants if c.any()), size))

    def combine(self, parts: list[tuple[float, np.ndarray]]) -> np.ndarray:
        """``sum c * elements`` of arrays of one shape."""
        shape = parts[0][1].shape
        size = int(np.prod(shape, dtype=np.int64))
        return self.linear([Term(np.full(size, c), ids.reshape(-1)) for c, ids in parts], []).reshape(shape)

    def apply(self, name: str, *arguments: np.ndarray, parameter: float = 0.0) -> np.ndarray:
        flat = tuple(np.ascontiguousarray(a).reshape(-1) for a in arguments)
        key = (name, parameter, *(a.tobytes() for a in flat))
        if key not in self._known:
            elements = self._known[key] = self.add(Apply(name, parameter, flat, flat[0].size))
            if name in ("sigmoid", "tanh"):
                self.origin.update(zip(elements.tolist(), ((name, int(e)) for e in flat[0]), strict=True))
        return self._known[key].reshape(arguments[0].shape)

    def source(self, elements: np.ndarray, name: str) -> np.ndarray | None:
        """What the elements are ``name`` of, if they all are."""
        origins = [self.origin.get(e, ("", 0)) for e in elements.reshape(-1).tolist()]
        if not origins or any(kind != name for kind, _ in origins):
            return None
        return np.array([source for _, source in origins]).reshape(elements.shape)

    def complement(self, elements: np.ndarray) -> np.ndarray:
        """``1 - elements``, remembered where they are sigmoids: it is the sigmoid of the opposite."""
        size, source = elements.size, self.source(elements, "sigmoid")
        complements = self.linear([Term(np.full(size, -1.0), elements.reshape(-1))], [np.ones(size)])
        if source is not None:
            own = (("complement", int(e)) for e in source.reshape(-1))
            self.origin.update(zip(complements.tolist(), own, strict=True))
        return complements.reshape(elements.shape)

    def _gate(self, elements: np.ndarray) -> np.ndarray | None:
        """What the elements are the sigmoid of, if they all are."""
        source = self.source(elements, "sigmoid")
        if source is None and (opposite := self.source(elements, "complement")) is not None:
            key = ("opposite", opposite.tobytes())
            if key not in self._known:
                self._known[key] = self.combine([(-1.0, opposite)])
            source = self._known[key]
        return source

    def multiply(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """``left * right``; a gate, sigmoid times anything, is one function of what the sigmoid reads."""
        for gate, value in ((left, right), (right, left)):
            source, inner = self._gate(gate), self.source(value, "tanh")
            if source is not None and inner is not None:
                return self.apply("sigmoid_tanh", source, inner)
        for gate, value in ((right, left), (left, right)):
            source = self._gate(gate)
            if source is not None:
                return self.apply("mul_sigmoid", value, source)
        return self.apply("product", left, right)
