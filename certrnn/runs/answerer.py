"""What answers the tasks of a run, in this process or at the far end of a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from certrnn.datasets.sequences import SequenceShape
from certrnn.encode import pack, unpack
from certrnn.engine import engine_version
from certrnn.errors import InvalidInput
from certrnn.results.record import Record
from certrnn.runs.executors.serving import Answer
from certrnn.runs.job import Job, silent
from certrnn.runs.parcel import Ask, Parcel


class Answerer:
    """Answers the tasks of a job, whose network is held against onnxruntime once for each kind of sample.

    Args:
        job: what the tasks are about.
        checked: kinds that need no check any more.
    """

    def __init__(self, job: Job[Any, Any, Any], checked: Iterable[SequenceShape] = ()) -> None:
        self._job, self._checked = job, set(checked)

    def __call__(self, task: bytes) -> bytes:
        return rows_as_bytes(self.rows(_asked(task)))

    def rows(self, ask: Ask) -> list[Record]:
        """The row of every sample, in whatever order they are decided."""
        job = self._job.about(ask.sequences)
        for kind in ask.sequences.kinds:
            if kind not in self._checked:
                job.check_kind(kind)
                self._checked.add(kind)
        return [row for some in job.answers(ask.part, silent) for row in some]


def opening(parcel: bytes) -> tuple[Answer, str]:
    """From the bytes of a parcel to what answers its tasks, and the version of the engine that does."""
    content = unpack(parcel)
    if not isinstance(content, Parcel):
        raise InvalidInput("reading a job", "it holds a model", type(content).__name__)
    return Answerer(content.opened()), engine_version()


def rows_as_bytes(rows: Sequence[Record]) -> bytes:
    """The answer to a task as it travels."""
    return pack(tuple(rows))


def _asked(task: bytes) -> Ask:
    ask = unpack(task)
    if not isinstance(ask, Ask):
        raise InvalidInput("reading a task", "it holds samples and a question", type(ask).__name__)
    return ask
