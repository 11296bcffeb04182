"""The importer is checked, not believed: what is certified is what the file's own final output says.

Our graph in float64 and the whole file in onnxruntime, its end included, are compared on random inputs, on every sample
of the data and on what attacks found: number by number, each with a tolerance of its own, and decision by decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import torch

from certrnn.certification.forward_error import Accounted, accounted
from certrnn.domains.points import evaluate
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.io.onnx.constants_check import check_constants
from certrnn.io.onnx.lower import Lowered
from certrnn.io.onnx.words_check import check_words
from certrnn.ir import Gather, Graph

TOLERANCE = {onnx.TensorProto.FLOAT16: 3e-2, onnx.TensorProto.DOUBLE: 1e-8}
"""Allowed difference by the model's element type, as a share of what a number is a sum of; 1e-4 for float32."""
CHUNK = 256
"""Samples that are compared together."""

_REMEDY = (
    "Please report the model; until then export it differently (legacy or dynamo exporter, other opset)."
)


@dataclass(frozen=True)
class ImportCheck:
    """How well graph and onnxruntime agree: over ``samples`` random samples the largest difference of numbers, and the
    largest share of what is allowed that one used up (at most 1)."""

    samples: int
    difference: float
    share: float


def check_against_onnxruntime(
    model: OnnxModel, shape: tuple[int, ...], samples: int = 6, seed: int = 0
) -> ImportCheck:
    """Compare the graph of ``model`` for samples of shape (T, D), in float64, with onnxruntime on random inputs.

    Raises:
        Unsupported: they differ by more than a number's own tolerance, or decide differently; the message names the
            first node that differs. Or onnxruntime cannot run the model at all: then nothing is known, and the model is
            refused.
    """
    check_constants(model.file, model.lowered(shape).known)
    check_words(model, shape)
    x, words = _samples(model, shape, samples, seed)
    check = check_points(model, x)
    _check_rows(model, shape, x if words is None else words)
    if words is not None:
        _check_words(model, words, x)
    return check


def check_points(model: OnnxModel, x: np.ndarray) -> ImportCheck:
    """Compare graph and file on sequences ``x`` (N, T, D).

    Raises:
        Unsupported: as :func:`check_against_onnxruntime`.
    """
    parts = [_checked(model, x[start : start + CHUNK]) for start in range(0, len(x), CHUNK)]
    return ImportCheck(len(x), max(p.difference for p in parts), max(p.share for p in parts))


def _checked(model: OnnxModel, x: np.ndarray) -> ImportCheck:
    lowered = model.lowered(x.shape[1:])
    theirs = model.run_outputs(x)
    failure, check = _compared(model, lowered, x, theirs)
    if failure and len(x) > 1:  # in a batch samples may disturb each other: one by one is what is certified
        theirs = model.run_outputs(x, together=False)
        failure, check = _compared(model, lowered, x, theirs)
    if failure:
        raise Unsupported("checking the model", *failure, _REMEDY)
    return check


def _compared(
    model: OnnxModel, lowered: Lowered, x: np.ndarray, theirs: np.ndarray
) -> tuple[tuple[str, str] | None, ImportCheck]:
    """A requirement that does not hold with what was received, or None; and how well the rest agrees."""
    limit = TOLERANCE.get(model.input.type, 1e-4)  # type: ignore[call-overload]
    points = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float64))
    check = ImportCheck(len(x), 0.0, 0.0)
    if lowered.numbers is not None:
        ours = ended(lowered, points, limit)
        check, failure = _numbers_differ(model, lowered, x, ours, theirs.astype(np.float64))
        if failure:
            return failure, check
    if lowered.answer.kind != "numbers":
        scores = accounted(lowered.graph, points, limit)
        failure = _decisions_differ(lowered, scores, lowered.answer.scores(theirs), theirs.dtype)
        if failure:
            return failure, check
    return None, check


def ended(lowered: Lowered, x: torch.Tensor, limit: float) -> Accounted:
    """The output's numbers (N, n) for sequences ``x`` (N, T, D), with what is allowed of each: a softmax's from all of
    its arguments, scaled and picked."""
    assert lowered.numbers is not None
    table = lowered.table
    if table is None:
        return accounted(lowered.numbers, x, limit)
    arguments = accounted(table.arguments, x, limit)
    values, allowed = arguments.values.copy(), arguments.allowed.copy()
    for group in np.unique(table.groups):
        place = table.groups == group
        values[:, place], allowed[:, place] = _normalised(
            values[:, place], allowed[:, place], lowered.function == "LogSoftmax", limit
        )
    factor, offset = lowered.scale
    values, allowed = factor * values + offset, factor * allowed + limit * abs(offset)
    return Accounted(values[:, table.entries], allowed[:, table.entries])


def _normalised(
    arguments: np.ndarray, each: np.ndarray, logs: bool, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """A softmax's values (N, K), or their logarithms, and how far off they may be if arguments are by ``each``."""
    top = arguments.max(axis=1, keepdims=True)
    logarithms = arguments - top - np.log(np.exp(arguments - top).sum(axis=1, keepdims=True))
    shares = np.exp(logarithms)
    moved = each + (shares * each).sum(axis=1, keepdims=True)
    if logs:
        return logarithms, moved + limit * np.abs(logarithms)
    return shares, shares * (np.expm1(np.minimum(moved, 700.0)) + limit) + 1e-30


def _numbers_differ(
    model: OnnxModel, lowered: Lowered, x: np.ndarray, ours: Accounted, theirs: np.ndarray
) -> tuple[ImportCheck, tuple[str, str] | None]:
    if theirs.shape != ours.values.shape:
        sizes = ours.values.shape[1], theirs.shape[1]
        failure = f"it computes {sizes[0]} numbers a sample, as the graph does", f"{sizes[1]}"
        return ImportCheck(len(x), np.inf, np.inf), failure
    with np.errstate(invalid="ignore"):
        difference = np.abs(ours.values - theirs)
        wrong = ~(difference <= ours.allowed)
    shares = np.where(difference > 0.0, difference / np.maximum(ours.allowed, 1e-300), 0.0)
    check = ImportCheck(len(x), float(difference.max()), float(shares.max()))
    if not wrong.any():
        return check, None
    sample, number = (int(i) for i in np.argwhere(wrong)[0])
    return check, (
        f"graph and onnxruntime agree on number {number} of output {lowered.answer.output!r} within "
        f"{ours.allowed[sample, number]:.3g}",
        f"a difference of {difference[sample, number]:.3g} at {_first_difference(model, x[sample])}",
    )


def _decisions_differ(
    lowered: Lowered, scores: Accounted, theirs: np.ndarray, kind: np.dtype
) -> tuple[str, str] | None:
    """Whether some answer by our scores is another than that by the file's, and neither side's rounding explains it."""
    steps = lowered.answer.steps
    ours, allowed, file = (
        part.reshape(len(part), steps, -1) for part in (scores.values, scores.allowed, theirs)
    )
    rounding = 8.0 * float(np.finfo(kind).eps if kind.kind == "f" else 0.0)
    if ours.shape[2] == 1:  # class 1 where positive: as two scores, the second 0
        ours, allowed, file = (np.concatenate([part, 0.0 * part], axis=2) for part in (ours, allowed, file))
    mine, named = ours.argmax(axis=2), file.argmax(axis=2)

    def of(part: np.ndarray, which: np.ndarray) -> np.ndarray:
        return np.take_along_axis(part, which[..., None], axis=2)[..., 0]

    lead = of(ours, mine) - of(ours, named) > of(allowed, mine) + of(allowed, named)
    size = np.maximum(np.abs(file).max(axis=2), abs(lowered.answer.cut))
    wrong = (mine != named) & lead & (of(file, named) - of(file, mine) > rounding * size)
    if not wrong.any():
        return None
    sample, step = (int(i) for i in np.argwhere(wrong)[0])
    at = f" at step {step}" if steps > 1 else ""
    return (
        f"output {lowered.answer.output!r} of the file answers as the graph's scores do",
        f"class {named[sample, step]} of the file, class {mine[sample, step]} of the graph{at}",
    )


def _samples(
    model: OnnxModel, shape: tuple[int, ...], samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Random inputs that float32 holds exactly, of growing size; random words where the model takes words."""
    random = np.random.default_rng(seed)
    if model.embedding is not None:
        words = model.words_like(random.random((samples, shape[0])))
        return model.embed(words), words
    spread = 2.0 ** np.linspace(-2, 1, samples).round()
    x = random.standard_normal((samples, *shape)) * spread[:, None, None]
    kind = np.float16 if model.input.type == onnx.TensorProto.FLOAT16 else np.float32
    return x.astype(kind).astype(np.float64), None


SIZES = (10.0, 100.0, 1e4, -1.0, -100.0)
"""Every other one of the samples that a file takes at once is multiplied by: what couples them may need large ones."""


def _check_rows(model: OnnxModel, shape: tuple[int, ...], samples: np.ndarray) -> None:
    """A file that takes several samples at once answers each of different ones as it answers it alone.

    Raises:
        Unsupported: they depend on each other.
    """
    copies = model.layout(shape).copies
    if copies == 1:
        return
    rows = samples[np.arange(copies) % len(samples)]
    turns = (np.arange(copies) % 2 == parity for parity in (0, 1))
    sizes = (np.where(turn, size, 1.0) for turn in turns for size in SIZES) if samples.ndim == 3 else ()
    for trial in (rows, *(rows * size[:, None, None] for size in sizes)):
        alone, beside = (outputs.astype(np.float64) for outputs in model.run_rows(trial))
        limit = TOLERANCE.get(model.input.type, 1e-4) * np.maximum(1.0, np.abs(alone))  # type: ignore[call-overload]
        if not bool((np.abs(alone - beside) <= limit).all()):
            raise Unsupported(
                "checking the model",
                f"each of the {copies} samples that it takes at once is answered as if it were alone",
                f"a difference of {float(np.abs(alone - beside).max()):.3g}",
                "Export with a batch of 1 or a batch axis of any length.",
            )


def _check_words(model: OnnxModel, words: np.ndarray, x: np.ndarray) -> None:
    """The uncut file, fed with words, gives the scores of the cut one, fed with their vectors."""
    whole = model.run_onnxruntime_on_words(words).astype(np.float64)
    cut = model.run_onnxruntime(x).astype(np.float64)
    limit = TOLERANCE.get(model.input.type, 1e-5) * np.maximum(1.0, np.abs(cut))  # type: ignore[call-overload]
    if not bool((np.abs(whole - cut) <= limit).all()):
        raise Unsupported(
            "checking the model",
            "words and their vectors give the same scores",
            f"a difference of {float(np.abs(whole - cut).max()):.3g}",
            _REMEDY,
        )


def _first_difference(model: OnnxModel, sample: np.ndarray) -> str:
    """The first ONNX node one of whose outputs differs, for one sample (T, D)."""
    lowered = model.lowered(sample.shape)
    limit = TOLERANCE.get(model.input.type, 1e-4)  # type: ignore[call-overload]
    total = int(lowered.starts[-1])
    every = Gather(np.arange(total), tuple(range(len(lowered.whole.nodes))))
    whole = Graph((*lowered.whole.nodes, every), len(lowered.whole.nodes))
    values = evaluate(whole, torch.from_numpy(np.asarray(sample, dtype=np.float64)[None])).numpy()[0]
    for node in model.file.proto.graph.node:
        for name in node.output:
            if name not in lowered.tensors:
                continue
            try:
                theirs = model.inner(sample, (name,))[0].astype(np.float64)
            except Unsupported:
                continue  # onnxruntime cannot hand this one out
            ours = values[lowered.tensors[name]]
            same = ours.shape == theirs.shape
            if not same or not bool((np.abs(ours - theirs) <= limit * np.maximum(1.0, np.abs(theirs))).all()):
                return f"node {node.name or name!r} ({node.op_type})"
    return "the output"
