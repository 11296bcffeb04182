"""Reading classifiers from ONNX files.

:func:`read` loads and checks a file; :meth:`OnnxModel.graph` lowers it for one shape of samples. While a node is
read, every tensor is either known numbers or an arrangement of elements of graph nodes (``tensors``), so that moving
data costs nothing; ``ops`` has one handler an operator and says how to add one.

The graph means the exact real evaluation of the file's numbers. Float32 weights widen exactly to float64. Arithmetic
among constants is either exact, or carries a bound on its own rounding (``relative_error`` of the graph's nodes), or
stays in the graph, where the domains enclose it; see ``exact``.
"""

from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.layout import Layout
from certrnn.io.onnx.lookup import Embedding
from certrnn.io.onnx.model import OnnxModel, read

__all__ = ["Choices", "Embedding", "Layout", "OnnxModel", "read"]
