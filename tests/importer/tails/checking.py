"""The properties: what certify and verify say of a case is what the file itself says, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from certrnn import load
from certrnn.datasets import Sequences
from certrnn.errors import CertrnnError
from certrnn.model import Model
from certrnn.results.row import Row
from tests.importer.tails.cases import Case
from tests.importer.tails.meaning import AMBIGUOUS
from tests.importer.tails.queries import asked
from tests.importer.tails.theirs import Theirs

TINY, WIDE = 1e-9, 0.05
POINTS = 20
"""Random points at which a certificate of ``WIDE`` is held against the file."""


@dataclass
class Outcome:
    """What became of a case.

    Args:
        runs: whether onnxruntime runs the file.
        refused: why certrnn does not read it, or None.
        complaints: what is wrong.
        certified: rows of ``WIDE`` that were certified, each held against the file.
        verdicts: what queries were answered.
    """

    made: Case
    runs: bool = True
    refused: CertrnnError | None = None
    complaints: list[str] = field(default_factory=list)
    certified: int = 0
    verdicts: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Of a refusal, without what is of this file alone."""
        error = self.refused
        return (
            ""
            if error is None
            else f"{error.operation.split(' ')[0]} {_kind(error)}: {error.requirement}"[:110]
        )

    @property
    def disagreement(self) -> bool:
        """Whether the product's own comparison with onnxruntime is what refused."""
        error = self.refused
        words = (
            "graph and onnxruntime agree",
            "answers as the graph's scores do",
            "compute the same constant",
        )
        return error is not None and any(word in error.requirement for word in words)


def _kind(error: CertrnnError) -> str:
    return error.operation.rsplit("(", 1)[-1].rstrip(")") if "(" in error.operation else ""


def check(made: Case, folder: Path, queries: bool = True) -> Outcome:
    """One case, from its files to its rows."""
    outcome, theirs = Outcome(made), Theirs(made)
    try:
        outputs = [theirs.output(sample) for sample in made.x[: made.stored.count]]
    except Exception:
        outcome.runs = False
        return outcome
    if not all(np.isfinite(output).all() for output in outputs):
        outcome.runs = False
        return outcome
    try:
        _answered(made, theirs, folder, outcome)
        if queries and not outcome.complaints and made.clarity != AMBIGUOUS:
            asked(made, theirs, folder, outcome)
    except CertrnnError as error:
        outcome.refused = error
    except Exception as error:  # a crash is a finding, whatever it is
        outcome.complaints.append(f"crashed: {type(error).__name__}: {error}")
    if made.clarity == AMBIGUOUS and outcome.refused is None:
        outcome.complaints.append("what nobody can know was read")
    return outcome


def written(made: Case, folder: Path) -> tuple[Model, Sequences]:
    """The case as its user has it: a file of the network, one of the data, and options."""
    model, data = folder / "model.onnx", folder / "data.npz"
    model.write_bytes(made.proto.SerializeToString())
    np.savez(data, x=made.stored.array)
    loaded = load(model, **made.options)
    return loaded, loaded.read(str(data))


def _answered(made: Case, theirs: Theirs, folder: Path, outcome: Outcome) -> None:
    model, data = written(made, folder)
    samples = made.x[: made.stored.count]
    if [part.shape for part in data.frames] != [sample.shape for sample in samples]:
        outcome.complaints.append(f"samples of shape {data.frames[0].shape} for {samples[0].shape}")
        return
    if made.clarity == AMBIGUOUS:
        model.certify(data, eps=TINY, method="interval", attack=False, frames=made.frames)
        return
    own = [theirs.answers(sample) for sample in samples]
    steps = model.network.steps(samples[0].shape)
    if steps != len(own[0]):
        outcome.complaints.append(f"{steps} steps were read for {len(own[0])}")
        return
    if steps > 1:
        data = replace(data, labels=tuple(tuple(int(one) for one in answers) for answers in own))
    rows = model.certify(data, eps=(TINY, WIDE), method="interval", attack=False, frames=made.frames).rows
    for row in rows:
        _check_row(made, theirs, outcome, row, own[row.sample])


def _check_row(made: Case, theirs: Theirs, outcome: Outcome, row: Row, own: np.ndarray) -> None:
    sample, steps = made.x[row.sample], len(own)
    answers = np.array([row.prediction]) if steps == 1 else own
    if steps > 1 and row.prediction != steps:
        if not _tied_step(theirs, sample, own):
            outcome.complaints.append(
                f"sample {row.sample}: {row.prediction} of {steps} answers are the file's"
            )
        return
    if not theirs.gives(sample, answers):
        outcome.complaints.append(f"sample {row.sample}: label {answers} where the file has {own}")
    if row.verdict == "certified" and row.eps == WIDE:
        outcome.certified += 1
        for point in around(made, sample, WIDE):
            if not theirs.gives(point, answers):
                outcome.complaints.append(
                    f"sample {row.sample}: certified {answers}, file {theirs.answers(point)}"
                )
                return


def _tied_step(theirs: Theirs, sample: np.ndarray, own: np.ndarray) -> bool:
    """Whether another answer at some step is as good, within rounding."""
    output, meaning = theirs.output(sample), theirs.made.meaning
    for step in range(len(own)):
        for other in range(int(own.max()) + 8):
            tried = np.array([other if k == step else one for k, one in enumerate(own)])
            if other != own[step] and theirs.gives(sample, tried):
                return True
    del output, meaning
    return False


def around(made: Case, sample: np.ndarray, eps: float) -> list[np.ndarray]:
    """Points of the region, corners among them."""
    random = np.random.default_rng([7, made.seed])
    mask = np.zeros_like(sample)
    mask[slice(None) if made.frames == "all" else int(made.frames)] = 0.9999 * eps
    corners = [random.choice([-1.0, 1.0], size=sample.shape) for _ in range(POINTS // 2)]
    inner = [random.uniform(-1.0, 1.0, size=sample.shape) for _ in range(POINTS // 2)]
    return [sample + mask * move for move in (*corners, *inner)]
