"""Problems, threats, and searches over a whole data set."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from certrnn.analyses import Analysis, Forward, certified
from certrnn.certification import FrameSet, Problem, margins, parse_frames, radii
from certrnn.certification.methods import METHODS
from certrnn.domains import Zonotopes
from certrnn.errors import UsageError
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall, Region
from certrnn.results.row import spelled
from certrnn.search import PaperGrid, RelativeTolerance
from certrnn.specs import Spec
from certrnn.threats import predict
from tests.laws.members import DIRECT
from transformers_abs import TANH


def double(values: list) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def network(scores: int) -> Graph:
    """Scores are the first features of tanh of the two frames' sum."""
    builder = GraphBuilder()
    both = builder.sum([builder.input(0, 2), builder.input(1, 2)])
    weight = double([[1.0, 0.0], [0.0, 1.0]])[:scores]
    squashed = builder.elementwise(TANH, both)
    return builder.build(builder.affine(weight, torch.zeros(scores, dtype=torch.float64), squashed))


@dataclass(frozen=True)
class Watched(Analysis):
    """Another analysis, and every (sequence, eps) that it certified."""

    analysis: Analysis
    proven: list[tuple[tuple[float, ...], float]] = field(default_factory=list)
    name: str = "watched"

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        assert isinstance(region, LinfBall)
        found = self.analysis.margins(graph, region, spec)
        for x, eps, ok in zip(region.center, region.eps.tolist(), certified(found).tolist(), strict=True):
            if ok:
                self.proven.append((tuple(x.flatten().tolist()), eps))
        return found


@pytest.mark.parametrize("schedule", [PaperGrid(), RelativeTolerance(0.05)], ids=["paper", "relative"])
@pytest.mark.parametrize("method", DIRECT)
def test_reported_radii_were_certified_for_their_own_sample(
    method: str, schedule: PaperGrid | RelativeTolerance
) -> None:
    x = double([[[0.5, 0.1], [0.2, 0.0]], [[0.0, 0.3], [0.1, 0.1]], [[0.2, 0.2], [0.9, 0.1]]])
    problem = Problem.of(network(2), x)
    watched = Watched(METHODS[method]())
    for threat in parse_frames("each", 2) + parse_frames("all", 2):
        found = radii(problem, watched, threat, schedule)
        assert bool((found > 0).all())
        for sequence, eps in zip(x, found.tolist(), strict=True):
            assert (tuple(sequence.flatten().tolist()), eps) in watched.proven
        # the difference of the two sums moves by 2 eps a disturbed frame
        exact = (x.sum(1)[:, 0] - x.sum(1)[:, 1]).abs() / 2 / len(threat.frames)
        assert bool((found <= exact).all())


def test_misclassified_samples_certify_nothing() -> None:
    x = double([[[0.5, 0.1], [0.2, 0.0]], [[0.0, 0.3], [0.1, 0.1]]])
    problem, threat = Problem.of(network(2), x, labels=torch.tensor([0, 0])), FrameSet((0,))
    assert problem.right.tolist() == [True, False]
    found = radii(problem, Forward(Zonotopes()), threat, PaperGrid())
    assert found[0] > 0
    assert found[1] == 0
    table = margins(problem, Forward(Zonotopes()), threat, [1e-6, 0.01, 5.0])
    assert table.shape == (2, 3)
    assert table[1].tolist() == [-torch.inf] * 3
    assert bool((table[0, :2] > 0).all())
    assert not table[0, 2] > 0
    none = Problem.of(network(2), x, labels=torch.tensor([1, 0]))
    assert radii(none, Forward(Zonotopes()), threat, PaperGrid()).tolist() == [0.0, 0.0]
    assert margins(none, Forward(Zonotopes()), threat, [0.1]).tolist() == [[-torch.inf]] * 2


def test_ticks_add_up_to_the_questions_asked() -> None:
    x = double([[[0.5, 0.1], [0.2, 0.0]], [[0.0, 0.3], [0.1, 0.1]]])
    ticks: list[int] = []
    radii(Problem.of(network(2), x), Forward(Zonotopes()), FrameSet((0,)), PaperGrid(), ticks.append)
    assert ticks[0] == 2
    assert set(ticks) <= {1, 2}
    assert sum(ticks) < 2 * 12


@pytest.mark.parametrize("method", DIRECT)
def test_one_score_is_a_sign(method: str) -> None:
    x = double([[[0.3, 0.0], [0.2, 0.0]], [[-0.3, 0.0], [-0.1, 0.0]]])
    problem = Problem.of(network(1), x)
    assert problem.labels.tolist() == [1, 0]
    found = radii(problem, METHODS[method](), FrameSet((0, 1), whole=True), RelativeTolerance(0.001))
    assert torch.allclose(found, double([0.25, 0.2]), rtol=0.002)
    assert bool((found <= double([0.25, 0.2])).all())


def test_predictions() -> None:
    assert predict(double([[0.0, 2.0, 1.0]])).tolist() == [1]
    assert predict(double([[0.0], [1e-300], [-1.0]])).tolist() == [0, 1, 0]


@given(frames=st.sets(st.integers(0, 30), min_size=1), beyond=st.integers(0, 3))
def test_a_set_of_frames_comes_back_from_its_text(frames: set[int], beyond: int) -> None:
    (read,) = parse_frames(spelled(sorted(frames)), max(frames) + 1 + beyond)
    assert read.frames == tuple(sorted(frames))
    assert read.whole == (len(frames) == max(frames) + 1 + beyond and len(frames) > 1)


def test_threats_are_read() -> None:
    assert parse_frames("all", 3) == [FrameSet((0, 1, 2), whole=True)]
    assert parse_frames("each", 2) == [FrameSet((0,)), FrameSet((1,))]
    assert parse_frames("2, 0-1", 4) == [FrameSet((0, 1, 2))]
    assert parse_frames("0-1", 2)[0].name == "all"
    assert parse_frames("1,1", 2) == [FrameSet((1,))]


@pytest.mark.parametrize(
    "text",
    ["", "-1", "2", "0-2", "1-0", "a", "0,", "0;1", "0-", "-", "1.0", "0--1", "ALL", "²", "0 1", "1e0"],
)
def test_threats_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="reading --frames"):
        parse_frames(text, 2)
