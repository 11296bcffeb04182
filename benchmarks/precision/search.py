"""Searches of the precision benchmark: each gives the certified eps of a network's samples by one method."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.precision.auto_lirpa import AutoLirpa
from benchmarks.precision.figures import Book
from certrnn.analyses import proved
from certrnn.certification import FrameSet, Problem
from certrnn.certification.methods import METHODS
from certrnn.certification.portfolio import STEPS, Bound, Portfolio
from certrnn.domains import evaluate
from certrnn.io.onnx import read
from certrnn.search import Interpolation

Found = tuple[torch.Tensor, list[float]]
"""Certified eps (N,) and seconds of each sample."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network, its first samples and their images' names."""

    name: str
    path: Path
    problem: Problem
    images: list[str]

    @staticmethod
    def of(folder: Path, name: str, samples: int) -> Case:
        with np.load(folder / f"{name}.npz") as data:
            x, y = (torch.from_numpy(np.asarray(data[key])[:samples]) for key in ("x", "y"))
            images = [str(i) for i in data["t10k_index"][:samples]]
        path = folder / f"{name}.onnx"
        return Case(
            name, path, Problem.of(read(path).graph(tuple(x.shape[1:])), x.double(), y.long()), images
        )

    @property
    def rows(self) -> torch.Tensor:
        return torch.arange(len(self.images))

    def frames(self, threats: str) -> list[str]:
        """As peers.json names them."""
        names = {"all": "all", "first": "0", "last": str(self.problem.x.shape[1] - 1)}
        return [names[threat] for threat in threats.split(",")]

    def threat(self, frames: str) -> FrameSet:
        return self.problem.frame_sets(frames)[0]

    def clean(self) -> torch.Tensor:
        """Margins (N,) without a disturbance."""
        scores = evaluate(self.problem.graph, self.problem.x)
        return self.problem.spec(self.rows).margins(scores).amin(dim=1)

    def certified(self, method: str, frames: str, row: int, eps: float) -> bool:
        rows, radius = self.rows[row : row + 1], torch.tensor([eps], dtype=torch.float64)
        ball = self.problem.ball(rows, radius, self.threat(frames))
        return bool(
            proved(METHODS[method]().margins(self.problem.graph, ball, self.problem.spec(rows))) > 0.0
        )


def batched(
    case: Case,
    ask: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, float]],
    start: torch.Tensor,
    tolerance: float,
) -> Found:
    """All samples at once; ``ask(rows, eps)`` gives margins and seconds."""
    spent = [0.0] * len(case.images)

    def certify(rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        lower, seconds = ask(rows, eps)
        for row in rows.tolist():
            spent[row] += seconds / len(rows)
        return lower

    schedule = Interpolation(tolerance, start, case.clean())
    return schedule.largest(certify, len(case.images)), spent


def ours(case: Case, method: str, frames: str, start: torch.Tensor, tolerance: float) -> Found:
    analysis, problem, threat = METHODS[method]().remembering(), case.problem, case.threat(frames)

    def ask(rows: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, float]:
        clock = time.process_time()
        lower = analysis.margins(problem.graph, problem.ball(rows, eps, threat), problem.spec(rows))
        return proved(lower), time.process_time() - clock

    return batched(case, ask, start, tolerance)


def theirs(
    case: Case, side: AutoLirpa, method: str, frames: str, start: torch.Tensor, tolerance: float
) -> Found:
    def ask(rows: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, float]:
        return side.margins(method, rows.tolist(), eps.tolist(), case.threat(frames).frames)

    return batched(case, ask, start, tolerance)


def climbed(
    case: Case, method: str, frames: str, budget: float, attacked: list[float], tolerance: float
) -> Found:
    """Sample by sample up from the zonotope's eps, as ``certify --method auto`` does; ``joint`` is its one step."""
    start, shared = ours(case, "zonotope", frames, torch.tensor(2.0**-6), tolerance)
    steps = STEPS if method == "auto" else (method,)
    portfolio = Portfolio(case.problem, case.threat(frames), budget, steps)
    eps, spent = start.clone(), list(shared)
    for k, top in enumerate(attacked):
        clock = time.process_time()
        found = portfolio.search(case.rows[k : k + 1], Bound(float(start[k]), 0.0, "zonotope"), top)
        eps[k] = found.eps
        spent[k] += time.process_time() - clock
        note(
            f"{case.name} {frames} {method} {case.images[k]} {found.eps:.5f} by {found.method}, {spent[k]:.1f} s"
        )
    return eps, spent


def again(case: Case, book: Book, method: str, cheaper: list[str], frames: str, found: Found) -> Found:
    """Searches end within a tolerance: a method is asked once more at a cheaper one's eps that it fell short of."""
    eps, spent = found[0].clone(), list(found[1])
    for k, image in enumerate(case.images):
        rows = [book.row(who, case.name, frames) for who in cheaper]
        for other in sorted({row[image][0] for row in rows if image in row}, reverse=True):
            if other <= eps[k]:
                break
            clock = time.process_time()
            sure = case.certified(method, frames, k, other)
            spent[k] += time.process_time() - clock
            if sure:
                eps[k] = other
    return eps, spent


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
