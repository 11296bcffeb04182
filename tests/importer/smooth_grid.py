"""Random graphs of smooth functions, norms, reductions, softmaxes and products of two values of the data.

Every graph reads ``x`` (batch, frames, features) and writes one vector a sample. Values are kept near 1, and positive
where a function asks for it, as networks do.

``python -m tests.importer.smooth_grid --count 2000`` checks as many as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FRAMES, FEATURES = 5, 4
_OPSETS = (17, 18, 20, 21)


@dataclass(eq=False)
class Writer:
    """A graph under construction; every value has the shape (batch, FRAMES, FEATURES)."""

    rng: np.random.Generator
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    numbers: list[onnx.TensorProto] = field(default_factory=list)

    def number(self, array: Any) -> str:
        name = f"c{len(self.numbers)}"
        self.numbers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *shape: int, low: float = -1.0, high: float = 1.0) -> str:
        return self.number(self.rng.uniform(low, high, shape).astype(np.float32))

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=f"{op}_{name}", **attributes))
        return name

    def reduced(self, op: str, value: str, axis: int, keepdims: int) -> str:
        """A reduction, its axes as the operator set has them."""
        if self.opset >= 18 or op == "ReduceSum":
            return self.node(op, value, self.number(np.array([axis])), keepdims=keepdims)
        return self.node(op, value, axes=[axis], keepdims=keepdims)

    def positive(self, value: str) -> str:
        """``0.3 + x^2``."""
        return self.node("Add", self.node("Mul", value, value), self.number(np.float32(0.3)))

    def tamed(self, value: str) -> str:
        return self.node("Tanh", value)


Step = Callable[[Writer, str], str]


def _function(op: str, **attributes: float) -> Step:
    return lambda w, x: w.node(op, w.tamed(x), **attributes)


def _of_positive(op: str) -> Step:
    return lambda w, x: w.node(op, w.positive(w.tamed(x)))


def _power(exponent: float) -> Step:
    def step(w: Writer, x: str) -> str:
        base = w.tamed(x) if exponent > 0 and exponent == int(exponent) else w.positive(w.tamed(x))
        return w.node("Pow", base, w.number(np.float32(exponent)))

    return step


def _reduction(op: str) -> Step:
    def step(w: Writer, x: str) -> str:
        value = w.positive(w.tamed(x)) if op in ("ReduceLogSum",) else w.tamed(x)
        axis = int(w.rng.choice([1, 2, -1]))
        small = w.node("Mul", w.reduced(op, value, axis, keepdims=1), w.number(np.float32(0.2)))
        return w.node("Add", x, small)

    return step


def _softmax(op: str) -> Step:
    def step(w: Writer, x: str) -> str:
        axis = int(w.rng.choice([1, 2, -1]))
        masked = w.rng.random() < 0.4 and op == "Softmax"
        if masked:
            shape = (FRAMES, 1) if axis == 1 else (1, FEATURES)
            mask = np.zeros(shape, dtype=np.float32)
            mask.reshape(-1)[int(w.rng.integers(mask.size))] = w.rng.choice([-np.inf, -1e9, -1e4])
            x = w.node("Add", x, w.number(mask))
        return w.node("Mul", w.node(op, x, axis=axis), w.floats(1, 1, FEATURES, low=0.5, high=2.0))

    return step


def _pooled(w: Writer, x: str) -> str:
    """Attention pooling: shares of the frames times the frames, one context for all."""
    score = w.node("MatMul", w.tamed(x), w.floats(FEATURES, 1, high=3.0))
    shares = w.node("Softmax", score, axis=1)
    return w.node("Add", x, w.reduced("ReduceSum", w.node("Mul", shares, x), 1, keepdims=1))


def _attended(w: Writer, x: str) -> str:
    """Self-attention by MatMul or Einsum."""
    query, key, value = (w.node("MatMul", x, w.floats(FEATURES, FEATURES)) for _ in range(3))
    if w.rng.random() < 0.5:
        scores = w.node("Einsum", query, key, equation="bqd,bkd->bqk")
        return w.node("Einsum", w.node("Softmax", scores, axis=-1), value, equation="bqk,bkd->bqd")
    turned = w.node("Transpose", key, perm=[0, 2, 1])
    scores = w.node("Div", w.node("MatMul", query, turned), w.number(np.float32(2.0)))
    return w.node("MatMul", w.node("Softmax", scores, axis=-1), value)


def _gelu_written_out(w: Writer, x: str) -> str:
    """As torch writes it below operator set 20."""
    bent = w.node("Erf", w.node("Div", x, w.number(np.float32(2.0**0.5))))
    gate = w.node("Add", bent, w.number(np.float32(1.0)))
    if w.rng.random() < 0.5:
        return w.node("Mul", w.node("Mul", x, gate), w.number(np.float32(0.5)))
    return w.node("Mul", w.node("Mul", x, w.number(np.float32(0.5))), gate)


def _layer_norm(w: Writer, x: str) -> str:
    return w.node("LayerNormalization", x, w.floats(FEATURES), w.floats(FEATURES), axis=-1, epsilon=1e-3)


def _written_out(w: Writer, x: str) -> str:
    """A layer normalisation as older exporters write it."""
    mean = w.reduced("ReduceMean", x, -1, keepdims=1)
    apart = w.node("Sub", x, mean)
    variance = w.reduced("ReduceMean", w.node("Pow", apart, w.number(np.float32(2.0))), -1, keepdims=1)
    deviation = w.node("Sqrt", w.node("Add", variance, w.number(np.float32(1e-3))))
    if w.rng.random() < 0.5:
        return w.node("Div", apart, deviation)
    return w.node("Mul", apart, w.node("Reciprocal", deviation))


def _channels(op: str, **attributes: int) -> Step:
    def step(w: Writer, x: str) -> str:
        turned = w.node("Transpose", x, perm=[0, 2, 1])
        size = FEATURES
        normal = w.node(op, turned, w.floats(size), w.floats(size), epsilon=1e-3, **attributes)
        return w.node("Transpose", normal, perm=[0, 2, 1])

    return step


def _quotient(w: Writer, x: str) -> str:
    return w.node("Div", x, w.node("Add", w.node("Abs", w.tamed(x)), w.number(np.float32(0.5))))


def _unit(w: Writer, x: str) -> str:
    """``x / max(||x||, 1e-3)``."""
    length = w.reduced("ReduceL2", x, -1, keepdims=1)
    return w.node("Div", x, w.node("Clip", length, w.number(np.float32(1e-3))))


STEPS: dict[str, Step] = {
    **{op: _function(op) for op in ("Exp", "Erf", "Softplus", "Softsign", "Elu", "Selu", "Abs")},
    "Celu": _function("Celu", alpha=0.7),
    "Elu, alpha": _function("Elu", alpha=1.5),
    **{op: _of_positive(op) for op in ("Log", "Sqrt", "Reciprocal")},
    **{f"Pow {e:g}": _power(e) for e in (2.0, 3.0, 4.0, 0.5, -0.5, -1.0, -2.0)},
    **{
        op: _reduction(op)
        for op in (
            "ReduceSum",
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceL1",
            "ReduceL2",
            "ReduceSumSquare",
            "ReduceLogSum",
            "ReduceLogSumExp",
        )
    },
    "Softmax": _softmax("Softmax"),
    "LogSoftmax": _softmax("LogSoftmax"),
    "pooling": _pooled,
    "self-attention": _attended,
    "LayerNormalization": _layer_norm,
    "layer normalisation written out": _written_out,
    "InstanceNormalization": _channels("InstanceNormalization"),
    "GroupNormalization": _channels("GroupNormalization", num_groups=2),
    "quotient": _quotient,
    "unit length": _unit,
    "Gelu": _function("Gelu"),
    "Gelu, tanh": lambda w, x: w.node("Gelu", w.tamed(x), approximate="tanh"),
    "gelu written out": _gelu_written_out,
    "Mish": _function("Mish"),
}
"""What a graph may do to its value, by name."""

_SINCE = {"Gelu": 20, "Gelu, tanh": 20, "Mish": 18, "GroupNormalization": 21}


def draw(rng: np.random.Generator, first: str | None = None) -> tuple[onnx.ModelProto, list[str]]:
    """A graph of one to four steps, the first as told, and their names."""
    names = [first] if first else []
    names += [str(rng.choice(list(STEPS))) for _ in range(int(rng.integers(1, 4)))]
    needed = max(_SINCE.get(name, 17) for name in names)
    writer = Writer(rng, int(rng.choice([o for o in _OPSETS if o >= needed])))
    value = "x"
    for name in names:
        value = STEPS[name](writer, value)
    flat = writer.node("Flatten", value)
    writer.node("MatMul", flat, writer.floats(FRAMES * FEATURES, 3))
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FRAMES, FEATURES])
    scores = helper.make_tensor_value_info(writer.nodes[-1].output[0], TensorProto.FLOAT, ["batch", 3])
    graph = helper.make_graph(writer.nodes, "smooth", [shape], [scores], writer.numbers)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", writer.opset)], ir_version=9
    ), names


def complaint(model: onnx.ModelProto, folder: Any, seed: int) -> str:
    """How our graph, onnxruntime and the certificate of a small region contradict each other; "" where they do not."""
    import certrnn
    from certrnn.io.onnx import read
    from tests.importer import checks

    file = folder / "model.onnx"
    onnx.save(model, str(file))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, FRAMES, FEATURES)).astype(np.float32)
    run = checks.session(str(file))
    theirs = np.asarray(run.run(None, {"x": x})[0])
    ours = checks.graph_outputs(read(file), x)
    if not checks.close(ours, theirs, 1e-4):
        return f"graph {ours.tolist()}, onnxruntime {theirs.tolist()}"
    eps = float(10.0 ** rng.uniform(-3, -1))
    rows = certrnn.load(str(file)).certify(x, eps=eps, frames="all", method="zonotope", attack=False)
    proved = [row.sample for row in rows if row.verdict == "certified"]
    for _ in range(10 if proved else 0):
        moved = x + np.float32(0.999 * eps) * rng.choice([-1.0, 1.0], x.shape).astype(np.float32)
        answers = np.asarray(run.run(None, {"x": moved})[0]).argmax(1)
        wrong = [s for s in proved if answers[s] != theirs[s].argmax()]
        if wrong:
            return f"samples {wrong} change within the certified eps {eps:g}"
    return ""


def main() -> None:
    import argparse
    import tempfile
    from pathlib import Path

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.count):
            model, names = draw(np.random.default_rng([asked.seed, number]))
            found = complaint(model, Path(folder), number)
            if found:
                failed += 1
                print(number, names, found)
    print(f"{asked.count} graphs, {failed} failed")


if __name__ == "__main__":
    main()
