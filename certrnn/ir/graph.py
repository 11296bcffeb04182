"""A straight-line program in single-assignment form: what a network computes on one sequence length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from certrnn.ir.ops import Affine, Constant, Elementwise, Gather, Input, Node, Sum


@dataclass(frozen=True, eq=False)
class Graph:
    """A network on sequences of one length.

    Args:
        nodes: in execution order; node ``i`` reads only nodes before ``i``.
        output: position of the node that holds the class scores (logits).

    Raises:
        ValueError: a node reads itself, a later node or a value of another size.
    """

    nodes: tuple[Node, ...]
    output: int

    def __post_init__(self) -> None:
        for position, node in enumerate(self.nodes):
            _check_node(self.nodes, position, node)
        if not 0 <= self.output < len(self.nodes):
            raise ValueError(f"graph output must be one of {len(self.nodes)} nodes; got {self.output}")

    @cached_property
    def inputs(self) -> dict[int, int]:
        """Frame number to node position."""
        return {n.frame: i for i, n in enumerate(self.nodes) if isinstance(n, Input)}

    @property
    def frames(self) -> int:
        """Number of frames T of the sequence."""
        return max(self.inputs) + 1 if self.inputs else 0

    @property
    def outputs(self) -> int:
        """Number of scores."""
        return self.nodes[self.output].size

    @cached_property
    def readers(self) -> tuple[int, ...]:
        """For each node how many times others read it."""
        counts = [0] * len(self.nodes)
        for node in self.nodes:
            for source in node.sources:
                counts[source] += 1
        return tuple(counts)

    @cached_property
    def last_use(self) -> tuple[int, ...]:
        """For each node the position of its last reader (its own position where no node reads it); the output is
        never released."""
        last = list(range(len(self.nodes)))
        for position, node in enumerate(self.nodes):
            for source in node.sources:
                last[source] = position
        last[self.output] = len(self.nodes)
        return tuple(last)


def _check_node(nodes: tuple[Node, ...], position: int, node: Node) -> None:
    where = f"node {position} ({type(node).__name__} {node.label})"
    if any(not 0 <= s < position for s in node.sources):
        raise ValueError(f"{where} must read earlier nodes only; got sources {node.sources}")
    sizes = [nodes[s].size for s in node.sources]
    match node:
        case Affine():
            columns = node.weight.shape[0] if node.diagonal else node.weight.shape[1]
            ok = sizes == [columns] and node.bias.shape == (node.size,)
        case Sum():
            ok = len(node.coefficients) == len(sizes) > 0 and all(s == node.size for s in sizes)
        case Gather():
            ok = node.size == 0 or (int(node.index.min()) >= 0 and int(node.index.max()) < sum(sizes))
        case Elementwise():
            ok = len(sizes) == node.transformer.arity and all(s == node.size for s in sizes)
        case Input() | Constant():
            ok = not sizes
    if not ok:
        raise ValueError(f"{where} of size {node.size} does not fit its sources of sizes {sizes}")
