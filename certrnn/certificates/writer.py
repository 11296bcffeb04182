"""Writes the certificates of rows: what the checker needs to prove them again, and nothing that it can find itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from certrnn.certificates.checker import Checker, Refused
from certrnn.certificates.checker.check import SUFFIX, functions
from certrnn.certificates.checker.claim import read_data, read_model
from certrnn.certificates.checker.program import Program
from certrnn.certificates.evidence import Evidence, evidence_of
from certrnn.certificates.mapping import bent, layout_of_symbols, packed
from certrnn.certificates.matching import Match, matched, same_scores
from certrnn.certificates.statements import WHERE, claim_of, layout_of, require
from certrnn.certification.job import CertifyJob
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.robustness import frame_set_of
from certrnn.certification.rounding import as_written
from certrnn.errors import Unsupported, UsageError
from certrnn.examples import resolve
from certrnn.results.row import Row
from certrnn.threats import Threshold

TOGETHER = 16
"""Rows that are propagated together."""


@dataclass(frozen=True, eq=False)
class Writer:
    """Writes certificates of a job's rows into a folder; made by :meth:`of`."""

    job: CertifyJob
    folder: Path
    layout: str
    program: Program
    output: np.ndarray
    match: Match

    @staticmethod
    def of(job: CertifyJob, folder: str | Path, again: bool = False) -> Writer:
        """Prepare to write, and refuse what will not be possible.

        Args:
            again: the folder may hold certificates, of the same run.

        Raises:
            UsageError: the folder holds other files.
            Unsupported: the rows cannot have certificates.
        """
        require(job)
        place = _folder(Path(folder), again)
        (kind,) = job.sequences.kinds
        source = job.sequences.source
        assert source is not None
        layout = layout_of(job.fitted_network, kind.shape)
        try:
            data = read_data(resolve(source.files[0].name))
            checker = Checker(read_model(resolve(job.path)), data)
            kind_of = "threshold" if isinstance(job.query.specification, Threshold) else "label"
            program, output = checker.program(job.fitted_network.output, layout, kind_of)
        except Refused as refusal:
            raise Unsupported(WHERE, "the checker reads the model and the data", str(refusal)) from None
        _require_same_samples(job, data.x)
        graph = job.fitted_network.graph(kind.shape)
        match = matched(graph, program, [p for p, *_ in functions(program, output)], kind.shape)
        if match is None or not same_scores(graph, program, output, kind.shape):
            raise Unsupported(WHERE, "the checker reads the file as the certifier does", "another graph")
        return Writer(job, place, layout, program, output, match)

    def write(self, rows: Iterable[Row]) -> list[str]:
        """Write a certificate for each certified row; returns the names of those for which none was found."""
        certified = [row for row in rows if row.verdict == "certified"]
        if certified:
            self.folder.mkdir(parents=True, exist_ok=True)
        batch, problem = self.job.problem
        sets = {str(f.name): f for f in (frame_set_of(p, batch.kind) for p in self.job.parts(batch.kind))}
        missing: list[str] = []
        for name, frame_set in sets.items():
            own = [row for row in certified if str(row.frames) == name]
            for start in range(0, len(own), TOGETHER):
                missing += self._write(problem, batch.numbers, frame_set, own[start : start + TOGETHER])
        return missing

    def _write(
        self, problem: Problem, numbers: tuple[int, ...], frame_set: FrameSet, rows: list[Row]
    ) -> list[str]:
        samples = torch.tensor([numbers.index(row.sample) for row in rows])
        eps = torch.tensor([row.eps_certified for row in rows], dtype=torch.float64)
        region = problem.ball(samples, as_written(eps), frame_set)
        if self.job.query.method == "interval":
            proofs: list[Evidence | None] = [Evidence() for _ in rows]
        else:
            proofs = evidence_of(problem.graph, region, problem.spec(samples), self.job.query.method)
        missing = []
        for k, (row, evidence) in enumerate(zip(rows, proofs, strict=True)):
            if evidence is None:
                missing.append(name_of(row))
            else:
                arrays = {name: packed(self.match.gather(part)) for name, part in evidence.slopes.items()}
                if evidence.curves is not None and evidence.curved is not None:
                    place = layout_of_symbols(
                        self.program, self.output, arrays["slopes"], region.rows(k, k + 1)
                    )
                    arrays |= {
                        "curved": evidence.curved,
                        **bent(self.match, place, evidence.curves, problem.graph),
                    }
                save(self.folder / f"{name_of(row)}{SUFFIX}", claim_of(self.job, row, self.layout), arrays)
        return missing


def save(path: Path, claim: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """One certificate as a file: an npz archive with the claim as JSON text, and arrays of numbers."""
    text = np.frombuffer(json.dumps(claim, allow_nan=False).encode("utf-8"), dtype=np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, claim=text, **arrays)  # type: ignore[arg-type]


def name_of(row: Row) -> str:
    """The name of a row's certificate, a file's without its ending."""
    frames = "all" if row.frames == "all" else "-".join(str(t) for t in row.frames)
    return f"sample-{row.sample}-frames-{frames}-eps-{row.eps_certified!r}"


def _folder(folder: Path, again: bool) -> Path:
    others = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    if again:
        others = [name for name in others if not name.endswith(SUFFIX)]
    if others or (folder.exists() and not folder.is_dir()):
        raise UsageError(
            WHERE, "the folder is new or empty", f"{others[0]!r} in it" if others else repr(str(folder))
        )
    return folder


def _require_same_samples(job: CertifyJob, x: np.ndarray) -> None:
    for number, frames in zip(job.sequences.numbers, job.sequences.frames, strict=True):
        own = x[number].astype(job.precision).astype(np.float64) if number < len(x) else np.zeros(0)
        if not np.array_equal(own, frames):
            raise Unsupported(
                WHERE,
                "the data's array is (samples, frames, features), as the network takes them",
                f"sample {number}",
            )
