"""RNN, LSTM and GRU nodes: ONNX's attributes turned into cells and unrolled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.cells import ACTIVATIONS, Activation, Cell, GruCell, LstmCell, Recurrence, RnnCell, State, unroll
from certrnn.errors import InvalidInput
from certrnn.io.onnx.copies import first_sample
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Known, Tensor, View, check_finite

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
_PARAMETERS = {  # ONNX's defaults are float32 numbers
    "Affine": (("alpha", 1.0), ("beta", 0.0)),
    "HardSigmoid": (("alpha", float(np.float32(0.2))), ("beta", 0.5)),
    "LeakyRelu": (("alpha", float(np.float32(0.01))),),
    "ScaledTanh": (("alpha", 1.0), ("beta", 1.0)),
}


def recurrent(node: NodeContext) -> list[Tensor]:
    """Unroll a recurrent node; outputs Y, Y_h and for an LSTM Y_c, in the layout the node asks for."""
    layer = _layer(node)
    directions = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[layer.direction]
    steps, lasts = [], []
    for index, reverse in enumerate(directions):
        cell, initial = _cell(node, layer, index), _initial(node, layer, index)
        suffix = ("-" if reverse else "+") if len(directions) > 1 else ""
        states = unroll(
            node.space.builder,
            cell,
            layer.frames[: layer.length],
            initial,
            reverse=reverse,
            label=f"{node.name}{suffix}",
        )
        order = slice(None, None, -1 if reverse else 1)
        read = tuple(layer.frames[: layer.length][order])
        node.space.recurrences.append(
            Recurrence(f"{node.name}{suffix}", node.op, cell, read, initial, tuple(states[order]), reverse)
        )
        steps.append(_padded(node, layer, [s[0] for s in states]))
        lasts.append(states[0] if reverse else states[-1])
    node.note(f"unrolled over {layer.length} frames, {layer.direction}, {layer.hidden} units")
    every = np.stack(steps, axis=1)[:, :, None, :]  # (T, directions, batch 1, H)
    ends = [
        np.stack([node.space.ids(_present(s[k])) for s in lasts])[:, None, :] for k in range(len(lasts[0]))
    ]
    every = every.repeat(layer.copies, axis=2)
    ends = [end.repeat(layer.copies, axis=1) for end in ends]
    if layer.batch_first:
        every, ends = every.transpose(2, 0, 1, 3), [e.transpose(1, 0, 2) for e in ends]
    return [View(every), *(View(e) for e in ends)]


@dataclass(frozen=True, eq=False)
class _Layer:
    """What all directions of one recurrent node share."""

    direction: str
    hidden: int
    features: int
    frames: list[int]
    length: int
    batch_first: bool
    activations: tuple[Activation, ...]
    copies: int
    """Equal samples along the batch axis; they are computed once."""

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1


def _layer(node: NodeContext) -> _Layer:
    direction = str(node.attribute("direction", "forward"))
    if direction not in ("forward", "reverse", "bidirectional"):
        raise node.damaged("direction is forward, reverse or bidirectional", repr(direction))
    layout = int(node.attribute("layout", 0))
    if layout not in (0, 1):
        raise node.damaged("layout is 0 or 1", layout)
    clip = float(node.attribute("clip", 0.0))
    if clip != 0.0:
        raise node.refuse("'clip' is not set", clip, "Export without cell clipping.")
    if len(node.input(0).shape) != 3:
        raise node.damaged("input X has three axes", node.input(0).shape)
    source = node.view(0).ids
    source = source.transpose(1, 0, 2) if layout else source
    copies = source.shape[1]
    if not bool((source == source[:, :1]).all()):
        raise node.refuse(
            "the batch axis of X has length 1 for one sample", f"shape {node.input(0).shape}, layout {layout}"
        )
    if source.shape[0] < 1:
        raise node.damaged("a sequence has at least one frame", source.shape[0])
    hidden = node.constant(2, "R").shape[-1] if node.constant(2, "R").shape else 0
    if int(node.attribute("hidden_size", hidden)) != hidden or hidden < 1:
        raise node.damaged("hidden_size equals the last axis of R", (node.attribute("hidden_size"), hidden))
    frames = [node.space.vector(frame[0], node.name) for frame in source]
    return _Layer(
        direction,
        hidden,
        source.shape[2],
        frames,
        _length(node, len(frames), copies),
        bool(layout),
        _activations(node, 2 if direction == "bidirectional" else 1),
        copies,
    )


def _length(node: NodeContext, frames: int, copies: int) -> int:
    if not node.has(4):
        return frames
    lengths = node.integers(4, "sequence_lens")
    if len(lengths) != copies or len(set(lengths)) != 1 or not 0 < lengths[0] <= frames:
        raise node.refuse(f"sequence_lens holds one length from 1 to {frames}", lengths)
    return lengths[0]


def _activations(node: NodeContext, directions: int) -> tuple[Activation, ...]:
    """The activations of every direction; parameters are handed out in order to those that take one."""
    each = _DEFAULTS[node.op]
    names = [str(a) for a in node.attribute("activations", each * directions)]
    if len(names) != len(each) * directions:
        raise node.damaged(f"'activations' names {len(each) * directions} functions", names)
    known = {a.lower(): a for a in ACTIVATIONS}
    queues = {
        "alpha": [float(v) for v in node.attribute("activation_alpha", [])],
        "beta": [float(v) for v in node.attribute("activation_beta", [])],
    }
    chosen = []
    for name in names:
        if name.lower() not in known:
            raise node.refuse(
                f"'activations' are among {', '.join(ACTIVATIONS)}", name, "Train with tanh and sigmoid."
            )
        full = known[name.lower()]
        values = {p: queues[p].pop(0) if queues[p] else default for p, default in _PARAMETERS.get(full, ())}
        if not all(np.isfinite(v) for v in values.values()):
            raise node.damaged("activation_alpha and activation_beta are finite", values)
        chosen.append(Activation(full, **values))
    return tuple(chosen)


def _cell(node: NodeContext, layer: _Layer, index: int) -> Cell:
    gates, hidden = _GATES[node.op], layer.hidden
    rows = gates * hidden
    input_ = _weight(node, 1, "W", (layer.directions, rows, layer.features))[index]
    recurrent_ = _weight(node, 2, "R", (layer.directions, rows, hidden))[index]
    bias = _weight(node, 3, "B", (layer.directions, 2 * rows))[index] if node.has(3) else np.zeros(2 * rows)
    arrays = (input_, recurrent_, bias[:rows], bias[rows:])
    count = len(_DEFAULTS[node.op])
    functions = layer.activations[index * count : (index + 1) * count]
    if node.op == "RNN":
        return RnnCell.of(*arrays, functions[0])
    if node.op == "GRU":
        return GruCell.of(
            *arrays, (functions[0], functions[1]), bool(node.attribute("linear_before_reset", 0))
        )
    peephole = None
    if node.has(7):
        peephole = _weight(node, 7, "P", (layer.directions, 3 * hidden))[index].reshape(3, hidden)
    coupled = bool(node.attribute("input_forget", 0))
    return LstmCell.of(*arrays, (functions[0], functions[1], functions[2]), peephole, coupled)


def _weight(node: NodeContext, position: int, what: str, shape: tuple[int, ...]) -> np.ndarray:
    tensor = node.constant(position, what)
    if what == "W" and tensor.shape[:-1] == shape[:-1]:
        read, features = tensor.shape[-1], shape[-1]
        if read != features:
            requirement = f"a step has the {read} features that W reads"
            remedy = "Pass data with as many features a frame, or name its axes with --layout."
            raise InvalidInput(node.where, requirement, f"{features} features", remedy)
    if tensor.shape != shape:
        raise node.damaged(f"{what} has shape {shape}", tensor.shape)
    if tensor.relative_error:
        raise node.refuse(
            f"{what} holds numbers of the file", "weights computed inside the model", "Fold constants first."
        )
    if not tensor.real:
        raise node.damaged(f"{what} holds floats", tensor.array.dtype)
    check_finite(node.where, tensor)
    return tensor.array


def _initial(node: NodeContext, layer: _Layer, index: int) -> State:
    positions = (5, 6) if node.op == "LSTM" else (5,)
    names = ("initial_h", "initial_c")
    return tuple(_start(node, layer, index, p, n) for p, n in zip(positions, names, strict=False))


def _start(node: NodeContext, layer: _Layer, index: int, position: int, what: str) -> int | None:
    """Node of an initial state; None where it is absent or exactly zero."""
    if not node.has(position):
        return None
    tensor = node.input(position)
    tensor = first_sample(tensor, 0 if layer.batch_first else 1) if layer.copies > 1 else tensor
    if tensor is None:
        raise node.refuse(f"{what} is the same for every sample", "different states of samples of one batch")
    shape = (1, layer.directions, layer.hidden) if layer.batch_first else (layer.directions, 1, layer.hidden)
    if tensor.shape != shape:
        remedy = "Export the model again."
        if node.op == "LSTM" and tensor.shape[:-1] == shape[:-1]:
            remedy = "ONNX's LSTM has no projection (proj_size); torch's exporter with dynamo=False writes one out."
        raise InvalidInput(node.where, f"{what} has shape {shape} for one sample", tensor.shape, remedy)
    pick = (0, index) if layer.batch_first else (index, 0)
    if isinstance(tensor, Known):
        if not tensor.array[pick].any():
            return None
        tensor = Known(tensor.array[pick], tensor.relative_error, tensor.name)
        return node.space.vector(node.as_view(tensor).ids, f"{node.name} {what}")
    return node.space.vector(node.as_view(tensor).ids[pick], f"{node.name} {what}")


def _padded(node: NodeContext, layer: _Layer, hidden: list[int | None]) -> np.ndarray:
    """Ids (T, H) of the hidden states; frames past the sequence's length read zero."""
    rows = [node.space.ids(_present(h)) for h in hidden]
    if layer.length < len(layer.frames):
        zero = node.space.constant(Known(np.zeros(layer.hidden)), node.where).ids
        rows += [zero] * (len(layer.frames) - layer.length)
    return np.stack(rows)


def _present(position: int | None) -> int:
    assert position is not None
    return position
