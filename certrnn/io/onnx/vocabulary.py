"""Which vectors a file looks its words up as, before any sample is known: found by walking what words alone decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from certrnn.errors import CertrnnError
from certrnn.io.onnx.layout import Layout
from certrnn.io.onnx.lookup import Embedding, Lookup, embedding_of, looked_up
from certrnn.io.onnx.node import NodeContext, decoded
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.reader import ModelFile, to_array
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tabulated import WORDWISE, tabulated, words
from certrnn.io.onnx.tensors import Known, Tensor, Tokens, known

_SHAPES = frozenset(["Shape", "Size"])
_MOVES = frozenset(["Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"])
"""What is followed beyond a table, for the shapes that it says."""


def reach(graph: onnx.GraphProto) -> int:
    """Words from ``-reach`` to ``reach - 1`` are tabulated: twice as many as the largest table has rows."""
    sizes = {t.name: t.dims[0] for t in graph.initializer if t.dims}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].t.dims:
            sizes[node.output[0]] = node.attribute[0].t.dims[0]
    numbers = {t.name: t for t in graph.initializer if t.name and np.prod(t.dims) == 1}
    read = [sizes[n.input[0]] for n in graph.node if n.op_type == "Gather" and n.input[0] in sizes]
    depths = [numbers[n.input[1]] for n in graph.node if n.op_type == "OneHot" and n.input[1] in numbers]
    read += [int(to_array(t, "reading a depth").reshape(-1)[0]) for t in depths]
    return 2 * max([1, *read])


def input_words(layout: Layout, graph: onnx.GraphProto) -> Tokens:
    """The input's words for one sample."""
    kind = layout.input.type
    frames = layout.arrange(np.arange(layout.frames)[None])
    return words(frames, reach(graph), kind, onnx.helper.tensor_dtype_to_np_dtype(kind))


def read_embedding(file: ModelFile, layout: Layout, others: Mapping[str, Known]) -> Embedding | None:
    """The vectors that words are looked up as; None where the file looks none up.

    Args:
        layout: of a sample of any length that fits; its features do not matter.
        others: the file's other inputs.

    Raises:
        Unsupported: something is computed from the words that is not read, and no vectors.
    """
    graph, what = file.proto.graph, f"reading model {file.path.name!r}"
    scope: dict[str, Tensor] = {t.name: known(to_array(t, what), t.name) for t in graph.initializer}
    scope |= {**others, layout.input.name: input_words(layout, graph)}
    space, lookups, vectors, refused = Space(), list[Lookup](), set[str](), list[CertrnnError]()
    for node in graph.node:
        beyond = not vectors.isdisjoint(node.input)
        if any(n and n not in scope for n in node.input) or (beyond and node.op_type not in _SHAPES | _MOVES):
            continue
        inputs = tuple(scope[n] if n else None for n in node.input)
        looked = looked_up(node.op_type, inputs, _axis(node))
        if looked is not None:
            table, rows = looked
            lookups.append(Lookup(node.output[0], table.name, table.array, rows))
            scope[node.output[0]] = _vectors(lookups[-1])
            vectors.add(node.output[0])
            continue
        results = _results(node, inputs, space, file.opset)
        if isinstance(results, CertrnnError):
            refused += [results] if any(isinstance(t, Tokens) for t in inputs) else []
            continue
        for name, result in zip(node.output, results, strict=False):
            scope[name] = result
            if beyond and node.op_type in _MOVES:
                vectors.add(name)
    if refused and not lookups:
        raise refused[0]
    return embedding_of(lookups, f"reading input {layout.input.name!r}")


def _axis(node: onnx.NodeProto) -> int | None:
    return next((int(a.i) for a in node.attribute if a.name == "axis"), None)


def _vectors(lookup: Lookup) -> Known:
    """A stand-in for the looked-up rows, of their shape."""
    return Known(np.broadcast_to(np.zeros(1), (*lookup.words.shape, lookup.table.shape[1])))


def _results(
    node: onnx.NodeProto, inputs: tuple[Tensor | None, ...], space: Space, opset: int
) -> list[Tensor] | CertrnnError:
    """What is known of the results; what goes wrong here is told in full when the node is read."""
    if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
        return []
    handler = OPERATORS[node.op_type]
    try:
        attributes = decoded(node, node.name)
        context = NodeContext(
            node.name, node.op_type, opset, attributes, inputs, tuple(node.output), space, []
        )
        wordwise = node.op_type in WORDWISE and any(isinstance(t, Tokens) for t in inputs)
        results = tabulated(context, handler) if wordwise else handler(context)
    except CertrnnError as error:
        return error
    except Exception:
        return []
    return results if all(isinstance(r, Known | Tokens) for r in results) else []
