"""Running a model file in onnxruntime: its own outputs, or any tensor inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from certrnn.errors import Unsupported


class Session:
    """An onnxruntime session of a model, optionally with other outputs or with a tensor as input."""

    def __init__(
        self,
        proto: onnx.ModelProto,
        outputs: Sequence[str] = (),
        cut: tuple[str, int, Sequence[int | None]] | None = None,
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        model = edited(proto, outputs, cut)
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

        Raises
        ------
        Unsupported: onnxruntime fails; the message is its own.
        """
        try:
            return self._session.run(list(outputs), {k: v for k, v in feed.items() if k in self.inputs})
        except Exception as error:
            raise Unsupported(
                "running the model in onnxruntime", "the model runs", _first_line(error)
            ) from error


def edited(
    proto: onnx.ModelProto, outputs: Sequence[str], cut: tuple[str, int, Sequence[int | None]] | None
) -> onnx.ModelProto:
    """A copy with ``outputs`` as its outputs and, where ``cut`` is given, that tensor as an input.

    ``cut`` is (tensor name, element type, shape).
    """
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    graph = model.graph
    if outputs:
        declared = {o.name: o for o in [*proto.graph.output, *proto.graph.value_info, *proto.graph.input]}
        del graph.output[:]
        graph.output.extend(declared.get(name, onnx.ValueInfoProto(name=name)) for name in outputs)
    if cut is not None:
        name, kind, shape = cut
        kept = [n for n in graph.node if name not in n.output]
        del graph.node[:]
        graph.node.extend(kept)
        graph.input.append(onnx.helper.make_tensor_value_info(name, kind, list(shape)))
    return model


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
