"""Which axis of a model's input is time, and which the batch: traced through the graph, never counted.

Every axis of the input is a part of its own. What a node does to the parts is exact for movements of data (a reshape
splits and joins parts in row-major order) and keeps the origin of an axis along which windows slide; what no rule knows
is of unknown origin. Recurrent nodes, scans, loops and unrolled cells then say which part the steps follow.
"""

from certrnn.io.onnx.axes.parts import Part
from certrnn.io.onnx.axes.walk import Traced, trace

__all__ = ["Part", "Traced", "trace"]
