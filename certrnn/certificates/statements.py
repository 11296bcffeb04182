"""What certificates can say: the rest is refused by name, before any work."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from certrnn.certification.job import CertifyJob
from certrnn.certification.query import AUTO, Query
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.results.row import Row
from certrnn.threats import Accept, Labels, NormBall, Threshold

METHODS = ("interval", "zonotope", "popqorn", "crown", "alpha-crown", "joint-output")
"""Methods whose rows have certificates."""
STEPS = ("alpha-crown", "joint-output")
"""What follows the first method of ``auto`` where its rows shall have certificates."""
WHERE = "reading --certificates"


def provable(query: Query) -> Query:
    """The query by methods whose rows have certificates alone: ``auto`` leaves the others out."""
    return replace(query, steps=STEPS) if query.method == AUTO else query


def require(job: CertifyJob) -> None:
    """That the rows of a job can have certificates.

    Raises:
        Unsupported: they cannot; the message names what is in the way.
    """
    query, threat = job.query, job.query.threat
    if query.method not in (AUTO, *METHODS) or (query.method == AUTO and query.steps != STEPS):
        known = ", ".join((AUTO, *METHODS))
        raise Unsupported(WHERE, f"the method is one of {known}", query.method, "Add --method alpha-crown.")
    if not isinstance(threat, NormBall):
        raise Unsupported(WHERE, "the threat is a ball", threat.name)
    if not isinstance(query.specification, Labels | Accept | Threshold):
        raise Unsupported(
            WHERE, "the property is the label, --accept, --target or --threshold", query.specification.name
        )
    _require_data(job)
    for kind in job.sequences.kinds:
        _require_answer(job.fitted_network, kind.shape, isinstance(query.specification, Threshold))


def _require_data(job: CertifyJob) -> None:
    sequences, source = job.sequences, job.sequences.source
    if source is None or len(source.files) != 1 or source.files[0].option != "data" or sequences.words:
        raise Unsupported(WHERE, "samples come from an npz or npy file (--data)", "others")
    if len(sequences.kinds) > 1 or sequences.spans is not None:
        raise Unsupported(
            WHERE, "all samples have one length, without padding", "several lengths, or padding"
        )
    if job.network.input.tokens:
        raise Unsupported(WHERE, "the network reads numbers", "words that it looks up")


def _require_answer(network: OnnxModel, shape: tuple[int, int], numbers: bool) -> None:
    lowered = network.lowered(shape)
    answer = lowered.answer
    places = answer.places.reshape(-1)
    if lowered.steps > 1 or not np.array_equal(places, np.arange(len(places))):
        raise Unsupported(
            WHERE, "the network answers once a sample, by all numbers of its output", answer.said
        )
    usual = (answer.kind == "score" and answer.cut in (0.0, 0.5)) or answer.kind == "classes"
    if not numbers and not usual:
        raise Unsupported(WHERE, "classes are told by scores, a lone one at zero or one half", answer.said)


def layout_of(network: OnnxModel, shape: tuple[int, int]) -> str:
    """How samples lie in the model's input.

    Raises:
        Unsupported: in a way that the checker does not know.
    """
    layout = network.layout(shape)
    if layout.input.dims is not None and len(layout.input.dims) == 3:
        order = {(0, 1): "n,t,f", (1, 0): "t,n,f"}.get((layout.batch_axis, layout.time_axis))  # type: ignore[arg-type]
        if order is not None:
            return order
    raise Unsupported(
        WHERE, "the model's input is (batch, frames, features) or (frames, batch, features)", str(layout)
    )


def claim_of(job: CertifyJob, row: Row, layout: str) -> dict[str, Any]:
    """What the certificate of a row says; the checker finds everything else in the model and the data."""
    source = job.sequences.source
    assert source is not None
    assert row.eps_certified is not None
    clip, ball = job.query.clip, job.query.threat
    assert isinstance(ball, NormBall)
    return {
        "format": "certrnn certificate",
        "version": 1,
        "model": {"sha256": job.network.sha256, "external": dict(job.network.external)},
        "data": source.files[0].sha256,
        "output": job.fitted_network.output,
        "layout": layout,
        "sample": row.sample,
        "frames": row.frames,
        "threat": _threat(ball, row),
        "clip": None if clip is None else [repr(float(end)) for end in clip],
        "property": _property(job, row),
        "method": row.method,
    }


def _threat(ball: NormBall, row: Row) -> dict[str, Any]:
    """The ball of a row; radii are those of its sample's features, (D,) or (T, D)."""
    own = ball.of(row.sample).radii
    radii = None if own is None else own.tolist()
    return {"norm": ball.order, "eps": repr(row.eps_certified), "joint": ball.joint, "radii": radii}


def _property(job: CertifyJob, row: Row) -> dict[str, Any]:
    specification = job.query.specification
    if isinstance(specification, Threshold):
        ends = (repr(end) if math.isfinite(end) else None for end in (specification.low, specification.high))
        return {"kind": "threshold", **dict(zip(("low", "high"), ends, strict=True))}
    if isinstance(specification, Accept):
        classes = max(job.fitted_network.lowered(job.sequences.kinds[0].shape).answer.classes, 2)
        return {
            "kind": "accept",
            "classes": [c for c in range(classes) if (c in specification.labels) != specification.never],
        }
    return {"kind": "label", "label": row.label}
