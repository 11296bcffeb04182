"""Certificates of the bundled networks, written and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import certrnn
from certrnn.certificates.checker import Checker, Outcome
from certrnn.certificates.checker.claim import Certificate, read_certificate, read_data, read_model
from certrnn.certificates.statements import provable
from certrnn.certificates.writer import Writer
from certrnn.certification import Query
from certrnn.examples import resolve
from certrnn.results.row import Row

DATA = "example:digits"
METHODS = ("interval", "zonotope", "popqorn", "crown", "alpha-crown", "joint-output", "auto")


def certified(
    name: str, query: Query, folder: Path, samples: Sequence[int] = (0,), data: str = DATA
) -> list[Row]:
    """The certified rows of a question to a network, their certificates in the folder."""
    model = certrnn.load(name)
    job = model.job(model.read(data).take(list(samples)), provable(replace(query, attack=False)))
    writer = Writer.of(job, folder)  # type: ignore[arg-type]
    rows = [row for row in model.ask(job.sequences, job.query) if row.verdict == "certified"]
    assert writer.write(rows) == []
    return rows


def certificates(folder: Path) -> list[Certificate]:
    return [read_certificate(path) for path in sorted(folder.glob("*.npz"))]


def checker(name: str, data: str = DATA) -> Checker:
    return Checker(read_model(resolve(name)), read_data(resolve(data)))


def outcomes(name: str, folder: Path, data: str = DATA) -> list[Outcome]:
    return checker(name, data).check(certificates(folder))


def changed(one: Certificate, **told: Any) -> Certificate:
    """The certificate with another claim, which shares nothing with the first."""
    claim = json.loads(json.dumps(one.claim))
    return one._replace(claim={**claim, **told}, arrays={k: np.array(v) for k, v in one.arrays.items()})
