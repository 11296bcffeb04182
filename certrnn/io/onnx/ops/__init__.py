"""The operators that certrnn interprets: ONNX operator type to handler.

To add an operator, write ``handler(node: NodeContext) -> list[Tensor]`` in the file of its family and name it in
``OPERATORS``. Read inputs with ``node.input``, ``node.constant`` and ``node.view``; move data with numpy on
``View.ids``; compute with the methods of ``node.space``; refuse with ``node.refuse``.

>>> "LSTM" in OPERATORS, "Loop" in OPERATORS
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops import (
    arithmetic,
    casts,
    constants,
    functions,
    heads,
    movement,
    padding,
    recurrent,
    reductions,
    windows,
)
from certrnn.io.onnx.ops.schemas import typed
from certrnn.io.onnx.tensors import Tensor

Handler = Callable[[NodeContext], list[Tensor]]

OPERATORS: dict[str, Handler] = {
    "Abs": functions.absolute,
    "Add": arithmetic.add,
    "ArgMax": heads.argmax,
    "AveragePool": windows.pool,
    "BatchNormalization": functions.batch_normalization,
    "Cast": casts.cast,
    "CastLike": casts.cast,
    "Clip": functions.clip,
    "Concat": movement.concat,
    "Constant": constants.constant,
    "ConstantOfShape": constants.constant_of_shape,
    "Conv": windows.convolution,
    "DequantizeLinear": constants.dequantized,
    "Div": arithmetic.divide,
    "Dropout": movement.identity,
    "DynamicQuantizeLinear": constants.quantized,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "GRU": recurrent.recurrent,
    "Gather": movement.gather,
    "GatherElements": movement.gather_elements,
    "GatherND": movement.gather_nd,
    "Gemm": arithmetic.gemm,
    "GlobalAveragePool": reductions.global_pool,
    "GlobalMaxPool": reductions.global_pool,
    "HardSigmoid": functions.hard_sigmoid,
    "HardSwish": functions.hard_swish,
    "Identity": movement.identity,
    "LSTM": recurrent.recurrent,
    "LeakyRelu": functions.leaky_relu,
    "LogSoftmax": heads.softmax,
    "MatMul": arithmetic.matmul,
    "Max": functions.extreme,
    "MaxPool": windows.pool,
    "Mean": arithmetic.total,
    "Min": functions.extreme,
    "Mod": constants.remainder,
    "Mul": arithmetic.multiply,
    "Neg": arithmetic.negate,
    "PRelu": functions.prelu,
    "Pad": padding.pad,
    "Pow": functions.power,
    "QuantizeLinear": constants.quantized,
    "RNN": recurrent.recurrent,
    "Range": constants.counted,
    "Reciprocal": functions.reciprocal,
    "ReduceMax": reductions.reduce,
    "ReduceMean": reductions.reduce,
    "ReduceMin": reductions.reduce,
    "ReduceProd": constants.product,
    "ReduceSum": reductions.reduce,
    "Relu": functions.relu,
    "Reshape": movement.reshape,
    "ReverseSequence": padding.reverse_sequence,
    "Shape": movement.shape,
    "Sigmoid": functions.sigmoid,
    "Size": movement.size,
    "Slice": movement.slice_,
    "Softmax": heads.softmax,
    "Split": movement.split,
    "Sqrt": functions.square_root,
    "Squeeze": movement.squeeze,
    "Sub": arithmetic.subtract,
    "Sum": arithmetic.total,
    "Tanh": functions.tanh,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    "Where": movement.where,
    **dict.fromkeys(sorted(constants.EXACT - {"ArgMax"}), constants.evaluated),
    **dict.fromkeys(sorted(constants.STEPS), constants.stepped),
}
OPERATORS = {name: typed(handler) for name, handler in OPERATORS.items()}

__all__ = ["OPERATORS", "Handler"]
