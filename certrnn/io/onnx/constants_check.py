"""The arithmetic on constants is checked, not believed: onnxruntime computes every constant of the file as well.

The nodes that depend on no input run in onnxruntime as a model of their own. Then each node is looked at alone: from
onnxruntime's own values of its inputs, our handler must get onnxruntime's value of its output, but for the one rounding
that onnxruntime adds to that operation and real arithmetic leaves out (see ``exact``). Nothing accumulates, hence
nothing can hide behind a larger number or a longer chain. What a rounding on the way could turn into something else is
compared from end to end as well, exactly: shapes, integers, booleans and the results of step functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from certrnn.errors import Unsupported
from certrnn.io.onnx.kinds import FORMATS, file_types
from certrnn.io.onnx.node import NodeContext, decoded
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.reader import ModelFile
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Known, known, stored

MAX_ENTRIES = 1 << 18
"""Nodes with larger inputs or outputs are not compared: they move weights, and cost more than they tell."""

_NUMPY = frozenset([onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16])

_ONE = frozenset(["Add", "DequantizeLinear", "Sub", "Mul", "Div", "Sqrt", "Reciprocal", "Pow"])
"""Operations that round once an entry (twice, where a library multiplies by a rounded reciprocal)."""
_MANY = frozenset(
    [
        "Sum",
        "Mean",
        "MatMul",
        "Gemm",
        "ReduceSum",
        "ReduceMean",
        "GlobalAveragePool",
        "Range",
    ]
)
"""Operations that round once a term, relative to the sum of the terms' absolute values."""
_STEPS = frozenset(["Ceil", "Floor", "Mod", "Round", "Sign"])


def check_constants(file: ModelFile, folded: Mapping[str, Known]) -> None:
    """Compare the constants of a model, tensor by tensor, with onnxruntime's.

    Args:
        folded: the tensors of the file that do not depend on its input, by name, as the lowering found them.

    Raises:
        Unsupported: they differ; the message names the node.
    """
    nodes = _runnable(file, [n for n in file.proto.graph.node if _comparable(n, folded)], folded)
    if not nodes:
        return
    theirs = _values(file, nodes, folded)
    if theirs is None:
        return
    types = file_types(file.proto.graph)
    for node in nodes:
        _compare(_context(file.opset, types, node, theirs), node, folded, theirs)


def _comparable(node: onnx.NodeProto, folded: Mapping[str, Known]) -> bool:
    """True for a node that computes known numbers of moderate size from known numbers only."""
    names = [n for n in [*node.input, *node.output] if n]
    return (
        node.domain in ("", "ai.onnx")
        and node.op_type in OPERATORS
        and node.op_type != "BatchNormalization"
        and any(node.input)
        and all(n in folded and folded[n].array.size <= MAX_ENTRIES for n in names)
    )


# ---- onnxruntime's side


def _values(
    file: ModelFile, nodes: list[onnx.NodeProto], folded: Mapping[str, Known]
) -> dict[str, Known] | None:
    """What onnxruntime reads and computes as ``nodes`` run, by name; None where it cannot load them."""
    names = [n for node in nodes for n in node.output if n]
    session = _session(file, nodes, folded)
    if session is None:
        return None
    try:
        arrays = session.run([_handed(n, folded[n]) for n in names], {})
    except Exception as error:
        received = str(error).strip().splitlines()[0][:200]
        raise Unsupported("computing the model's constants", "onnxruntime computes them", received) from error
    # onnxruntime itself has checked the type of what it hands out widened
    kinds = [folded[n].kind if _handed(n, folded[n]) != n else 0 for n in names]
    made = {n: known(np.asarray(a), n, kind=k) for n, a, k in zip(names, arrays, kinds, strict=True)}
    read = {n for node in nodes for n in node.input if n and n not in made}
    return made | {n: known(stored(folded[n]), n) for n in read}


def _handed(name: str, tensor: Known) -> str:
    """The name under which onnxruntime hands a tensor out: widened, where numpy has no such type."""
    return name if not tensor.real or tensor.kind in _NUMPY else f"{name}/float32"


def _runnable(
    file: ModelFile, nodes: list[onnx.NodeProto], folded: Mapping[str, Known]
) -> list[onnx.NodeProto]:
    """The nodes that onnxruntime can load; for some element types it lacks some operators."""
    if not nodes or _session(file, nodes, folded) is not None:
        return nodes
    return [n for n in nodes if _session(file, [n], folded) is not None]


def _session(file: ModelFile, nodes: list[onnx.NodeProto], folded: Mapping[str, Known]):
    """A session of ``nodes`` alone, whatever they read given as the file or the lowering has it."""
    import onnxruntime

    made = {n for node in nodes for n in node.output}
    read = {n for node in nodes for n in node.input if n and n not in made}
    initializers = [t for t in file.proto.graph.initializer if t.name in read]
    held = {t.name for t in initializers}
    initializers += [onnx.numpy_helper.from_array(stored(folded[n]), n) for n in sorted(read - held)]
    wide = [n for n in made if n and _handed(n, folded[n]) != n]
    casts = [onnx.helper.make_node("Cast", [n], [f"{n}/float32"], to=onnx.TensorProto.FLOAT) for n in wide]
    outputs = [onnx.ValueInfoProto(name=_handed(n, folded[n])) for n in sorted(made) if n]
    graph = onnx.helper.make_graph([*nodes, *casts], "constants", [], outputs, initializers)
    model = onnx.helper.make_model(
        graph, opset_imports=file.proto.opset_import, ir_version=file.proto.ir_version
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:
        return None


# ---- our side


def _context(
    opset: int, types: frozenset[int], node: onnx.NodeProto, values: Mapping[str, Known]
) -> NodeContext:
    name = node.name or node.output[0]
    where = f"reading node {name!r} ({node.op_type})"
    inputs = tuple(values[n] if n else None for n in node.input)
    attributes = decoded(node, where)
    outputs = tuple(node.output)
    return NodeContext(name, node.op_type, opset, attributes, inputs, outputs, Space(), [], types)


def _compare(
    context: NodeContext, node: onnx.NodeProto, folded: Mapping[str, Known], theirs: Mapping[str, Known]
) -> None:
    same = all(_equal(folded[n].array, theirs[n].array) for n in node.input if n)
    ours = [folded.get(n) for n in node.output] if same else _computed(context)
    slack = _slack(context)
    for k, name in enumerate(node.output):
        if not name:
            continue
        _check_type(context, folded[name], theirs[name])
        if not folded[name].real or context.op in _STEPS:
            _check_equal(context, folded[name].array, theirs[name].array, np.zeros(()))
        if folded[name].real and isinstance(value := ours[k], Known):
            _check_equal(context, value.array, theirs[name].array, slack(value))


def _computed(context: NodeContext) -> list[object]:
    """Our results from onnxruntime's inputs."""
    return list(OPERATORS[context.op](context))


def _slack(context: NodeContext):
    """How far onnxruntime's rounding may take each entry of a result."""
    terms = max([1, *(t.array.size for t in context.inputs if isinstance(t, Known))])
    magnitude = _magnitudes(context) if context.op in _MANY else None

    def allowed(result: Known) -> np.ndarray:
        format_ = FORMATS.get(result.kind)
        if format_ is None or context.op not in _ONE | _MANY:
            return np.zeros(())
        size = np.abs(result.array) if magnitude is None else magnitude
        count = 4 if magnitude is None else terms + result.array.size + 4
        share = count * format_.unit + result.relative_error
        return share * size + count * format_.quantum

    return allowed


def _magnitudes(context: NodeContext) -> np.ndarray:
    """The operation on absolute values."""
    if context.op == "Range":
        return np.asarray(
            2.0 * max(abs(float(t.array.item())) for t in context.inputs if isinstance(t, Known))
        )
    inputs = tuple(replace(t, array=np.abs(t.array)) if isinstance(t, Known) else t for t in context.inputs)
    attributes = {k: abs(v) if k in ("alpha", "beta") else v for k, v in context.attributes.items()}
    result = _computed(replace(context, inputs=inputs, attributes=attributes))[0]
    return result.array if isinstance(result, Known) else np.asarray(np.inf)


# ---- comparing


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _check_type(context: NodeContext, ours: Known, theirs: Known) -> None:
    if ours.kind != theirs.kind or ours.shape != theirs.shape:
        raise _differs(context, f"type {ours.kind}, shape {ours.shape}", f"{theirs.kind}, {theirs.shape}")


def _check_equal(context: NodeContext, ours: np.ndarray, theirs: np.ndarray, slack: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        near = (ours == theirs) | (np.abs(ours - theirs) <= slack) if slack.any() else ours == theirs
    if ours.dtype.kind == "f":
        near |= np.isnan(ours) & np.isnan(theirs)
    if not near.all():
        place = tuple(int(i) for i in np.argwhere(~near)[0])
        raise _differs(context, f"{ours[place]!r}", f"{theirs[place]!r} at {list(place)}")


def _differs(context: NodeContext, ours: str, theirs: str) -> Unsupported:
    return Unsupported(
        context.where,
        "certrnn and onnxruntime compute the same constant",
        f"{ours} beside onnxruntime's {theirs}",
        "Export with constant folding; please report the model.",
    )
