"""What answers the tasks of a run, in this process or at the far end of a pipe."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from certrnn.certification import Query
from certrnn.datasets.sequences import Kind
from certrnn.encode import unpack
from certrnn.engine import engine_version
from certrnn.errors import InvalidInput
from certrnn.io.onnx import read
from certrnn.model import Model
from certrnn.runs.coordinator import rows_as_bytes
from certrnn.runs.executors.serving import Answer
from certrnn.runs.job import Job
from certrnn.runs.plan import Ask


class Answerer:
    """Answers tasks about one model, which is held against onnxruntime once for each kind of sample.

    Args:
        model, query: what the tasks are about.
        checked: kinds that need no check any more.
    """

    def __init__(self, model: Model, query: Query, checked: Iterable[Kind] = ()) -> None:
        self._model, self._query = model, query
        self._checked = set(checked)

    def __call__(self, task: bytes) -> bytes:
        ask = unpack(task)
        if not isinstance(ask, Ask):
            raise InvalidInput("reading a task", "it holds samples and a question", type(ask).__name__)
        query = ask.query(self._query)
        if not self._checked.issuperset(ask.sequences.kinds):
            self._model.check_kinds(ask.sequences, query)
            self._checked.update(ask.sequences.kinds)
        return rows_as_bytes([row for some in self._model.answers(ask.sequences, query) for row in some])


def opening(job: bytes) -> tuple[Answer, str]:
    """From the bytes of a job to what answers its tasks, and the version of the engine that does."""
    given = unpack(job)
    if not isinstance(given, Job):
        raise InvalidInput("reading a job", "it holds a model", type(given).__name__)
    with tempfile.TemporaryDirectory() as folder:
        model = Model(given.name, read(given.write(Path(folder)), given.choices))
    return Answerer(model, given.query), engine_version()
