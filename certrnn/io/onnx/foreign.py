"""Operators that are not the standard's, and what helps against them."""

from __future__ import annotations

from certrnn.errors import Unsupported
from certrnn.io.onnx.node import NodeContext

_QUANTISED = "It rounds the data to 8-bit integers as it goes: take the file before it was quantised."
_REMEDIES = {
    **dict.fromkeys(("DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"), _QUANTISED),
    **dict.fromkeys(("QAttention", "QEmbedLayerNormalization", "QLinearAdd", "QLinearSigmoid"), _QUANTISED),
}
_OPTIMISED = "Take the file before onnxruntime optimised it, or export without contributed operators."


def foreign(context: NodeContext, domain: str) -> Unsupported:
    """The error for an operator of another domain than the standard's."""
    remedy = _OPTIMISED if domain.startswith("com.microsoft") else "Export it as a function of standard ones."
    return context.refuse(
        "operators come from the standard ONNX set",
        f"{context.op} of domain {domain!r}",
        _REMEDIES.get(context.op, remedy),
    )
