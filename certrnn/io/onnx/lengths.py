"""Which inputs of a model say how many frames of a sample are no padding."""

from __future__ import annotations

import re

import onnx

_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
_RECURRENT = frozenset({"RNN", "LSTM", "GRU"})
_LENGTHS = 4
"""Position of ``sequence_lens`` among the inputs of a recurrent node."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAMES = frozenset({"len", "lens", "length", "lengths", "seqlen", "seqlens"})


def length_inputs(graph: onnx.GraphProto) -> tuple[onnx.ValueInfoProto, ...]:
    """Inputs of integers, one a sample, that reach a recurrent node as its ``sequence_lens``, or are called a length.

    What else reads them (torch sorts a batch by length) does not matter: a sample's length is a known number.
    """
    initializers = {t.name for t in graph.initializer}
    return tuple(i for i in graph.input if i.name not in initializers and _is_length(graph, i))


def named_length(name: str) -> bool:
    """True where the last word of a name is "length" or short for it.

    >>> [named_length(name) for name in ("seq_lens", "x.length", "inputLengths", "SEQLEN", "len_1")]
    [True, True, True, True, True]
    >>> [named_length(name) for name in ("calendar_day", "valence", "silence", "lens_type", "LENGTHY")]
    [False, False, False, False, False]
    """
    return any(word.lower() in _NAMES for word in _WORDS.findall(name)[-1:])


def _is_length(graph: onnx.GraphProto, info: onnx.ValueInfoProto) -> bool:
    tensor = info.type.tensor_type
    if tensor.elem_type not in _INTEGERS or len(tensor.shape.dim) > 1:
        return False
    tables = {t.name for t in graph.initializer if len(t.dims) == 2}
    reached, used = {info.name}, named_length(info.name)
    for node in graph.node:
        hit = [position for position, name in enumerate(node.input) if name in reached]
        if not hit or node.op_type == "Shape":
            continue
        if node.op_type == "Gather" and hit[0] == 1 and node.input[0] in tables:
            return False  # words of an embedding
        if node.op_type in _RECURRENT:
            used |= _LENGTHS in hit
        else:
            reached.update(name for name in node.output if name)
    return used
