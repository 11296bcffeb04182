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
    comparisons,
    constants,
    einsum,
    functions,
    heads,
    movement,
    normalisation,
    padding,
    recurrent,
    reductions,
    smooth,
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
    "Celu": smooth.celu,
    "Clip": functions.clip,
    "Concat": movement.concat,
    "Constant": constants.constant,
    "ConstantOfShape": constants.constant_of_shape,
    "Conv": windows.convolution,
    "DequantizeLinear": constants.dequantized,
    "Div": arithmetic.divide,
    "Dropout": movement.identity,
    "DynamicQuantizeLinear": constants.quantized,
    "Einsum": einsum.einsum,
    "Elu": smooth.elu,
    "Erf": smooth.erf,
    "Exp": smooth.exp,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "GRU": recurrent.recurrent,
    "Gather": movement.gather,
    "GatherElements": movement.gather_elements,
    "GatherND": movement.gather_nd,
    "Gelu": smooth.gelu,
    "Gemm": arithmetic.gemm,
    "GlobalAveragePool": reductions.global_pool,
    "GlobalMaxPool": reductions.global_pool,
    "GroupNormalization": normalisation.group_normalization,
    "HardSigmoid": functions.hard_sigmoid,
    "HardSwish": functions.hard_swish,
    "Identity": movement.identity,
    "InstanceNormalization": normalisation.instance_normalization,
    "LSTM": recurrent.recurrent,
    "LayerNormalization": normalisation.layer_normalization,
    "LeakyRelu": functions.leaky_relu,
    "Log": smooth.logarithm,
    "LogSoftmax": heads.softmax,
    "LpNormalization": normalisation.lp_normalization,
    "MatMul": arithmetic.matmul,
    "Max": functions.extreme,
    "MaxPool": windows.pool,
    "Mean": arithmetic.total,
    "Min": functions.extreme,
    "Mish": smooth.mish,
    "Mod": constants.remainder,
    "Mul": arithmetic.multiply,
    "Neg": arithmetic.negate,
    "PRelu": functions.prelu,
    "Pad": padding.pad,
    "QuantizeLinear": constants.quantized,
    "Pow": smooth.power,
    "RMSNormalization": normalisation.rms_normalization,
    "RNN": recurrent.recurrent,
    "Range": constants.counted,
    "Reciprocal": smooth.reciprocal,
    "ReduceL1": reductions.reduce,
    "ReduceL2": reductions.reduce,
    "ReduceLogSum": reductions.reduce,
    "ReduceLogSumExp": reductions.reduce,
    "ReduceMax": reductions.reduce,
    "ReduceMean": reductions.reduce,
    "ReduceMin": reductions.reduce,
    "ReduceProd": constants.product,
    "ReduceSum": reductions.reduce,
    "ReduceSumSquare": reductions.reduce,
    "Relu": functions.relu,
    "Reshape": movement.reshape,
    "ReverseSequence": padding.reverse_sequence,
    "Selu": smooth.selu,
    "Shape": movement.shape,
    "Sigmoid": functions.sigmoid,
    "Size": movement.size,
    "Slice": movement.slice_,
    "Softmax": heads.softmax,
    "Softplus": smooth.softplus,
    "Softsign": smooth.softsign,
    "Split": movement.split,
    "Sqrt": smooth.square_root,
    "Squeeze": movement.squeeze,
    "Sub": arithmetic.subtract,
    "Sum": arithmetic.total,
    "Tanh": functions.tanh,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    "Where": comparisons.chosen,
    **dict.fromkeys(sorted(constants.EXACT - {"ArgMax"}), constants.evaluated),
    **dict.fromkeys(sorted(constants.STEPS), constants.stepped),
    **dict.fromkeys(comparisons.ORDERED, comparisons.compared),
    **dict.fromkeys(["And", "Or", "Xor"], comparisons.joined),
    "Not": comparisons.inverted,
    "Sign": comparisons.sign,
}
OPERATORS = {name: typed(handler) for name, handler in OPERATORS.items()}

__all__ = ["OPERATORS", "Handler"]
