"""The one interpreter: walks a graph in a domain and releases every value after its last use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transformers_abs as ta
from certrnn.domains.domain import Propagation, V
from certrnn.ir import Elementwise, Graph

Observer = Callable[[int, V, ta.Region | None], Any]
Tighten = Callable[[int, list[V], ta.Region], ta.Region]


def propagate(
    graph: Graph, run: Propagation[V], observe: Observer[V] | None = None, tighten: Tighten[V] | None = None
) -> V:
    """The value of the graph's output node in the domain of ``run``.

    Args:
        observe: called with (position, value, argument region) after every node; the region is None unless the node is
            elementwise. For analyses and tests that look inside.
        tighten: called with (position, arguments, argument region) before an elementwise node is relaxed; returns a
            region that the arguments lie in as well.
    """
    run.begin(graph)
    values: dict[int, V] = {}
    for position, node in enumerate(graph.nodes):
        arguments = [values[s] for s in node.sources]
        region = None
        if isinstance(node, Elementwise):
            region = run.arguments(node, arguments)
            if tighten is not None and region is not None:
                region = tighten(position, arguments, region)
            value = run.elementwise(node, arguments, region)
        else:
            value = run.linear_step(node, arguments)
        if observe is not None:
            observe(position, value, region)
        values[position] = value
        for source in {position, *node.sources}:
            if graph.last_use[source] <= position:
                del values[source]
    return values[graph.output]
