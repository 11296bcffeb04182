"""Integer arithmetic on words, tabulated: a function of one word is its values at every word.

Keras adds the size of the vocabulary to negative words before it looks them up, others send rare words to one number or
hash them. Words come from a finite set, so that any operator that works element by element on one word and on constants
is the table of its results, computed by the operator's own handler on all words at once. Nothing is rounded: a result
that the handler does not know exactly is refused. ``certification.self_check`` compares the tables with onnxruntime,
word by word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, check_elements

WORDWISE = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "BitShift",
        "Cast",
        "CastLike",
        "Ceil",
        "Clip",
        "Div",
        "Equal",
        "Floor",
        "Greater",
        "GreaterOrEqual",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "Round",
        "Sign",
        "Sub",
        "Sum",
        "Where",
        "Xor",
    ]
)
"""Operators that work entry by entry."""

MOVED = frozenset(
    [
        "Dropout",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "Reshape",
        "ReverseSequence",
        "Scan",
        "Shape",
        "Size",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    ]
)
"""Operators whose first input stays a function of words."""


def kept(op: str, inputs: Sequence[Tensor | None]) -> list[bool]:
    """Which inputs of a node may stay functions of words; of others their values at the sample's words are read."""
    tensors = [t for t in inputs if t is not None]
    if op in WORDWISE:
        return [all(isinstance(t, Known | Tokens) for t in tensors)] * len(inputs)
    if op == "Concat":
        return [all(isinstance(t, Tokens) for t in tensors)] * len(inputs)
    if op == "Loop":
        return [place > 1 for place in range(len(inputs))]
    return [op in MOVED and (place == 0 or op == "Scan") for place in range(len(inputs))]


_REMEDY = "Do this arithmetic before the network, and pass it the numbers of the table's rows."


def words(frames: np.ndarray, reach: int, kind: int, dtype: np.dtype) -> Tokens:
    """The words ``-reach .. reach - 1`` themselves, one for each entry of ``frames``."""
    return Tokens(frames, np.arange(-reach, reach, dtype=dtype)[None], kind)


def tabulated(node: NodeContext, handler: Callable[[NodeContext], list[Tensor]]) -> list[Tensor]:
    """The results of an operator that works entry by entry, as functions of words.

    Raises:
        Unsupported: an entry depends on two words, or a result is not known exactly.
    """
    tensors = [t for t in node.inputs if t is not None]
    if not all(isinstance(t, Known | Tokens) for t in tensors):
        return handler(node)
    try:
        shape = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError as error:
        raise node.damaged("the shapes of the inputs broadcast", [t.shape for t in tensors]) from error
    frames = _frames(node, [t for t in tensors if isinstance(t, Tokens)], shape)
    columns, values = zip(*(_choices(t, shape) for t in tensors), strict=True)
    combined, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    width = next(t.rows.shape[1] for t in tensors if isinstance(t, Tokens))
    check_elements(node.where, len(combined) * width)
    picked = (
        replace(known, array=known.array[column]) for known, column in zip(values, combined.T, strict=True)
    )
    inputs = tuple(None if t is None else next(picked) for t in node.inputs)
    results = handler(replace(node, inputs=inputs))
    return [_as_words(node, result, frames * len(combined) + which.reshape(shape)) for result in results]


def _frames(node: NodeContext, tensors: Sequence[Tokens], shape: tuple[int, ...]) -> np.ndarray:
    """The one frame that each entry depends on."""
    first, *others = (np.broadcast_to(t.frames, shape) for t in tensors)
    for other in others:
        if not np.array_equal(first, other):
            place = tuple(np.argwhere(first != other)[0])
            raise node.refuse(
                "each number computed from words is a function of one word",
                f"one of the words {int(first[place])} and {int(other[place])}",
                _REMEDY,
            )
    return first


def _choices(tensor: Tensor, shape: tuple[int, ...]) -> tuple[np.ndarray, Known]:
    """Which row (entries,) of a table (rows, words or 1) each entry takes, and that table."""
    if isinstance(tensor, Tokens):
        return np.broadcast_to(tensor.functions, shape).reshape(-1), Known(tensor.rows, kind=tensor.kind)
    assert isinstance(tensor, Known)
    numbers, which = np.unique(tensor.array, return_inverse=True)
    placed = np.broadcast_to(which.reshape(tensor.shape), shape)
    return placed.reshape(-1), replace(tensor, array=numbers[:, None])


def _as_words(node: NodeContext, result: Tensor, entries: np.ndarray) -> Tokens:
    if not isinstance(result, Known) or result.relative_error:
        raise node.refuse("arithmetic on words is exact", "a rounded result", _REMEDY)
    return Tokens(entries, result.array, result.kind)
