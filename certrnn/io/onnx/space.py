"""The graph under construction, addressed element by element.

Every element of every node has one number, its *id*: nodes follow each other, so node ``i`` owns a run of ids. A
tensor is an array of ids; :meth:`Space.vector` turns ids into a node again, with a Gather only where they are not
exactly one whole node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.cells import Recurrence
from certrnn.errors import Unsupported
from certrnn.io.onnx.gates import gelu
from certrnn.io.onnx.least import Bounds
from certrnn.io.onnx.tensors import Known, View, check_finite
from certrnn.ir import Affine, Elementwise, Gather, GraphBuilder, Input
from transformers_abs import SIGMOID, SQUARE, TANH, Transformer
from transformers_abs.bivariate import MUL_SIGMOID, PRODUCT, SIGMOID_TANH


@dataclass(frozen=True, eq=False)
class Extreme:
    """That elements ``ids`` are the larger (or smaller) of two others each, which sums of rectifiers do not show."""

    ids: np.ndarray
    left: np.ndarray
    right: np.ndarray
    larger: bool


class Space:
    """A graph builder with element ids, shared weights and shared sub-expressions; ``recurrences`` are the recurrent
    layers unrolled so far."""

    def __init__(self) -> None:
        self.builder = GraphBuilder()
        self.recurrences: list[Recurrence] = []
        self.extremes: list[Extreme] = []
        self.roundings: dict[int, set[int]] = {}
        """Elements by the narrower type that the file casts them to."""
        self.warnings: dict[str, None] = {}
        """What a reader of results must know of how nodes were read, in order."""
        self.repeating = False
        """Whether equal rows are computed once: where one sample fills a batch."""
        self.bounds = Bounds(self.builder)
        self.roots: dict[int, int] = {}
        """Elements that are square roots, with what they are roots of."""
        self.shares: dict[int, tuple[int, frozenset[int]]] = {}
        """Arguments of the sigmoids that are a softmax's values, with these, and the values of their groups."""
        self.normalised: dict[tuple[int, str, bytes], tuple[np.ndarray, np.ndarray]] = {}
        """Values of softmaxes that were computed with, by their tables, functions and the groups that were used."""
        self._groups_made = 0
        self._minus_infinity: int | None = None
        self._starts: list[int] = [0]
        self._vectors: dict[bytes, int] = {}
        self._constants: dict[tuple[bytes, float], int] = {}
        self._numbers: dict[tuple[tuple[int, ...], bytes], torch.Tensor] = {}
        self._applied: dict[tuple[object, ...], int] = {}
        self._matrices: dict[tuple[int, bool, int], tuple[np.ndarray, torch.Tensor]] = {}

    def new_groups(self, count: int) -> np.ndarray:
        """Numbers (count,) of groups that are normalised together, never given out before."""
        first, self._groups_made = self._groups_made, self._groups_made + count
        return np.arange(first, first + count)

    # ---- minus infinity, which a softmax leaves out

    @property
    def minus_infinity(self) -> int:
        """The element that stands for it; no node reads it."""
        if self._minus_infinity is None:
            node = self.builder.constant(self.numbers(np.zeros(1)), "minus infinity")
            self._minus_infinity = int(self.ids(node)[0])
        return self._minus_infinity

    def infinite(self, ids: np.ndarray) -> np.ndarray:
        """True where an element is minus infinity."""
        return (
            np.zeros(ids.shape, dtype=bool) if self._minus_infinity is None else ids == self._minus_infinity
        )

    # ---- ids

    def ids(self, position: int) -> np.ndarray:
        """The ids of the node at ``position``."""
        while len(self._starts) <= position + 1:
            self._starts.append(self._starts[-1] + self.builder[len(self._starts) - 1].size)
        return np.arange(self._starts[position], self._starts[position + 1])

    def locate(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Node position and element within the node of each id."""
        starts = np.asarray(self._starts)
        positions = np.searchsorted(starts, ids, side="right") - 1
        return positions, ids - starts[positions]

    def vector(self, ids: np.ndarray, label: str = "") -> int:
        """Position of a node that holds exactly the elements ``ids``, in that order."""
        flat = np.ascontiguousarray(ids, dtype=np.int64).reshape(-1)
        key = flat.tobytes()
        if key in self._vectors:
            return self._vectors[key]
        if self.infinite(flat).any():
            raise Unsupported(
                f"reading node {label!r}",
                "minus infinity is a score that a softmax leaves out",
                "a computation with it",
                "Mask with a large negative number, such as -1e9.",
            )
        positions, elements = self.locate(flat)
        first = int(positions[0])
        if flat.size == self.builder[first].size and np.array_equal(flat, self.ids(first)):
            return first
        order = np.unique(positions, return_index=True)
        sources = order[0][np.argsort(order[1], kind="stable")]
        begin = np.concatenate([[0], np.cumsum([self.builder[int(s)].size for s in sources])])
        place = np.argsort(sources)[np.searchsorted(np.sort(sources), positions)]
        node = self.builder.gather([int(s) for s in sources], begin[place] + elements, label)
        self._vectors[key] = node
        self.ids(node)
        return node

    def _resolved(self, position: int, elements: np.ndarray) -> np.ndarray:
        """Ids of the elements of a node, looking through Gather nodes."""
        node = self.builder[position]
        if not isinstance(node, Gather):
            return self.ids(position)[elements]
        below = np.concatenate([self._resolved(s, np.arange(self.builder[s].size)) for s in node.sources])
        return below[node.index[elements]]

    def element(self, position: int, number: int) -> int:
        """The id of one element of a node, looking through Gather nodes."""
        return int(self._resolved(position, np.array([number]))[0])

    def resolved(self, ids: np.ndarray) -> np.ndarray:
        """The same elements as they stand in the nodes that compute them, looking through Gather nodes."""
        positions, elements = self.locate(ids.reshape(-1))
        origins = ids.reshape(-1).copy()
        for position in np.unique(positions):
            here = positions == position
            origins[here] = self._resolved(int(position), elements[here])
        return origins.reshape(ids.shape)

    def sources(self, positions: np.ndarray, elements: np.ndarray) -> np.ndarray:
        """For elements of nodes that read one other element each, that one, looking through Gather nodes."""
        origins = np.empty(len(positions), dtype=np.int64)
        for position in np.unique(positions):
            here = positions == position
            node = self.builder[int(position)]
            if isinstance(node, Gather):
                origins[here] = self._resolved(int(position), elements[here])
            else:
                origins[here] = self._resolved(node.sources[0], elements[here])
        return origins

    def probabilities(self, ids: np.ndarray) -> bool:
        """True where every element is a sigmoid's value."""
        positions, _ = self.locate(self.resolved(ids).reshape(-1))
        nodes = (self.builder[int(position)] for position in np.unique(positions))
        return all(isinstance(node, Elementwise) and node.transformer is SIGMOID for node in nodes)

    def varies(self, ids: np.ndarray) -> bool:
        """True where an element is computed from an Input node."""
        waiting, seen = [int(p) for p in np.unique(self.locate(ids)[0])], set[int]()
        while waiting:
            position = waiting.pop()
            node = self.builder[position]
            if isinstance(node, Input):
                return True
            seen.add(position)
            waiting.extend(s for s in node.sources if s not in seen)
        return False

    # ---- numbers

    def whole(self, ids: np.ndarray, label: str) -> np.ndarray:
        """The same elements in one node, so that what follows is computed at once."""
        return self.ids(self.vector(ids.reshape(-1), label)).reshape(ids.shape)

    def numbers(self, array: np.ndarray) -> torch.Tensor:
        """The array as a float64 tensor; equal arrays share one."""
        array = np.ascontiguousarray(array, dtype=np.float64)
        key = (array.shape, array.tobytes())
        if key not in self._numbers:
            self._numbers[key] = torch.from_numpy(array.copy())
        return self._numbers[key]

    def matrix(self, array: np.ndarray, transpose: bool, index: int = 0) -> torch.Tensor:
        """A weight matrix, converted once for each array object of the model."""
        key = (id(array), transpose, index)
        if key not in self._matrices:
            plain = array.reshape(-1, *array.shape[-2:])[index]
            weight = np.ascontiguousarray(plain.T if transpose else plain, dtype=np.float64)
            self._matrices[key] = (
                array,
                torch.from_numpy(weight.copy()),
            )  # keeps the array, hence its id, alive
        return self._matrices[key][1]

    def constant(self, value: Known, label: str = "") -> View:
        """Known numbers as elements of a Constant node; minus infinity is an element of its own."""
        flat = value.array.astype(np.float64).reshape(-1)
        left_out = np.isneginf(flat)
        flat = np.where(left_out, 0.0, flat)
        check_finite(label, replace(value, array=flat))
        key = (flat.tobytes(), value.relative_error)
        if key not in self._constants:
            self._constants[key] = self.builder.constant(self.numbers(flat), label, value.relative_error)
        ids = self.ids(self._constants[key])
        return View(
            (np.where(left_out, self.minus_infinity, ids) if left_out.any() else ids).reshape(value.shape)
        )

    # ---- arithmetic

    def affine_rows(self, rows: np.ndarray, weight: torch.Tensor, error: float, label: str) -> np.ndarray:
        """``weight @ row`` for each row of ids, shape (M, K) to (M, N): one Affine node a row."""
        bias = self.numbers(np.zeros(weight.shape[0]))
        results = []
        for row in rows:
            source = self.vector(row, label)
            key = ("rows", source, id(weight), error)
            node = self._applied.get(key) if self.repeating else None
            if node is None:
                node = self._applied[key] = self.builder.affine(weight, bias, source, label, error)
            results.append(self.ids(node))
        return np.stack(results) if results else np.zeros((0, weight.shape[0]), dtype=np.int64)

    def scaled(
        self, ids: np.ndarray, weight: np.ndarray, bias: np.ndarray, error: float, label: str
    ) -> np.ndarray:
        """``weight * element + bias`` element by element; the three arrays have one shape."""
        left_out = self.infinite(ids)
        if left_out.any() and bool((weight[left_out] > 0.0).all()):
            return self._scaled_beside(ids, weight, bias, error, label, left_out)
        rows = np.stack(
            [
                ids.reshape(-1),
                np.ascontiguousarray(weight, dtype=np.float64).reshape(-1).view(np.int64),
                np.ascontiguousarray(bias, dtype=np.float64).reshape(-1).view(np.int64),
            ],
            axis=1,
        )
        result = np.empty(len(rows), dtype=np.int64)
        for _, members, distinct in self._groups(rows, 1):
            scale = self.numbers(distinct[:, 1].copy().view(np.float64))
            offset = self.numbers(distinct[:, 2].copy().view(np.float64))
            source = self.vector(distinct[:, 0], label)
            node = self._memo(
                ("scaled", source, id(scale), id(offset), error),
                lambda s=source, w=scale, b=offset: self.builder.affine(w, b, s, label, error),
            )
            result[members[0]] = self.ids(node)[members[1]]
        return result.reshape(ids.shape)

    def _scaled_beside(
        self,
        ids: np.ndarray,
        weight: np.ndarray,
        bias: np.ndarray,
        error: float,
        label: str,
        infinities: np.ndarray,
    ) -> np.ndarray:
        """The same, where minus infinity stays what it is."""
        result = np.full(ids.shape, self.minus_infinity)
        if not infinities.all():
            result[~infinities] = self.scaled(
                ids[~infinities], weight[~infinities], bias[~infinities], error, label
            )
        return result

    def apply(self, transformer: Transformer, ids: np.ndarray, label: str) -> np.ndarray:
        """A function of one argument, element by element: one node for each node the elements come from."""
        result = np.empty(ids.size, dtype=np.int64)
        for _, members, distinct in self._groups(ids.reshape(-1, 1), 1):
            node = self._elementwise(transformer, label, distinct[:, 0])
            result[members[0]] = self.ids(node)[members[1]]
        return result.reshape(ids.shape)

    def linear(
        self, terms: list[np.ndarray], coefficients: list[float], error: float, label: str
    ) -> np.ndarray:
        """``sum_k coefficients[k] * terms[k]`` of id arrays of one shape."""
        rows = np.stack([t.reshape(-1) for t in terms], axis=1)
        result = np.empty(len(rows), dtype=np.int64)
        for _, members, distinct in self._groups(rows, len(terms)):
            sources = [self.vector(column, label) for column in distinct.T]
            node = self._memo(
                ("linear", tuple(sources), tuple(coefficients), error),
                lambda s=sources: self.builder.sum(s, coefficients, label, error),
            )
            result[members[0]] = self.ids(node)[members[1]]
        return result.reshape(terms[0].shape)

    def multiply(self, left: np.ndarray, right: np.ndarray, label: str) -> np.ndarray:
        """``left * right`` element by element, with gates recognised: see :meth:`_product`."""
        rows = np.stack([left.reshape(-1), right.reshape(-1)], axis=1)
        result = np.empty(len(rows), dtype=np.int64)
        for _, members, distinct in self._groups(rows, 2):
            node = self._product(distinct[:, 0], distinct[:, 1], label)
            result[members[0]] = self.ids(node)[members[1]]
        return result.reshape(left.shape)

    def _product(self, left: np.ndarray, right: np.ndarray, label: str) -> int:
        """One node for a product; sigmoid(x) tanh(y) and x sigmoid(y) are looked up among the producers.

        ``(1 - sigmoid(x))`` counts as ``sigmoid(-x)``. The factors' own nodes stay for other nodes that read them.
        """
        if np.array_equal(left, right):
            return self._elementwise(SQUARE, label, left)
        for value, gate in ((left, right), (right, left)):
            gated = gelu(self, value, gate, label)
            if gated is not None:
                return self.vector(gated, label)
        for gate, value in ((left, right), (right, left)):
            argument = self._sigmoid_argument(gate, label)
            if argument is not None:
                inner = self._argument(value, TANH)
                if inner is not None:
                    return self._elementwise(SIGMOID_TANH, label, argument, inner)
        for gate, value in ((right, left), (left, right)):
            argument = self._sigmoid_argument(gate, label)
            if argument is not None:
                return self._elementwise(MUL_SIGMOID, label, value, argument)
        return self._elementwise(PRODUCT, label, left, right)

    def _argument(self, ids: np.ndarray, transformer: Transformer) -> np.ndarray | None:
        """Ids of x where the elements are ``transformer(x)``, all of one node; else None."""
        positions, elements = self.locate(self.resolved(ids))
        if len(np.unique(positions)) > 1:
            return None
        node = self.builder[int(positions[0])]
        if not isinstance(node, Elementwise) or node.transformer is not transformer:
            return None
        return self._resolved(node.sources[0], elements)

    def _sigmoid_argument(self, ids: np.ndarray, label: str) -> np.ndarray | None:
        """Ids of x where the elements are sigmoid(x), or 1 - sigmoid(-x); else None."""
        argument = self._argument(ids, SIGMOID)
        if argument is not None:
            return argument
        positions, elements = self.locate(self.resolved(ids))
        node = self.builder[int(positions[0])]
        if len(np.unique(positions)) > 1 or not isinstance(node, Affine):
            return None
        if not node.diagonal or node.relative_error != 0.0:
            return None
        if not (bool((node.weight[elements] == -1.0).all()) and bool((node.bias[elements] == 1.0).all())):
            return None
        below = self._resolved(node.sources[0], elements)
        if len(np.unique(self.locate(below)[0])) != 1:
            return None
        argument = self._argument(below, SIGMOID)
        if argument is None:
            return None
        return self.scaled(argument, -np.ones(argument.shape), np.zeros(argument.shape), 0.0, label)

    # ---- sharing

    def _elementwise(self, transformer: Transformer, label: str, *arguments: np.ndarray) -> int:
        sources = tuple(self.vector(a, label) for a in arguments)
        return self._memo(
            ("apply", transformer, *sources),
            lambda: self.builder.elementwise(transformer, *sources, label=label),
        )

    def _memo(self, key: tuple[object, ...], make) -> int:
        if key not in self._applied:
            self._applied[key] = make()
        return self._applied[key]

    def _groups(self, rows: np.ndarray, arguments: int):
        """Split rows by the nodes that their first ``arguments`` columns (ids) belong to.

        Yields (nodes, (row numbers, index into distinct), distinct rows): equal rows are computed once, and elements
        keep the order of the nodes they come from, so that a whole node stays whole.
        """
        positions = np.stack([self.locate(rows[:, k])[0] for k in range(arguments)], axis=1)
        kinds, first, which = np.unique(positions, axis=0, return_index=True, return_inverse=True)
        which = which.reshape(-1)
        for group in np.argsort(first, kind="stable"):
            members = np.flatnonzero(which == group)
            distinct, inverse = np.unique(rows[members], axis=0, return_inverse=True)
            yield kinds[group], (members, inverse.reshape(-1)), distinct
