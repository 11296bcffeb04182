"""Random networks whose input has any axes, and random ways to store the samples that are meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from tests.io.onnx_models import model, node

BODIES = (
    "batch_first",
    "layout_1",
    "time_major",
    "channels_first",
    "convolution",
    "crnn",
    "crnn_turned",
    "time_distributed",
    "unrolled",
    "scan",
    "unbatched",
    "flat",
    "flat_turned",
    "windowless",
)
"""What comes in front of, or stands for, the recurrent layer."""

HIDDEN, CLASSES = 3, 4


@dataclass(frozen=True)
class Case:
    """A network, and where the samples (T, D) that are meant lie in its input.

    Args:
        meant: the input tensor (batch of one, where there is a batch) of a sample (T, D).
        inner: the sample (T, D) as the axes of the network's own input without its batch, letters of those axes.
    """

    body: str
    proto: onnx.ModelProto
    frames: int
    features: int
    meant: Callable[[np.ndarray], np.ndarray]
    inner: Callable[[np.ndarray], np.ndarray]
    letters: str
    dynamic: bool


def _weights(random: np.random.Generator, op: str, features: int) -> dict[str, np.ndarray]:
    rows = {"RNN": 1, "GRU": 3, "LSTM": 4}[op] * HIDDEN
    shapes = {"W": (1, rows, features), "R": (1, rows, HIDDEN), "B": (1, 2 * rows), "V": (HIDDEN, CLASSES)}
    return {name: (random.standard_normal(shape) / 2).astype(np.float32) for name, shape in shapes.items()}


def _layer(op: str, source: str, layout: int = 0) -> list[onnx.NodeProto]:
    attributes = {"layout": 1} if layout else {}
    layer = helper.make_node(
        op, [source, "W", "R", "B"], ["", "last"], "layer", hidden_size=HIDDEN, **attributes
    )
    axis = "one" if layout else "zero"
    return [layer, node("Squeeze", ["last", axis], "state"), node("MatMul", ["state", "V"], "scores")]


def _turn(source: str, target: str, *order: int) -> onnx.NodeProto:
    return node("Transpose", [source], target, perm=list(order))


def _integers(**values: object) -> dict[str, np.ndarray]:
    return {name: np.array(value, dtype=np.int64) for name, value in values.items()}


def case(body: str, random: np.random.Generator) -> Case:
    """A random network of one kind."""
    op = str(random.choice(["RNN", "LSTM", "GRU"]))
    frames, features = (int(n) for n in random.choice([2, 3, 4, 5, 6, 7], size=2, replace=False))
    dynamic = bool(random.random() < 0.5) and body not in ("unrolled", "flat_turned")
    time = "t" if dynamic and random.random() < 0.5 else "axis_b" if dynamic else frames
    batch = str(random.choice(["batch", "axis_a", "N"]))
    if random.random() < 0.3 and body != "unbatched":
        batch = 1
    builder = globals()[f"_{body}"]
    nodes, numbers, shape, order, letters = builder(op, random, batch, time, frames, features)
    numbers = {**numbers, **_integers(zero=[0], one=[1])}
    proto = model(nodes, numbers, shape, output=["N", CLASSES])

    def inner(sample: np.ndarray) -> np.ndarray:
        return order(sample)

    def meant(sample: np.ndarray) -> np.ndarray:
        tensor = order(sample)
        if body == "unbatched":
            return tensor
        return np.expand_dims(tensor, 1 if body == "time_major" else 0)

    return Case(body, proto, frames, features, meant, inner, letters, dynamic)


def _batch_first(op, random, batch, time, frames, features):
    nodes = [node("Tanh", ["x"], "a"), _turn("a", "s", 1, 0, 2), *_layer(op, "s")]
    return nodes, _weights(random, op, features), [batch, time, features], lambda x: x, "t,f"


def _layout_1(op, random, batch, time, frames, features):
    return _layer(op, "x", 1), _weights(random, op, features), [batch, time, features], lambda x: x, "t,f"


def _time_major(op, random, batch, time, frames, features):
    return _layer(op, "x"), _weights(random, op, features), [time, batch, features], lambda x: x, "t,f"


def _channels_first(op, random, batch, time, frames, features):
    nodes = [_turn("x", "s", 2, 0, 1), *_layer(op, "s")]
    return nodes, _weights(random, op, features), [batch, features, time], lambda x: x.T, "f,t"


def _convolution(op, random, batch, time, frames, features):
    numbers = {"K": random.standard_normal((3, features, 2)).astype(np.float32), **_weights(random, op, 3)}
    nodes = [
        node("Conv", ["x", "K"], "c", pads=[1, 0], kernel_shape=[2]),
        node("Relu", ["c"], "r"),
        _turn("r", "s", 2, 0, 1),
        *_layer(op, "s"),
    ]
    return nodes, numbers, [batch, features, time], lambda x: x.T, "f,t"


def _crnn(op, random, batch, time, frames, features):
    """(N, 1, T, F), convolved, then (T, N, C F)."""
    numbers = {
        "K": random.standard_normal((2, 1, 3, 3)).astype(np.float32),
        **_weights(random, op, 2 * features),
        **_integers(shape=[0, 0, 2 * features]),
    }
    nodes = [
        node("Conv", ["x", "K"], "c", pads=[1, 1, 1, 1]),
        _turn("c", "p", 2, 0, 1, 3),
        node("Reshape", ["p", "shape"], "s"),
        *_layer(op, "s"),
    ]
    return nodes, numbers, [batch, 1, time, features], lambda x: x[None], "1,t,f"


def _crnn_turned(op, random, batch, time, frames, features):
    """(N, 1, F, T)."""
    numbers = {
        "K": random.standard_normal((2, 1, 3, 3)).astype(np.float32),
        **_weights(random, op, 2 * features),
        **_integers(shape=[0, 0, 2 * features]),
    }
    nodes = [
        node("Conv", ["x", "K"], "c", pads=[1, 1, 1, 1]),
        _turn("c", "p", 3, 0, 1, 2),
        node("Reshape", ["p", "shape"], "s"),
        *_layer(op, "s"),
    ]
    return nodes, numbers, [batch, 1, features, time], lambda x: x.T[None], "1,f,t"


def _time_distributed(op, random, batch, time, frames, features):
    """(N, T, D, 1): a matrix applied to frames in one long batch, as Keras writes it."""
    numbers = {
        "M": random.standard_normal((features, 3)).astype(np.float32),
        **_weights(random, op, 3),
        **_integers(long=[-1, features], tail=[3], end=[2]),
    }
    nodes = [
        node("Shape", ["x"], "size"),
        node("Slice", ["size", "zero", "end"], "head"),
        node("Concat", ["head", "tail"], "back", axis=0),
        node("Reshape", ["x", "long"], "rows"),
        node("MatMul", ["rows", "M"], "m"),
        node("Relu", ["m"], "r"),
        node("Reshape", ["r", "back"], "steps"),
        _turn("steps", "s", 1, 0, 2),
        *_layer(op, "s"),
    ]
    return nodes, numbers, [batch, time, features, 1], lambda x: x[:, :, None], "t,f,1"


def _unrolled(op, random, batch, time, frames, features):
    """Plain cells, frames picked one by one."""
    numbers = {
        "U": random.standard_normal((features, HIDDEN)).astype(np.float32),
        "H": random.standard_normal((HIDDEN, HIDDEN)).astype(np.float32),
        "V": random.standard_normal((HIDDEN, CLASSES)).astype(np.float32),
        **_integers(**{f"i{k}": k for k in range(frames)}),
    }
    nodes, state = [], ""
    for k in range(frames):
        nodes += [node("Gather", ["x", f"i{k}"], f"x{k}", axis=1), node("MatMul", [f"x{k}", "U"], f"u{k}")]
        total = f"u{k}"
        if state:
            nodes += [node("MatMul", [state, "H"], f"h{k}"), node("Add", [f"u{k}", f"h{k}"], f"a{k}")]
            total = f"a{k}"
        state = f"s{k}"
        nodes.append(node("Tanh", [total], state))
    nodes.append(node("MatMul", [state, "V"], "scores"))
    return nodes, numbers, [batch, frames, features], lambda x: x, "t,f"


def _scan(op, random, batch, time, frames, features):
    numbers = {
        "U": random.standard_normal((features, HIDDEN)).astype(np.float32),
        "V": random.standard_normal((HIDDEN, CLASSES)).astype(np.float32),
        "start": np.zeros((1, HIDDEN), np.float32),
    }
    return _scanned(), numbers, [1, time, features], lambda x: x, "t,f"


def _scanned() -> list[onnx.NodeProto]:
    """tanh(x U + h), step after step."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("MatMul", ["frame", "U"], "u"), node("Add", ["u", "h"], "a"), node("Tanh", ["a"], "next")],
        "body",
        [value("h", 1, [1, HIDDEN]), value("frame", 1, None)],
        [value("next", 1, [1, HIDDEN])],
    )
    scan = helper.make_node("Scan", ["start", "s"], ["last"], "scan", num_scan_inputs=1, body=body)
    return [_turn("x", "s", 1, 0, 2), scan, node("MatMul", ["last", "V"], "scores")]


def _unbatched(op, random, batch, time, frames, features):
    nodes = [node("Unsqueeze", ["x", "one"], "s"), *_layer(op, "s")]
    return nodes, _weights(random, op, features), [time, features], lambda x: x, "t,f"


def _flat(op, random, batch, time, frames, features):
    """(N, T D), reshaped to (N, T, D)."""
    numbers = {**_weights(random, op, features), **_integers(shape=[-1, frames, features])}
    nodes = [node("Reshape", ["x", "shape"], "r"), _turn("r", "s", 1, 0, 2), *_layer(op, "s")]
    return nodes, numbers, [batch, frames * features], lambda x: x.reshape(-1), "tf"


def _flat_turned(op, random, batch, time, frames, features):
    """(N, D T), reshaped to (N, D, T)."""
    numbers = {**_weights(random, op, features), **_integers(shape=[-1, features, frames])}
    nodes = [node("Reshape", ["x", "shape"], "r"), _turn("r", "s", 2, 0, 1), *_layer(op, "s")]
    return nodes, numbers, [batch, frames * features], lambda x: x.T.reshape(-1), "ft"


def _windowless(op, random, batch, time, frames, features):
    """Sums over time in front do not hide it."""
    nodes = [
        node("ReduceMean", ["x"], "m", axes=[1], keepdims=1),
        node("Sub", ["x", "m"], "d"),
        _turn("d", "s", 1, 0, 2),
        *_layer(op, "s"),
    ]
    return nodes, _weights(random, op, features), [batch, time, features], lambda x: x, "t,f"


@dataclass(frozen=True)
class Stored:
    """Samples as a file holds them: ``array``, and what ``--layout`` would say of it. ``right`` where no option is
    needed."""

    name: str
    array: np.ndarray
    letters: str
    right: bool


def stored(made: Case, x: np.ndarray, random: np.random.Generator) -> list[Stored]:
    """Samples (N, T, D) in every way of storing them that a person may have chosen."""
    own = np.stack([made.inner(sample) for sample in x])
    turned = made.letters in ("f,t", "1,f,t")
    found = [
        Stored("documented", x, "n,t,f", True),
        Stored("own", own, f"n,{made.letters}", True),
        Stored("turned", x.transpose(0, 2, 1), "n,f,t", turned),
    ]
    if made.frames * made.features > max(made.frames, made.features) and not made.dynamic:
        found.append(Stored("samples last", x.transpose(1, 2, 0), "t,f,n", False))
    flat = x.reshape(len(x), -1)
    if made.body != "flat_turned" and (not made.dynamic or made.body == "flat"):
        found.append(Stored("flat", flat, "n,tf", not turned))
    if made.body == "unbatched":
        found = [one for one in found if one.name != "flat"]
        found.append(Stored("one sequence", x[0], "t,f", True))
    shape = _regrouped(made, random)
    if shape is not None:
        found.append(Stored("regrouped", x.reshape(len(x), *shape), "", False))
    return found


def _regrouped(made: Case, random: np.random.Generator) -> tuple[int, int] | None:
    """Another product with as many values."""
    total, taken = made.frames * made.features, {made.frames, made.features}
    ways = [(n, total // n) for n in range(1, total + 1) if total % n == 0 and not {n, total // n} & taken]
    if made.body in ("flat", "flat_turned"):
        ways = [way for way in ways if 1 not in way]
    return ways[int(random.integers(len(ways)))] if ways else None
