"""Running a model file in onnxruntime: its own outputs, or any tensor inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from certrnn.errors import Unsupported
from certrnn.io.onnx.wanted import needed


class Session:
    """An onnxruntime session of a model, optionally with other outputs or with tensors of it as inputs."""

    def __init__(
        self,
        proto: onnx.ModelProto,
        outputs: Sequence[str] = (),
        cuts: Sequence[tuple[str, int, Sequence[int | None]]] = (),
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # weights stored as integers are multiplied as the file says, in floats, and not with data rounded to 8 bits
        options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
        model = edited(proto, outputs, cuts)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise Unsupported(
                "running the model in onnxruntime",
                "onnxruntime loads it",
                _first_line(error),
                "Export the model again.",
            ) from error
        self.inputs: dict[str, str] = {i.name: i.type for i in self._session.get_inputs()}

    def run(self, outputs: Sequence[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The named outputs.

        Raises:
            Unsupported: onnxruntime fails; the message is its own.
        """
        try:
            return self._session.run(list(outputs), {k: v for k, v in feed.items() if k in self.inputs})
        except Exception as error:
            raise Unsupported(
                "running the model in onnxruntime",
                "the model runs",
                _first_line(error),
                "Export in float32 and with another operator set, or take another version of onnxruntime.",
            ) from error


def edited(
    proto: onnx.ModelProto, outputs: Sequence[str], cuts: Sequence[tuple[str, int, Sequence[int | None]]]
) -> onnx.ModelProto:
    """A copy with ``outputs`` as its outputs and, as further inputs, ``cuts``: (tensor name, element type, shape)."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    graph = model.graph
    _to_time_first(graph)
    if outputs:
        declared = {o.name: o for o in [*proto.graph.output, *proto.graph.value_info, *proto.graph.input]}
        del graph.output[:]
        graph.output.extend(declared.get(name, onnx.ValueInfoProto(name=name)) for name in outputs)
    for name, kind, shape in cuts:
        nodes = [n for n in graph.node if name not in n.output]
        del graph.node[:]
        graph.node.extend(nodes)
        graph.input.append(onnx.helper.make_tensor_value_info(name, kind, list(shape)))
    _drop_unread(graph)
    return model


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Nodes and inputs that no output depends on, which onnxruntime would ask for all the same."""
    read = needed(graph.node, {out.name for out in graph.output})
    nodes = [node for node in graph.node if not read.isdisjoint(node.output)]
    del graph.node[:]
    graph.node.extend(nodes)
    inputs = [info for info in graph.input if info.name in read]
    del graph.input[:]
    graph.input.extend(inputs)


def _to_time_first(graph: onnx.GraphProto) -> None:
    """Recurrent nodes of layout 1, which onnxruntime does not run, become layout 0 between transpositions."""
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        layouts = [a for a in node.attribute if a.name == "layout"]
        if node.op_type not in ("RNN", "LSTM", "GRU") or not layouts or layouts[0].i != 1:
            graph.node.append(node)
            continue
        layouts[0].i = 0
        after = []
        for place in (0, 5, 6):
            if place < len(node.input) and node.input[place]:
                moved = f"{node.output[0] or node.output[-1]}/time_first/{place}"
                graph.node.append(
                    onnx.helper.make_node("Transpose", [node.input[place]], [moved], perm=[1, 0, 2])
                )
                node.input[place] = moved
        for place, order in zip(range(len(node.output)), ([2, 0, 1, 3], [1, 0, 2], [1, 0, 2]), strict=False):
            name = node.output[place]
            if name:
                node.output[place] = f"{name}/time_first"
                after.append(onnx.helper.make_node("Transpose", [node.output[place]], [name], perm=order))
        graph.node.append(node)
        graph.node.extend(after)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
