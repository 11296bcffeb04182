"""Follow the axes of a model's input through its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from certrnn.io.onnx.axes.evidence import Evidence, inner_nodes, picked, picks
from certrnn.io.onnx.axes.node import Node, Scope, constant
from certrnn.io.onnx.axes.parts import Axes, Part, length
from certrnn.io.onnx.axes.rules import RECURRENT, RULES

_SMALL = 1024
"""Elements of the largest constant whose numbers may say a shape."""

_LENGTHS = ((3, 11, 13, 17, 19), (1, 11, 13, 17, 19), (1, 720, 840, 11, 13), (1, 16001, 11, 13, 17))
"""Lengths that axes of any length are given in turn, until a time axis is found: distinct, then as long as
convolutions or a fixed frame may ask for."""


@dataclass(frozen=True)
class Traced:
    """What a graph says about the axes of its input.

    Args:
        time: the part of the input whose positions are the steps; None where the graph does not say, or says several.
        batch: the axis of the sequences; None where the graph does not say.
        by: the node that says what time is, or "".
        recurrent: whether something recurrent was reached.
        features: axes that recurrent nodes read as features.
        axes: the axes of every tensor, at the lengths they were traced with.
        lengths: those lengths of the input's axes.
    """

    time: Part | None = None
    batch: int | None = None
    by: str = ""
    recurrent: bool = False
    features: frozenset[int] = frozenset()
    axes: dict[str, Axes] | None = None
    lengths: tuple[int, ...] = ()


def trace(proto: onnx.ModelProto, name: str, dims: Sequence[int | None]) -> Traced:
    """Trace the axes of input ``name``, whose declared lengths are ``dims``."""
    best = Traced()
    for shape in _shapes(proto, dims):
        try:
            traced = _traced(proto, name, shape)
        except Exception:  # noqa: S112 a damaged file may break any rule: then nothing is known
            continue
        if traced.time is not None and traced.recurrent:
            return traced
        best = traced if best.time is None else best
    return best


def _shapes(proto: onnx.ModelProto, dims: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    """Lengths to trace with; an axis of any length may have to be that of the weights."""
    open_ = [axis for axis, size in enumerate(dims) if size is None]
    if not dims:
        return
    for lengths in _LENGTHS if open_ else _LENGTHS[:1]:
        fill = iter(lengths)
        yield tuple(next(fill, 7) if size is None else size for size in dims)
    for width in _widths(proto):
        for axis in open_[::-1] if len(open_) > 1 else ():
            fill = iter(_LENGTHS[0])
            yield tuple(
                width if place == axis else next(fill, 7) if size is None else size
                for place, size in enumerate(dims)
            )


def _widths(proto: onnx.ModelProto) -> list[int]:
    """Features that the first recurrent node, or product with a matrix, reads."""
    matrices = {t.name: list(t.dims) for t in proto.graph.initializer}
    for node in proto.graph.node:
        shape = matrices.get(node.input[1], []) if len(node.input) > 1 else []
        if node.op_type in RECURRENT and len(shape) == 3:
            return [shape[2]]
        if node.op_type == "MatMul" and len(shape) == 2:
            return [shape[0]]
    return []


def _traced(proto: onnx.ModelProto, name: str, shape: tuple[int, ...]) -> Traced:
    scope, evidence = Scope(), Evidence()
    inferred = shape_inference.infer_shapes(_sized(proto, name, shape), data_prop=True)
    for info in [*inferred.graph.value_info, *inferred.graph.output, *inferred.graph.input]:
        if info.type.tensor_type.HasField("shape"):
            scope.shapes[info.name] = tuple(
                d.dim_value if d.HasField("dim_value") else None for d in info.type.tensor_type.shape.dim
            )
    for tensor in proto.graph.initializer:
        scope.shapes[tensor.name] = tuple(tensor.dims)
        if np.prod(tensor.dims) <= _SMALL and tensor.data_type in (6, 7):
            scope.constants[tensor.name] = numpy_helper.to_array(tensor)
    scope.axes[name] = tuple((Part(axis, size),) for axis, size in enumerate(shape))
    scope.reached.add(name)
    _walk(proto.graph, scope, evidence)
    return _concluded(evidence, scope, shape)


def _sized(proto: onnx.ModelProto, name: str, shape: tuple[int, ...]) -> onnx.ModelProto:
    """The model without its weights and with an input of that shape: shapes are all that is asked of it."""
    model = onnx.ModelProto()
    model.CopyFrom(onnx.ModelProto(ir_version=max(proto.ir_version, 4), opset_import=proto.opset_import))
    graph = model.graph
    graph.name = proto.graph.name or "shapes"
    graph.node.extend(proto.graph.node)
    for tensor in proto.graph.initializer:
        if np.prod(tensor.dims) <= _SMALL:
            graph.initializer.append(tensor)
        else:
            graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            )
    initializers = {tensor.name for tensor in proto.graph.initializer}
    for info in proto.graph.input:
        if info.name == name:
            kind = info.type.tensor_type.elem_type
            graph.input.append(onnx.helper.make_tensor_value_info(name, kind, list(shape)))
        elif info.name not in initializers:
            graph.input.append(info)
    graph.output.extend(onnx.ValueInfoProto(name=out.name) for out in proto.graph.output)
    return model


def _walk(graph: onnx.GraphProto, scope: Scope, evidence: Evidence) -> None:
    for proto in graph.node:
        node = Node(proto, scope)
        if proto.op_type == "Constant":
            value = constant(proto)
            if value is not None and value.size <= _SMALL:
                scope.constants[proto.output[0]] = value
            continue
        if not any(name in scope.reached for name in _read(proto)):
            continue
        evidence.look(node)
        if proto.op_type == "If":
            _branches(node, scope, evidence)
        else:
            _step(node, scope)


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """Names that a node reads, in its sub-graphs too."""
    yield from node.input
    for attribute in node.attribute:
        for inner in inner_nodes(attribute.g) if attribute.HasField("g") else ():
            yield from inner.input


def _step(node: Node, scope: Scope) -> None:
    if node.op in ("Shape", "Size"):
        return
    rule = RULES.get(node.op)
    results = (rule(node) if rule is not None else None) or ()
    before = picked(node)
    for number, name in enumerate(node.proto.output):
        if not name:
            continue
        scope.reached.add(name)
        axes = results[number] if number < len(results) else None
        if axes is not None:
            scope.axes[name] = axes
            if name not in scope.shapes or None in scope.shapes[name]:
                scope.shapes[name] = tuple(length(axis) for axis in axes)
        one = picks(node, scope, number)
        # steps that were joined again lie along their axis, and are told apart by where they lie
        along = {part.source for axis in axes or () for part in axis if part.size > 1}
        depends = {part: bits for part, bits in before.items() if part.source not in along}
        if one is not None:
            depends[one[0]] = depends.get(one[0], 0) | one[1]
        if depends:
            scope.picked[name] = depends


def _branches(node: Node, scope: Scope, evidence: Evidence) -> None:
    """Both branches; the outputs have the axes of the one where they are known."""
    for branch in ("then_branch", "else_branch"):
        graph = node.attribute(branch)
        for tensor in graph.initializer:
            scope.shapes[tensor.name] = tuple(tensor.dims)
        _walk(graph, scope, evidence)
        for name, inner in zip(node.proto.output, graph.output, strict=False):
            if inner.name in scope.reached:
                scope.reached.add(name)
            if inner.name in scope.axes:
                scope.axes.setdefault(name, scope.axes[inner.name])


def _concluded(evidence: Evidence, scope: Scope, lengths: tuple[int, ...]) -> Traced:
    times = {**evidence.unrolled(), **evidence.times}
    recurrent = bool(times) or evidence.spread
    if not times:
        times = evidence.windows
    origins = {part.source for part in times}
    if len(origins) != 1 or evidence.spread:
        return Traced(recurrent=recurrent, axes=scope.axes, lengths=lengths)
    part = max(times, key=lambda part: part.size)
    batches = evidence.batches - {None, part.axis}
    batch = next(iter(batches)) if len(batches) == 1 else None
    return Traced(part, batch, times[part], recurrent, frozenset(evidence.features), scope.axes, lengths)
