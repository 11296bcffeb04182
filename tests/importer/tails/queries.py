"""Random VNN-LIB queries about a case, whose answers are held against the file."""

from __future__ import annotations

import itertools
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from certrnn import load
from certrnn.errors import CertrnnError
from certrnn.vnnlib.parse import parse
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.verify import verify
from tests.importer.tails.cases import Case
from tests.importer.tails.theirs import Theirs

if TYPE_CHECKING:
    from tests.importer.tails.checking import Outcome

EVERY = 3
"""One case in so many is asked."""
SECONDS = 1.0
POINTS = 40


def asked(made: Case, theirs: Theirs, folder: Path, outcome: Outcome) -> None:
    """A query about the answering output around the first sample."""
    if made.seed % EVERY or made.body.table is not None:
        return
    random = np.random.default_rng([8, made.seed])
    sample, output = made.x[0], theirs.output(made.x[0])
    if output.dtype.kind != "f":
        return
    tensor, radius = made.body.tensor(sample), float(random.choice([0.01, 0.05, 0.25]))
    low, high = (tensor + sign * radius for sign in (-1.0, 1.0))
    i, j, at_least, bound = _question(random, output.reshape(-1).astype(np.float64))
    text = _text(low, high, output.shape, i, j, at_least, bound)
    model = load(folder / "model.onnx", **made.options)
    try:
        deadline = time.perf_counter() + SECONDS
        answer = verify(model.network, parse(Source(Path("q.vnnlib"), text)), deadline)
    except CertrnnError:
        outcome.verdicts.append("refused")
        return
    outcome.verdicts.append(answer.verdict)

    def slack(values: np.ndarray) -> float:
        """How far the condition holds."""
        right = bound if j is None else values[j] + bound
        return float(values[i] - right if at_least else right - values[i])

    def run(point: np.ndarray) -> np.ndarray:
        return theirs.output(_sample(made, point)).reshape(-1).astype(np.float64)

    if answer.verdict == "unsat":
        for _ in range(POINTS):
            move = random.choice([-1.0, 1.0], size=low.shape) * random.choice([1.0, random.random()])
            values = run(tensor + 0.9999 * radius * move)
            size = abs(bound) + np.abs(values[[i] if j is None else [i, j]]).max()
            if slack(values) > 1e-4 * max(size, 1e-6):
                outcome.complaints.append(f"unsat, but {slack(values):g} at a point: {text[-120:]}")
                return
    if answer.verdict == "sat":
        found = answer.assignment
        assert found is not None
        point = found.inputs.reshape(low.shape).astype(np.float64)
        values = run(point)
        inside = bool(((point >= low) & (point <= high)).all())
        if not inside or slack(values) < 0.0 or not np.array_equal(values, found.outputs.reshape(-1)):
            outcome.complaints.append(f"sat does not replay: {slack(values):g}: {text[-120:]}")


def _question(random: np.random.Generator, values: np.ndarray) -> tuple[int, int | None, bool, float]:
    """Output i against output j, or a number, near its value."""
    i, at_least = int(random.integers(len(values))), bool(random.random() < 0.5)
    if len(values) > 1 and random.random() < 0.6:
        j = int((i + random.integers(1, len(values))) % len(values))
        bound = 0.0 if random.random() < 0.6 else float(random.normal() * 0.1)
        return i, j, at_least, bound
    bound = float(values[i] + random.normal() * 0.1 * max(min(abs(values[i]), 1e3), 0.1))
    return i, None, at_least, 0.5 if random.random() < 0.2 else bound


def _text(
    low: np.ndarray,
    high: np.ndarray,
    shape: tuple[int, ...],
    i: int,
    j: int | None,
    at_least: bool,
    bound: float,
) -> str:
    lines = ["(vnnlib-version <2.0>)", f"(declare-network f (declare-input X real [{_listed(low.shape)}])"]
    lines[-1] += f" (declare-output Y real [{_listed(shape)}]))"
    for place in itertools.product(*map(range, low.shape)):
        name = f"X[{_listed(place)}]"
        lines.append(f"(assert (>= {name} {_number(low[place])}))")
        lines.append(f"(assert (<= {name} {_number(high[place])}))")
    left, right = (f"Y[{_listed(np.unravel_index(k, shape))}]" if k is not None else None for k in (i, j))
    term = _number(bound) if right is None else f"(+ {right} {_number(bound)})" if bound else right
    return "\n".join([*lines, f"(assert ({'>=' if at_least else '<='} {left} {term}))"]) + "\n"


def _listed(numbers: tuple[int, ...] | np.ndarray) -> str:
    return ",".join(str(int(n)) for n in numbers)


def _number(value: float) -> str:
    text = format(Decimal(float(value)), "f")
    return text if "." in text else f"{text}.0"


def _sample(made: Case, tensor: np.ndarray) -> np.ndarray:
    """The sample (T, D) that an input tensor means."""
    frames, features = made.body.frames, made.body.features
    places = made.body.tensor(np.arange(frames * features).reshape(frames, features)).reshape(-1)
    flat = np.empty(frames * features)
    flat[places] = tensor.reshape(-1)
    return flat.reshape(frames, features)
