"""Backward rows: whatever slopes, curvatures, weights and dual points are chosen, the bound lies below the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import flint
import numpy as np
import pytest
import torch

import certrnn.analyses.planes as planes
import certrnn.analyses.quadratic_form as quadratic_form
import certrnn.analyses.rows as rows_module
from certrnn.analyses import Backward, Refinement
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.planes import Parameters
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Joint, Rows, enclosed_rows
from certrnn.domains import Zonotopes
from certrnn.errors import Unsupported
from certrnn.ir import GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import label_spec
from tests.laws.laws import Violation, margins
from tests.laws.networks import FAMILIES
from tests.laws.oracle import rows_at
from tests.laws.test_containment import THREATS, case
from transformers_abs import MUL_SIGMOID, TANH

BRIEF = Ascent(steps=3)
ANALYSES = {
    "plain": Backward("plain"),
    "slopes": Backward("slopes", replace(BRIEF, curved=False)),
    "joint": Backward("joint", replace(BRIEF, shared=False, rate=0.3)),
    "refined": Backward("refined", BRIEF, Refinement(BRIEF)),
    "refined cuts": Backward("cuts", BRIEF, Refinement(BRIEF, cuts=True, chunk=7)),
}


REFINED = ("rnn", "mixed", "overflowing")
CASES = [(n, f) for n in ANALYSES for f in FAMILIES if not n.startswith("refined") or f in REFINED]


@pytest.mark.parametrize(("name", "family"), CASES)
def test_margins_lie_below_exact_margins(name: str, family: str) -> None:
    for threat in list(THREATS)[:1] if name.startswith("refined") else THREATS:
        oracle, ball = case(family, 0, threat)
        spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
        assert margins(ANALYSES[name], oracle, ball, spec) == []


def chosen_by_chance(rng: np.random.Generator, recording: Recording, rows: Rows) -> tuple[Parameters, Joint]:
    """Parameters far from good ones, of many sizes."""

    def numbers(like: torch.Tensor, low: float = -3.0) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, 3.0, like.shape) * 10.0 ** rng.uniform(-6, 1, like.shape))

    start = BRIEF.start(recording, rows)
    slopes = {p: s + 0.3 * numbers(s) for p, s in start.slopes.items()}
    curvature = {}
    for p, c in start.curvature.items():
        draw = numbers(c, 0.0)
        if len(c) == 3:
            draw[1] = (draw[0] * draw[2]).sqrt() * torch.from_numpy(rng.uniform(-1, 1, draw[1].shape))
        curvature[p] = draw
    batch, count = rows.offset.shape
    shape = torch.zeros(batch, count, recording.symbols)
    weights = numbers(shape[:, : int(rng.choice([1, count]))], 0.0) + 1e-9
    return Parameters(slopes, curvature), Joint(weights, numbers(shape, 0.0), numbers(shape).clamp(-1.5, 1.5))


def violations(family: str, seed: int, threat: str) -> list[Violation]:
    """Rows over the scores, bounded with parameters by chance, that lie above an exact value."""
    oracle, ball = case(family, seed, threat)
    rng = np.random.default_rng(seed)
    spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
    each = len(oracle.points) // ball.batch
    found = []
    with torch.no_grad():
        recording, _ = record(oracle.graph, ball, Zonotopes())
        rows = Rows({oracle.graph.output: spec.rows}, spec.offset)
        for _ in range(4):
            bound = enclosed_rows(recording, rows, *chosen_by_chance(rng, recording, rows))
            for b in range(ball.batch):
                truth = rows_at(oracle.scores, range(b * each, (b + 1) * each), spec.rows[b], spec.offset[b])
                for k, low in enumerate(bound[b].tolist()):
                    lowest = min((truth[k, j] for j in range(each)), key=float)
                    if low != low or low > lowest:
                        found.append(Violation("rows", oracle.graph.output, b, low, lowest.str(25)))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_any_parameters_are_sound(family: str) -> None:
    for threat in THREATS:
        for seed in range(3):
            assert violations(family, seed, threat) == []


@contextmanager
def planted(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        MUTANTS[name](patch)
        yield


def _deficit_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        rows_module,
        "dominating_diagonal",
        lambda d, f, w: torch.zeros(*next(iter(f.values())).shape[1:3], w.shape[2]),
    )


def _deficit_flipped(patch: pytest.MonkeyPatch) -> None:
    true = planes._enclosed_offsets
    patch.setattr(planes, "_enclosed_offsets", lambda n, v, s, c: true(n, v, s, 2.0 * c))


def _offset_side_swapped(patch: pytest.MonkeyPatch) -> None:
    true = planes._enclosed_offsets
    patch.setattr(planes, "_enclosed_offsets", lambda n, v, s, c: -true(n, -v, s, -c))


MUTANTS = {
    "eigenvalue forgotten": _deficit_forgotten,
    "deficit counted twice": _deficit_flipped,
    "upper plane for lower": _offset_side_swapped,
}


def one_neuron() -> list[float]:
    """Bounds on tanh over [-2, 2] from flat planes with curvatures from small to large: none may exceed -tanh 2."""
    builder = GraphBuilder()
    graph = builder.build(builder.elementwise(TANH, builder.input(0, 1)))
    ball = LinfBall(torch.zeros(1, 1, 1, dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64), (0,))
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    bounds = []
    with torch.no_grad():
        recording, _ = record(graph, ball, Zonotopes())
        rows = Rows({graph.output: one}, one[0] * 0)
        for curvature in (0.01, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 30.0):
            parameters = Parameters({graph.output: one[None] * 0}, {graph.output: one[None] * curvature})
            weights = torch.ones(1, 1, recording.symbols, dtype=torch.float64)
            weights[..., 1:] = 1e-6  # only the first symbol, the input, carries the deviation
            joint = Joint(weights, 0.0 * weights, 0.0 * weights)
            bounds.append(float(enclosed_rows(recording, rows, parameters, joint)))
    return bounds


def test_a_curved_plane_of_one_neuron_lies_below_it() -> None:
    truth = -flint.arb(2).tanh()
    assert all(flint.arb(bound) < truth for bound in one_neuron())
    assert max(one_neuron()) > float(truth) - 0.02


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_errors_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with planted(monkeypatch, name):
        assert max(one_neuron()) > -math.tanh(2.0) + 1e-3


def test_an_eigenvalue_too_small_by_a_hundredth_is_no_bound() -> None:
    """``lambda D - Q`` with a hundredth less has a negative eigenvalue, so that what is proven is nearly exact."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = torch.from_numpy(rng.normal(size=(1, 12, 30)))
        deviations = quadratic_form.Deviations(matrix, {5: (0, 1, 4), 2: (4, 2, 4)})
        factor = rng.normal(size=(2, 2, 1, 1, 4))
        pair = np.einsum("abrtn,cbrtn->acrtn", factor, factor)
        form = {
            5: torch.from_numpy(rng.uniform(0, 1, (1, 1, 1, 4))),
            2: torch.from_numpy(np.stack([pair[0, 0], pair[0, 1], pair[1, 1]])),
        }
        weights = torch.from_numpy(rng.uniform(0.1, 2.0, (1, 1, 30)))
        factor = quadratic_form.Factor.of(form, deviations.spans)
        proven = quadratic_form.largest_eigenvalue(deviations, factor, weights)[0, 0]
        eye = torch.eye(30, dtype=torch.float64)[None]
        form_matrix = deviations.apply(eye, {p: s.expand(-1, -1, 30, -1) for p, s in form.items()})[0]
        slack = torch.linalg.eigvalsh(proven * torch.diag(weights[0, 0]) - form_matrix)
        tight = torch.linalg.eigvalsh(0.99 * proven * torch.diag(weights[0, 0]) - form_matrix)
        assert slack[0] >= 0
        assert tight[0] < 0
        for share in (0.0, 0.002, 0.3, 1.0):
            diagonal = quadratic_form.dominating_diagonal(deviations, form, weights, share)[0, 0]
            assert torch.linalg.eigvalsh(torch.diag(diagonal) - form_matrix)[0] >= 0
            assert share > 0.1 or torch.linalg.eigvalsh(torch.diag(0.9 * diagonal) - form_matrix)[0] < 0


def test_a_network_beyond_the_memory_is_refused_in_one_line() -> None:
    oracle, ball = case("rnn", 0, "all frames")
    spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
    with pytest.raises(Unsupported, match=r"analysing with joint: one sample fits into .* zonotope"):
        Backward("joint", BRIEF, memory=1).margins(oracle.graph, ball, spec)


def test_an_argument_that_is_all_slack_does_not_cost_the_other_its_deficit() -> None:
    """``c sigma(y)`` with c constant: a deficit ``K e_y^2`` lifts the offset and costs K, no more."""
    builder = GraphBuilder()
    one, nothing = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    still = builder.elementwise(TANH, builder.affine(one, nothing, builder.input(0, 1)))
    graph = builder.build(
        builder.elementwise(MUL_SIGMOID, still, builder.affine(one, nothing, builder.input(1, 1)))
    )
    center = torch.tensor([[[0.7], [0.3]]], dtype=torch.float64)
    ball = LinfBall(center, torch.tensor([2.0], dtype=torch.float64), (1,))
    curvature, row = 0.05, torch.ones(1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        recording, _ = record(graph, ball, Zonotopes())
        rows = Rows({graph.output: row}, row[0] * 0)
        start = BRIEF.start(recording, rows)
        start.slopes[graph.output] = start.slopes[graph.output] * 0
        start.curvature[graph.output][2] = curvature
        weights = torch.full((1, 1, recording.symbols), 1e-6, dtype=torch.float64)
        weights[..., 0] = 1.0  # the symbol of the frame that moves
        joint = Joint(weights, 0 * weights, 0 * weights)
        bound = float(enclosed_rows(recording, rows, start, joint))
    lifted = min(
        math.tanh(0.7) / (1 + math.exp(-0.3 - 2 * e)) + curvature * e * e for e in np.linspace(-1, 1, 2001)
    )
    assert bound <= lifted - curvature
    assert bound > lifted - 1.1 * curvature
