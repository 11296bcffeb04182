"""The file itself in onnxruntime: the only judge."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from tests.importer.tails.cases import Case


def session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


class Theirs:
    """What the original file answers to samples (T, D)."""

    def __init__(self, made: Case) -> None:
        self.made = made

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        made = self.made.body
        return session(self.made.proto if made.table is None else _behind(self.made.proto, made.vectors))

    def output(self, sample: np.ndarray) -> np.ndarray:
        """The answering output for one sample."""
        made = self.made.body
        tensor = made.tensor(sample) if made.table is None else sample[None]
        (name,) = [i.name for i in self._session.get_inputs()]
        return self._session.run([self.made.output], {name: tensor.astype(np.float32)})[0]

    def answers(self, sample: np.ndarray) -> np.ndarray:
        return self.made.meaning.answers(self.output(sample))

    def gives(self, sample: np.ndarray, answers: np.ndarray) -> bool:
        """Whether these are the file's own answers, but where its numbers are tied within rounding."""
        output = self.output(sample)
        fine = self.made.meaning.answers(output) == answers
        fine |= self.made.meaning.tied(output, answers)
        random = np.random.default_rng(0)
        for _ in range(0 if fine.all() else 16):
            near = sample * (1.0 + 2.0**-20 * random.choice([-1.0, 0.0, 1.0], size=sample.shape))
            fine |= self.answers(near) == answers
        return bool(fine.all())


def _behind(proto: onnx.ModelProto, vectors: str) -> onnx.ModelProto:
    """The file from its word vectors on."""
    behind = onnx.ModelProto()
    behind.CopyFrom(proto)
    kept = [node for node in behind.graph.node if vectors not in node.output]
    del behind.graph.node[:]
    behind.graph.node.extend(kept)
    del behind.graph.input[:]
    behind.graph.input.append(helper.make_tensor_value_info(vectors, TensorProto.FLOAT, None))
    return behind
