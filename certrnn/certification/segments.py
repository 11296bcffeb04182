"""One frame on a straight line, as a graph of its own: a box of one symbol behind a product."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.ir import Elementwise, Gather, Graph, Input, Node, Sum
from certrnn.regions import Box
from transformers_abs import PRODUCT


@dataclass(frozen=True, eq=False)
class Segments:
    """Sequences whose frame ``frame`` lies on the segment from ``x`` to a share of the way ``way``.

    The graph reads two frames more: one whose first feature is the share s, and the way itself, which does not change.
    In place of the frame stands ``x + s way``, so that what is a segment is a box of one feature. The product of an
    interval with a number is exact in every domain, up to rounding.

    Args:
        graph: what a network computes on T frames, with ``frame`` replaced.
        x: (B, T, D) the sequences.
        way: (B, D) exact.
        frame: which moves.
    """

    graph: Graph
    x: torch.Tensor
    way: torch.Tensor
    frame: int

    @staticmethod
    def toward(graph: Graph, x: torch.Tensor, end: torch.Tensor, frame: int) -> Segments | None:
        """From each sequence (B, T, D) towards ``end`` (D,); None where the way is no float64 number."""
        own = x[:, frame]
        way = end - own
        # the error of a difference (Knuth), which is exact
        virtual = end - way
        error = (end - (way + virtual)) + (virtual - own)
        if bool((error != 0).any()) or frame not in graph.inputs:
            return None
        return Segments(_on_the_line(graph, frame), x, way, frame)

    def region(self, rows: torch.Tensor, share: torch.Tensor) -> Box:
        """Everything up to the shares (R,) of the ways of the sequences ``rows`` (R,)."""
        x = torch.cat([self.x[rows], torch.zeros_like(self.x[rows])[:, :1], self.way[rows][:, None]], dim=1)
        upper, moving = x.clone(), self.x.shape[1]
        upper[:, moving, 0] = share
        return Box(x, x, upper, (moving,))


def _on_the_line(graph: Graph, frame: int) -> Graph:
    """The graph with ``x + s way`` in place of a frame; s and the way are the last two frames."""
    place, frames = graph.inputs[frame], graph.frames
    size = graph.nodes[place].size
    head: list[Node] = [
        *graph.nodes[: place + 1],
        Input(frames, size, "the share"),
        Input(frames + 1, size, "the way"),
        Gather(np.zeros(size, dtype=np.int64), (place + 1,), "the share"),
        Elementwise(PRODUCT, (place + 3, place + 2), size, "on the way"),
        Sum((1.0, 1.0), (place, place + 4), size, "on the way"),
    ]
    new = len(head) - place - 1

    def moved(source: int) -> int:
        if source == place:
            return place + new
        return source + new if source > place else source

    tail = [
        node
        if isinstance(node, Input) or not node.sources
        else replace(node, sources=tuple(map(moved, node.sources)))
        for node in graph.nodes[place + 1 :]
    ]
    return Graph((*head, *tail), moved(graph.output))
