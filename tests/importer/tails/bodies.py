"""What computes the hidden values: random small networks, and where the frames lie in their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import helper

from tests.importer.tails.folding import folded
from tests.importer.tails.writing import Part, Writer

RECURRENT = ("RNN", "LSTM", "GRU")
BODIES = (*RECURRENT, "cells", "convolution", "windows", "mlp", "rowwise", "words")
LAYOUTS = ("n,t,f", "t,n,f", "n,f,t", "n,tf", "n,1,t,f", "t,f")


@dataclass(frozen=True)
class Body:
    """A body.

    Args:
        layout: the axes of the input ``x``.
        last: the hidden values (n, h) of a sample.
        each: those of every frame, or None.
        table: of word vectors, where the input is words.
        vectors: the tensor that holds what was looked up.
    """

    kind: str
    layout: str
    frames: int
    features: int
    last: Part
    each: Part | None
    table: np.ndarray | None = None
    vectors: str = ""

    def tensor(self, sample: np.ndarray) -> np.ndarray:
        """The input tensor that means the sample (T, D)."""
        match self.layout:
            case "n,t,f":
                return sample[None]
            case "t,n,f":
                return sample[:, None]
            case "n,f,t":
                return sample.T[None]
            case "n,tf":
                return sample.reshape(1, -1)
            case "n,1,t,f":
                return sample[None, None]
        return sample

    def declared(self, batch: str | int, time: str | int) -> list[str | int]:
        """The shape that the file declares."""
        if self.table is not None:
            return [batch, time]
        sizes = {"n": batch, "t": time, "f": self.features, "1": 1, "tf": self.frames * self.features}
        return [sizes[letter] for letter in self.layout.split(",")]


def body(w: Writer) -> Body:
    """A random one."""
    kind = w.pick(*BODIES, *RECURRENT)
    frames, features = int(w.random.integers(2, 6)), int(w.random.integers(2, 4))
    w.said.append(f"{kind} {frames} x {features}")
    if kind == "words":
        return _words(w, frames, features)
    allowed = {
        "convolution": ("n,f,t",),
        "windows": ("n,f,t",),
        "mlp": ("n,t,f", "n,1,t,f"),
        "rowwise": ("n,t,f",),
    }
    layout = w.pick(*allowed.get(kind, LAYOUTS))
    w.said.append(f"input {layout}")
    last, each = _HIDDEN[kind](w, layout, frames, features)
    return Body(kind, layout, frames, features, last, each)


def _words(w: Writer, frames: int, features: int) -> Body:
    table = w.random.standard_normal((7, features)).astype(np.float32)
    vectors = w.node("Gather", w.stored(table), "x", axis=0)
    batched = Part(vectors, "ntf", (1, frames, features))
    last, each = _layer(w, w.pick(*RECURRENT), w.ordered(batched, "tnf"), 3)
    return Body("words", "n,t,f", frames, features, last, each, table, vectors)


def _batched(w: Writer, layout: str, frames: int, features: int) -> Part:
    """The input as (n, t, f), (t, n, f) or (n, f, t)."""
    match layout:
        case "n,tf":
            name = w.node("Reshape", "x", w.whole(w.pick(0, -1), frames, features))
            return Part(name, "ntf", (1, frames, features))
        case "n,1,t,f":
            return Part(w.squeezed("x", 1), "ntf", (1, frames, features))
        case "t,f":
            axis = w.pick(0, 1)
            return Part(w.unsqueezed("x", axis), "ntf" if axis == 0 else "tnf", ())
    return Part("x", layout.replace(",", ""), ())


def _sequence(w: Writer, layout: str, frames: int, features: int, axes: str) -> Part:
    part = _batched(w, layout, frames, features)
    sizes = {"n": 1, "t": frames, "f": features}
    part = Part(part.name, part.axes, tuple(sizes[letter] for letter in part.axes))
    return w.ordered(part, axes)


def _layer(w: Writer, op: str, part: Part, hidden: int) -> tuple[Part, Part]:
    """A recurrent node over (t, n, f): its last state and all states."""
    rows = {"RNN": 1, "GRU": 3, "LSTM": 4}[op] * hidden
    sides = 2 if w.chance(0.25) else 1
    shapes = [(sides, rows, part.shape[2]), (sides, rows, hidden), (sides, 2 * rows)]
    weights = [folded(w, w.random.standard_normal(shape), exact=True) for shape in shapes]
    direction = "bidirectional" if sides == 2 else w.pick("forward", "forward", "reverse")
    names = (f"states_{len(w.nodes)}", f"last_{len(w.nodes)}")
    w.nodes.append(
        helper.make_node(
            op, [part.name, *weights], list(names), name=names[0], hidden_size=hidden, direction=direction
        )
    )
    frames, size = part.shape[0], sides * hidden
    if sides == 2:
        rolled = w.node("Transpose", names[0], perm=[0, 2, 1, 3])
        each = w.node("Reshape", rolled, w.whole(0, 0, size))
        last = w.node("Reshape", w.node("Transpose", names[1], perm=[1, 0, 2]), w.whole(0, size))
    else:
        each, last = w.squeezed(names[0], 1), w.squeezed(names[1], 0)
    return Part(last, "nh", (1, size)), Part(each, "tnh", (frames, 1, size))


def _recurrent(op: str) -> Callable[[Writer, str, int, int], tuple[Part, Part | None]]:
    def made(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
        return _layer(w, op, _sequence(w, layout, frames, features, "tnf"), int(w.random.integers(2, 4)))

    return made


def _cells(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
    """tanh(x U + h V), frame by frame."""
    part, hidden = _sequence(w, layout, frames, features, "ntf"), int(w.random.integers(2, 4))
    inner, outer = (folded(w, w.random.standard_normal((n, hidden))) for n in (features, hidden))
    state, states = "", []
    for frame in range(frames):
        here = w.node("Gather", part.name, w.stored(np.array(frame)), axis=1)
        total = w.node("MatMul", here, inner)
        total = w.node("Add", total, w.node("MatMul", state, outer)) if state else total
        state = w.node("Tanh", total)
        states.append(w.unsqueezed(state, 1))
    each = w.node("Concat", *states, axis=1)
    return Part(state, "nh", (1, hidden)), Part(each, "nth", (1, frames, hidden))


def _convolution(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
    kernel = folded(w, w.random.standard_normal((3, features, 3)))
    name = w.node("Conv", "x", kernel, pads=[1, 1], kernel_shape=[3])
    if w.chance(0.5):
        name = w.node(w.pick("Relu", "Tanh"), name)
    part = w.ordered(Part(name, "nft", (1, 3, frames)), "tnf")
    return _layer(w, w.pick(*RECURRENT), part, 2)


def _windows(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
    """Convolutions alone, which may see the whole sequence from every frame."""
    name = "x"
    for _ in range(w.pick(1, 2)):
        kernel = folded(w, w.random.standard_normal((3, features, 3)))
        name, features = w.node("Tanh", w.node("Conv", name, kernel, pads=[1, 1], kernel_shape=[3])), 3
    each = w.ordered(Part(name, "nht", (1, 3, frames)), "nth")
    last = w.node("Gather", name, w.stored(np.array(frames - 1)), axis=2)
    return Part(last, "nh", (1, 3)), each


def _mlp(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
    flat = w.node("Flatten", "x", axis=1)
    product = w.node("MatMul", flat, folded(w, w.random.standard_normal((frames * features, 3)) / 2))
    return Part(w.node("Tanh", product), "nh", (1, 3)), None


def _rowwise(w: Writer, layout: str, frames: int, features: int) -> tuple[Part, Part | None]:
    """One matrix for every frame; the sample's own values are their mean."""
    part = _sequence(w, layout, frames, features, layout.replace(",", ""))
    product = w.node("MatMul", "x", folded(w, w.random.standard_normal((features, 3))))
    each = Part(w.node("Tanh", product), part.axes[:2] + "h", (*part.shape[:2], 3))
    return Part(w.reduced("ReduceMean", each.name, each.where("t")), "nh", (1, 3)), each


_HIDDEN: dict[str, Callable[[Writer, str, int, int], tuple[Part, Part | None]]] = {
    **{op: _recurrent(op) for op in RECURRENT},
    "cells": _cells,
    "convolution": _convolution,
    "windows": _windows,
    "mlp": _mlp,
    "rowwise": _rowwise,
}
