"""Networks as straight-line programs: six node kinds, one graph, one builder."""

from certrnn.ir.build import GraphBuilder
from certrnn.ir.graph import Graph
from certrnn.ir.ops import Affine, Constant, Elementwise, Gather, Input, Node, Sum

__all__ = ["Affine", "Constant", "Elementwise", "Gather", "Graph", "GraphBuilder", "Input", "Node", "Sum"]
