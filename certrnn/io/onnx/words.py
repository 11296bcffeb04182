"""Words of the input while a model is read: the rows of tables that they stand for, and the masks made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from certrnn.errors import InvalidInput
from certrnn.io.onnx.lookup import Cut, Embedding
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tabulated import kept
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, View


class WordReader:
    """Reads nodes that words reach.

    Args:
        embedding: the vectors that words are looked up as; None where the input is floats.
        words: one for each frame, for what is computed from words beside.
    """

    def __init__(self, embedding: Embedding | None, words: np.ndarray | None) -> None:
        self.embedding, self.words = embedding, words
        self.rows = np.zeros((0, 0), dtype=np.int64)
        """Element numbers (T, D) of the frames."""
        self.cuts: list[Cut] = []
        self.read: dict[bytes, np.ndarray] = {}

    def vectors(self, context: NodeContext, table: Known, words: Tokens) -> View:
        """The rows of a table that words are looked up as: features of the frames."""
        if context.op == "Gather" and context.attribute("axis", 0) != 0:
            raise context.refuse("words are rows of a table", f"axis {context.attribute('axis')}")
        offsets = None if self.embedding is None else self.embedding.offsets(context.outputs[0], words)
        if self.embedding is None or offsets is None:
            raise context.refuse(
                "words are looked up alike at every length, outside of loops and branches", repr(table.name)
            )
        if self.embedding.table.shape[1] != self.rows.shape[1]:
            raise InvalidInput(
                "fitting the data to the model",
                f"a frame is a word vector of {self.embedding.table.shape[1]} features",
                self.rows.shape[1],
            )
        if not np.isfinite(table.array).all():
            raise context.damaged("the embedding's numbers are finite", "nan or inf")
        width = table.shape[1]
        self.cuts.append(Cut(context.outputs[0], words.frames, offsets, width, table.kind))
        context.note(f"cut: the frames are rows of the table {table.name!r} of {table.shape[0]} words")
        return View(self.rows[words.frames[..., None], offsets[..., None] + np.arange(width)], table.kind)

    def valued(self, context: NodeContext) -> NodeContext:
        """The node with the values of functions of words, where it reads them: those of the sample's own words."""
        stay = kept(context.op, context.inputs)
        if not any(isinstance(t, Tokens) and not s for t, s in zip(context.inputs, stay, strict=True)):
            return context
        inputs: list[Tensor | None] = []
        for tensor, stays in zip(context.inputs, stay, strict=True):
            if not isinstance(tensor, Tokens) or stays or self.words is None:
                inputs.append(tensor)
                continue
            if context.op == "Concat" and tensor.kind != onnx.TensorProto.BOOL:
                raise context.refuse("words are joined with words only", "words beside other numbers")
            for row in tensor.rows[np.unique(tensor.functions)]:
                self.read[row.tobytes() + str(row.dtype).encode()] = row
            inputs.append(tensor.at(self.words))
        return replace(context, inputs=tuple(inputs))
