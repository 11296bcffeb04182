"""Builds a :class:`~certrnn.ir.graph.Graph` node by node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from certrnn.ir.graph import Graph
from certrnn.ir.ops import Affine, Constant, Elementwise, Gather, Input, Node, Sum
from transformers_abs import Transformer


class GraphBuilder:
    """Appends nodes and hands out their positions. Weights are kept by reference, never copied."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []

    def __getitem__(self, position: int) -> Node:
        return self._nodes[position]

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes so far."""
        return tuple(self._nodes)

    def _add(self, node: Node) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def input(self, frame: int, size: int, label: str = "") -> int:
        return self._add(Input(frame, size, label))

    def constant(self, value: torch.Tensor, label: str = "", relative_error: float = 0.0) -> int:
        return self._add(Constant(value, label, relative_error))

    def affine(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor,
        source: int,
        label: str = "",
        relative_error: float = 0.0,
    ) -> int:
        return self._add(Affine(weight, bias, (source,), label, relative_error))

    def sum(
        self,
        sources: Sequence[int],
        coefficients: Sequence[float] | None = None,
        label: str = "",
        relative_error: float = 0.0,
    ) -> int:
        weights = (
            tuple(1.0 for _ in sources) if coefficients is None else tuple(float(c) for c in coefficients)
        )
        return self._add(Sum(weights, tuple(sources), self._nodes[sources[0]].size, label, relative_error))

    def gather(self, sources: Sequence[int], index: np.ndarray, label: str = "") -> int:
        return self._add(Gather(np.ascontiguousarray(index, dtype=np.int64), tuple(sources), label))

    def elementwise(self, transformer: Transformer, *sources: int, label: str = "") -> int:
        return self._add(Elementwise(transformer, sources, self._nodes[sources[0]].size, label))

    def build(self, output: int) -> Graph:
        """The graph up to here, with the node at ``output`` as its scores."""
        return Graph(tuple(self._nodes), output)
