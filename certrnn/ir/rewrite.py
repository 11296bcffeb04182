"""Rewrites that keep what a graph computes, in exact real arithmetic or within the errors that nodes state, and make it
shorter."""

from __future__ import annotations

from dataclasses import replace

from certrnn.ir.folding import fold_sums
from certrnn.ir.graph import Graph
from certrnn.ir.ops import Affine, Input, Node, Sum


def simplify(graph: Graph) -> Graph:
    """Biases join the affine maps before them, nested sums become one, and nodes that no other reads go."""
    return prune(fold_sums(flatten_sums(prune(join_biases(graph)))))


def prune(graph: Graph) -> Graph:
    """Drop nodes that the output does not depend on; inputs stay, so that the graph keeps its frames."""
    needed = {graph.output}
    for position in range(len(graph.nodes) - 1, -1, -1):
        if position in needed:
            needed.update(graph.nodes[position].sources)
    keep = [i for i, n in enumerate(graph.nodes) if i in needed or isinstance(n, Input)]
    place = {old: new for new, old in enumerate(keep)}
    return Graph(tuple(_moved(graph.nodes[i], place) for i in keep), place[graph.output])


def _moved(node: Node, place: dict[int, int]) -> Node:
    sources = tuple(place[s] for s in node.sources)
    return node if sources == node.sources else replace(node, sources=sources)


def _readers(graph: Graph) -> list[int]:
    """Number of times each node is read; the output counts as read once more."""
    counts = [0] * len(graph.nodes)
    for node in graph.nodes:
        for source in node.sources:
            counts[source] += 1
    counts[graph.output] += 1
    return counts


def join_biases(graph: Graph) -> Graph:
    """``(W x + 0) + b`` becomes ``W x + b`` where no other node reads the product. Exact: nothing is added up."""
    readers = _readers(graph)
    nodes = list(graph.nodes)
    for position, node in enumerate(nodes):
        if not (isinstance(node, Affine) and node.diagonal and node.relative_error == 0.0):
            continue
        before = nodes[node.sources[0]]
        if not isinstance(before, Affine) or readers[node.sources[0]] != 1 or before.relative_error != 0.0:
            continue
        if bool((node.weight == 1.0).all()) and not bool(before.bias.any()):
            nodes[position] = replace(before, bias=node.bias)
    return Graph(tuple(nodes), graph.output)


def flatten_sums(graph: Graph) -> Graph:
    """A Sum read once by another Sum joins it; coefficients are 1 or -1, so that their products are exact."""
    readers = _readers(graph)
    nodes = list(graph.nodes)
    for position, node in enumerate(nodes):
        if not _plain(node):
            continue
        assert isinstance(node, Sum)
        sources: list[int] = []
        coefficients: list[float] = []
        for source, coefficient in zip(node.sources, node.coefficients, strict=True):
            inner = nodes[source]
            if isinstance(inner, Sum) and _plain(inner) and readers[source] == 1:
                sources += inner.sources
                coefficients += [coefficient * c for c in inner.coefficients]
            else:
                sources.append(source)
                coefficients.append(coefficient)
        nodes[position] = replace(node, sources=tuple(sources), coefficients=tuple(coefficients))
    return Graph(tuple(nodes), graph.output)


def _plain(node: Node) -> bool:
    return (
        isinstance(node, Sum) and node.relative_error == 0.0 and all(abs(c) == 1.0 for c in node.coefficients)
    )
