"""Answers to VNN-LIB queries: ``unsat`` is proved on every case, ``sat`` comes with an assignment that was replayed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from certrnn.errors import TimedOut
from certrnn.io.onnx import OnnxModel
from certrnn.runs.loop import answer_here
from certrnn.vnnlib.answer import TIMED_OUT, Answer
from certrnn.vnnlib.job import VerifyJob, VerifyQuery
from certrnn.vnnlib.parse import Query


def verify(network: OnnxModel, query: Query, deadline: float = math.inf) -> Answer:
    """Is there an input that satisfies the query?

    Args:
        deadline: of ``time.perf_counter``; looked at between steps.

    Raises:
        InvalidInput: the query does not fit the network.
        Unsupported: it asks, or the network does, what is not interpreted.
    """
    question = VerifyQuery(str(query.source.path), query.source.text)
    job = VerifyJob.of(str(network.path), network, question, deadline)
    rows: list[Any] = []
    try:
        for some in answer_here(job):
            rows += some
    except TimedOut:
        return replace(job.collect(rows).answer, verdict=TIMED_OUT)
    return job.collect(rows).answer
