"""Reads an ONNX file into a program, for the operators listed in OPERATORS; every other is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper

from certrnn.certificates.checker.program import Input, Program, Refused, Term
from certrnn.certificates.checker.recurrent import recurrent

IDS = np.dtype(np.int64)


class Ids(NamedTuple):
    """A tensor that depends on the sample: the numbers of its elements."""

    array: np.ndarray


class Head(NamedTuple):
    """An output that a last function turns scores into: ``Softmax`` or ``LogSoftmax`` over an axis."""

    scores: np.ndarray
    function: str
    axis: int


Tensor = Any
"""A numpy array (known numbers), :class:`Ids` or :class:`Head`."""


class Step:
    """One node with what it reads."""

    def __init__(self, node: onnx.NodeProto, program: Program, inputs: list[Tensor]) -> None:
        self.op, self.program, self.inputs = node.op_type, program, inputs
        self.name, self.outputs = node.name or node.output[0], len(node.output)
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}

    def refuse(self, what: str) -> Refused:
        return Refused(f"node {self.name!r} ({self.op}): {what}")

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def has(self, place: int) -> bool:
        return place < len(self.inputs) and self.inputs[place] is not None

    def known(self, place: int) -> np.ndarray:
        value = self.inputs[place] if self.has(place) else None
        if not isinstance(value, np.ndarray):
            raise self.refuse(f"input {place} is made of the file's numbers; got something else")
        return value

    def ids(self, place: int) -> np.ndarray:
        value = self.inputs[place]
        if isinstance(value, np.ndarray):
            return self.program.numbers(value)
        if not isinstance(value, Ids):
            raise self.refuse("nothing follows a Softmax")
        return value.array

    def axes(self, place: int = 1) -> list[int] | None:
        if self.has(place):
            return [int(a) for a in self.known(place).reshape(-1)]
        attribute = self.get("axes")
        return None if attribute is None else list(attribute)

    def moved(self, change: Callable[[np.ndarray], np.ndarray]) -> Tensor:
        """Data movement: the same elements at other places."""
        value = self.inputs[0]
        if isinstance(value, np.ndarray):
            return change(value)
        return Ids(change(self.ids(0)))


def _integers(*values: Tensor) -> bool:
    return all(isinstance(v, np.ndarray) and v.dtype.kind in "iub" for v in values)


def _sum(s: Step) -> Tensor:
    left, right = s.inputs[:2]
    if _integers(left, right):
        return left + right if s.op == "Add" else left - right
    if s.op == "Sub" and isinstance(left, np.ndarray) and bool((left == 1.0).all()):
        ids = np.broadcast_to(s.ids(1), np.broadcast_shapes(left.shape, s.ids(1).shape))
        return Ids(s.program.complement(ids))
    pair = np.broadcast_arrays(s.ids(0), s.ids(1))
    return Ids(s.program.combine([(1.0, pair[0]), (1.0 if s.op == "Add" else -1.0, pair[1])]))


def _scale(s: Step, ids: np.ndarray, factor: np.ndarray) -> Tensor:
    elements, weight = np.broadcast_arrays(ids, np.asarray(factor, dtype=np.float64))
    if not np.isfinite(weight).all():
        raise s.refuse("factors are finite")
    return Ids(
        s.program.linear([Term(weight.reshape(-1).copy(), elements.reshape(-1))], []).reshape(elements.shape)
    )


def _mul(s: Step) -> Tensor:
    left, right = s.inputs[:2]
    if _integers(left, right):
        return left * right
    for factor, other in ((left, 1), (right, 0)):
        if isinstance(factor, np.ndarray):
            return _scale(s, s.ids(other), factor)
    a, b = np.broadcast_arrays(s.ids(0), s.ids(1))
    return Ids(s.program.multiply(a, b))


def _div(s: Step) -> Tensor:
    left, right = s.inputs[0], s.known(1)
    if _integers(left, right):
        return (np.abs(left) // np.abs(right)) * np.sign(left) * np.sign(right)
    with np.errstate(divide="ignore"):
        return _scale(s, s.ids(0), 1.0 / right.astype(np.float64))


def _product(s: Step, ids: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """ids (.., k) times a matrix (k, n)."""
    matrix = np.ascontiguousarray(weight.T, dtype=np.float64)
    if not np.isfinite(matrix).all():
        raise s.refuse("weights are finite")
    rows = [s.program.linear([Term(matrix, row)], []) for row in ids.reshape(-1, ids.shape[-1])]
    return np.stack(rows).reshape(*ids.shape[:-1], weight.shape[1])


def _matmul(s: Step) -> Tensor:
    weight = s.known(1)
    if weight.ndim != 2:
        raise s.refuse("the second factor is a matrix of the file")
    return Ids(_product(s, s.ids(0), weight))


def _gemm(s: Step) -> Tensor:
    weight = s.known(1).T if s.get("transB", 0) else s.known(1)
    if s.get("transA", 0) or s.get("alpha", 1.0) != 1.0 or s.get("beta", 1.0) != 1.0:
        raise s.refuse("transA is 0, alpha and beta are 1")
    ids = _product(s, s.ids(0), weight)
    if not s.has(2):
        return Ids(ids)
    pair = np.broadcast_arrays(ids, s.ids(2))
    return Ids(s.program.combine([(1.0, pair[0]), (1.0, pair[1])]))


def _function(s: Step) -> Tensor:
    name = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "LeakyRelu": "leaky"}[s.op]
    parameter = float(s.get("alpha", np.float32(0.01))) if name == "leaky" else 0.0
    return Ids(s.program.apply(name, s.ids(0), parameter=parameter))


def _head(s: Step) -> Tensor:
    axis = s.get("axis", -1)
    return Head(s.ids(0), s.op, axis % s.ids(0).ndim)


def _gather(s: Step) -> Tensor:
    index = s.known(1)
    return s.moved(lambda a: np.take(a, index.astype(IDS), axis=s.get("axis", 0)))


def _slice(s: Step) -> Tensor:
    if "starts" in s.attributes:  # before opset 10
        starts, ends, axes = (np.asarray(s.get(name, [])) for name in ("starts", "ends", "axes"))
        axes = axes.tolist() or list(range(len(starts)))
    else:
        starts, ends = (s.known(k).reshape(-1) for k in (1, 2))
        axes = s.axes(3) or list(range(len(starts)))
    steps = s.known(4).reshape(-1) if s.has(4) else np.ones(len(starts), dtype=IDS)

    def change(a: np.ndarray) -> np.ndarray:
        places = [slice(None)] * a.ndim
        for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps.tolist(), strict=True):
            size = a.shape[axis]
            stop = None if step < 0 and end < -size else end
            places[axis] = slice(start, stop, step)
        return a[tuple(places)]

    return s.moved(change)


def _squeeze(s: Step) -> Tensor:
    axes = s.axes()
    return s.moved(lambda a: np.squeeze(a, None if axes is None else tuple(axes)))


def _reshape(s: Step) -> Tensor:
    wanted = s.known(1).reshape(-1).tolist()

    def change(a: np.ndarray) -> np.ndarray:
        zero = bool(s.get("allowzero", 0))
        return a.reshape([a.shape[k] if n == 0 and not zero else n for k, n in enumerate(wanted)])

    return s.moved(change)


def _concat(s: Step) -> Tensor:
    axis = s.get("axis")
    if all(isinstance(v, np.ndarray) for v in s.inputs):
        return np.concatenate(s.inputs, axis=axis)
    return Ids(np.concatenate([s.ids(k) for k in range(len(s.inputs))], axis=axis))


def _split(s: Step) -> Tensor:
    axis, size = s.get("axis", 0), s.ids(0).shape[s.get("axis", 0)]
    parts = s.known(1).tolist() if s.has(1) else s.get("split") or [size // s.outputs] * s.outputs
    if sum(parts) != size:
        raise s.refuse("parts are of equal size, or their sizes are given")
    return [Ids(part) for part in np.split(s.ids(0), np.cumsum(parts)[:-1], axis=axis)]


def _expand(s: Step) -> Tensor:
    shape = s.known(1).reshape(-1).tolist()
    return s.moved(lambda a: np.broadcast_to(a, np.broadcast_shapes(a.shape, tuple(shape))))


def _filled(s: Step) -> Tensor:
    proto = s.get("value")
    value = np.zeros(1, dtype=np.float32) if proto is None else numpy_helper.to_array(proto)
    return np.full(s.known(0).reshape(-1).tolist(), value.reshape(-1)[0])


def _constant(s: Step) -> Tensor:
    for name, value in s.attributes.items():
        if name == "value":
            return numpy_helper.to_array(value)
        if name in ("value_int", "value_ints"):
            return np.asarray(value, dtype=IDS)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, dtype=np.float32)
    raise s.refuse("a constant holds numbers")


def _cast(s: Step) -> Tensor:
    value, kind = s.inputs[0], onnx.helper.tensor_dtype_to_np_dtype(s.get("to"))
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub" and kind.kind in "iub":
        return value.astype(kind)
    if isinstance(value, Ids) and kind in (np.dtype(np.float32), np.dtype(np.float64)):
        return value  # a certificate is about exact evaluation: nothing is rounded on the way
    raise s.refuse(f"numbers stay as they are; got a cast to {kind}")


def _identity(s: Step) -> Tensor:
    if s.has(2) and s.known(2).any():
        raise s.refuse("nothing is dropped; got training_mode")
    return s.inputs[0]


def _reduce(s: Step) -> Tensor:
    if s.get("noop_with_empty_axes", 0):
        raise s.refuse("noop_with_empty_axes is 0")
    ids, axes = s.ids(0), s.axes()
    over = tuple(a % ids.ndim for a in (axes or range(ids.ndim)))
    count = int(np.prod([ids.shape[a] for a in over], dtype=IDS))
    share = 1.0 / count if s.op == "ReduceMean" else 1.0
    rows = np.moveaxis(ids, over, range(ids.ndim - len(over), ids.ndim)).reshape(-1, count)
    results = [s.program.linear([Term(np.full((1, count), share), row)], []) for row in rows]
    sizes = [1 if k in over else n for k, n in enumerate(ids.shape)]
    shape = sizes if s.get("keepdims", 1) else [n for k, n in enumerate(ids.shape) if k not in over]
    return Ids(np.concatenate(results).reshape(shape))


OPERATORS: dict[str, Callable[[Step], Any]] = {
    **dict.fromkeys(("Add", "Sub"), _sum),
    **dict.fromkeys(("Tanh", "Sigmoid", "Relu", "LeakyRelu"), _function),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _head),
    **dict.fromkeys(("RNN", "LSTM", "GRU"), lambda s: [Ids(a) for a in recurrent(s)]),
    **dict.fromkeys(("Identity", "Dropout"), _identity),
    **dict.fromkeys(("ReduceSum", "ReduceMean"), _reduce),
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Div": _div,
    "Expand": _expand,
    "Flatten": lambda s: s.moved(
        lambda a: a.reshape(int(np.prod(a.shape[: s.get("axis", 1)], dtype=IDS)), -1)
    ),
    "Gather": _gather,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Mul": _mul,
    "Neg": lambda s: Ids(s.program.combine([(-1.0, s.ids(0))])),
    "Reshape": _reshape,
    "Shape": lambda s: np.array(s.ids(0).shape, dtype=IDS)[slice(s.get("start", 0), s.get("end"))],
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": lambda s: s.moved(lambda a: np.tile(a, s.known(1).reshape(-1).tolist())),
    "Transpose": lambda s: s.moved(lambda a: np.transpose(a, s.get("perm"))),
    "Unsqueeze": lambda s: s.moved(lambda a: np.expand_dims(a, tuple(s.axes() or ()))),
}


def read(
    model: onnx.ModelProto, output: str, shape: tuple[int, int], layout: str, numbers: bool = False
) -> tuple[Program, np.ndarray]:
    """The program of one output for samples of T frames of D features, and the elements of its scores in order.

    Args:
        layout: how samples lie in the model's input: ``n,t,f`` or ``t,n,f``.
        numbers: the output's own numbers are asked about, and not which of them is the largest.

    Raises:
        Refused: an operator or an input that is not known here.
    """
    program, graph = Program(), model.graph
    if any(o.domain in ("", "ai.onnx") and o.version < 7 for o in model.opset_import):
        raise Refused("the opset is at least 7")
    frames = np.stack([program.add(Input(t, shape[1])) for t in range(shape[0])])
    values: dict[str, Tensor] = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    inputs = [i for i in graph.input if i.name not in values]
    if len(inputs) != 1:
        raise Refused(f"the model has one input; got {', '.join(i.name for i in inputs)}")
    arranged = {"n,t,f": frames[None], "t,n,f": frames[:, None]}
    if layout not in arranged:
        raise Refused(f"samples lie as {' or '.join(arranged)}; got {layout}")
    declared = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    ids = arranged[layout]
    if len(declared) != 3 or any(n not in (0, m) for n, m in zip(declared, ids.shape, strict=True)):
        raise Refused(f"the model takes samples of shape {ids.shape}; got {declared}")
    values[inputs[0].name] = Ids(ids)
    for node in graph.node:
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            raise Refused(
                f"node {node.name!r}: the checker knows {', '.join(sorted(OPERATORS))}; got {node.op_type}"
            )
        step = Step(node, program, [values[i] if i else None for i in node.input])
        try:
            results = OPERATORS[node.op_type](step)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError) as error:
            raise step.refuse(f"inputs and attributes fit together; got {error}") from error
        for name, result in zip(
            node.output, results if isinstance(results, list) else [results], strict=False
        ):
            values[name] = np.asarray(result) if isinstance(result, np.generic) else result
    return program, _scores(values.get(output), output, numbers)


def _scores(value: Tensor, name: str, numbers: bool) -> np.ndarray:
    """The elements that are compared: a Softmax over all of them keeps their order."""
    if isinstance(value, Head):
        if numbers or value.scores.size < 2:
            raise Refused(
                f"several scores are compared; got numbers of the {value.function} at output {name!r}"
            )
        if value.scores.shape[value.axis] != value.scores.size:
            raise Refused(f"the {value.function} at output {name!r} is over all scores")
        return value.scores.reshape(-1)
    if not isinstance(value, Ids):
        raise Refused(f"output {name!r} depends on the sample")
    return value.array.reshape(-1)
