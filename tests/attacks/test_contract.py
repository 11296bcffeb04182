"""The contract over every registered attack, and the mutants that it must catch."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from certrnn.attacks import ATTACKS, FGSM, PGD, Attack, Outcome
from certrnn.attacks.attack import worst_margin
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import LinfBall, Region
from certrnn.specs import Spec
from tests.attacks.cases import Case, cases, linear, recurrent, uniform
from tests.attacks.contract import complaints
from tests.rounding import Summed, evaluation_room

CASES = cases()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_attack_keeps_the_contract(attack: Attack, case: Case) -> None:
    assert complaints(attack, case) == []


@dataclass(frozen=True, eq=False)
class Unprojected(Attack):
    """Projection skipped."""

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        return region.center + 10.0 * uniform(0, *region.center.shape)

    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:  # pyright: ignore
        x = self.run(graph, region, spec)
        margin = worst_margin(graph, spec, x)
        return Outcome(x, margin <= 0, margin)


@dataclass(frozen=True, eq=False)
class RoundedOutside(PGD):
    """Projected in floating point, membership not checked exactly."""

    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:  # pyright: ignore
        x = region.project(self.run(graph, region, spec))
        margin = worst_margin(graph, spec, x)
        return Outcome(x, margin <= 0, margin)


@dataclass(frozen=True, eq=False)
class Believed(PGD):
    """Success taken from the attack's word."""

    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:  # pyright: ignore
        honest = super().__call__(graph, region, spec)
        return Outcome(honest.x, torch.ones_like(honest.success), honest.margin)


@dataclass(frozen=True, eq=False)
class NanBelieved(PGD):
    """What is not positive is taken for a violation, nan too; here margins are lost on the way."""

    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:  # pyright: ignore
        honest = super().__call__(graph, region, spec)
        lost = torch.full_like(honest.margin, torch.nan)
        return Outcome(honest.x, ~(lost > 0), lost)


@dataclass(frozen=True, eq=False)
class GlobalNoise(Attack):
    """Random numbers from the global generator."""

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        return region.center + torch.randn(region.center.shape, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class EveryFrame(PGD):
    """The frame mask is ignored."""

    def __call__(self, graph: Graph, region: LinfBall, spec: Spec) -> Outcome:  # pyright: ignore
        frames = tuple(range(region.center.shape[1]))
        return super().__call__(graph, LinfBall(region.center, region.eps, frames, region.clip), spec)


@dataclass(frozen=True, eq=False)
class Unclipped(PGD):
    """The valid range is ignored."""

    def __call__(self, graph: Graph, region: LinfBall, spec: Spec) -> Outcome:  # pyright: ignore
        return super().__call__(graph, LinfBall(region.center, region.eps, region.frames), spec)


@dataclass(frozen=True, eq=False)
class InPlace(PGD):
    """The caller's center is moved."""

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        x = super().run(graph, region, spec)
        region.center.add_(1e-3)
        return x


@dataclass(frozen=True, eq=False)
class Modest(PGD):
    """Successes kept quiet."""

    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:  # pyright: ignore
        honest = super().__call__(graph, region, spec)
        return Outcome(honest.x, torch.zeros_like(honest.success), honest.margin)


MUTANTS: tuple[Attack, ...] = (
    Unprojected(),
    RoundedOutside(),
    Believed(),
    NanBelieved(),
    GlobalNoise(),
    EveryFrame(),
    Unclipped(),
    InPlace(),
    Modest(),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda a: type(a).__name__)
def test_mutants_are_caught(mutant: Attack) -> None:
    fresh = cases()  # one of them damages its input
    assert any(complaints(mutant, case) for case in fresh)


def test_any_proposal_ends_inside() -> None:
    """nan, infinities and far points from ``run`` become honest outcomes."""

    @dataclass(frozen=True, eq=False)
    class Wild(Attack):
        def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
            x = 1e300 * uniform(1, *region.center.shape)
            x[0, 0, 0], x[1, 0, 1], x[2, 0, 2] = torch.nan, torch.inf, -torch.inf
            return x

    for case in CASES[:4]:
        assert complaints(Wild(), case) == []


def test_margins_that_are_not_numbers_are_no_violation() -> None:
    graph = linear(torch.full((2, 1, 2), torch.inf, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    ball = LinfBall(uniform(0, 1, 1, 2), torch.ones(1, dtype=torch.float64), (0,))
    rows = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64)
    for attack in ATTACKS:
        outcome = attack(graph, ball, Spec(rows, torch.zeros(1, 1, dtype=torch.float64)))
        assert outcome.margin.isnan().all()
        assert not outcome.success.any()


def test_descent_is_at_least_as_strong_as_one_step() -> None:
    """On every region of a hundred; and strictly stronger on some."""
    graph, x = recurrent(21, frames=4), uniform(5, 100, 4, 4)
    rows = torch.tensor([[[1.0, -1.0, 0.0]]], dtype=torch.float64).expand(100, -1, -1)
    spec = Spec(rows, torch.full((100, 1), 100.0, dtype=torch.float64))  # out of reach: pure minimisation
    region = LinfBall(x, torch.full((100,), 0.8, dtype=torch.float64), (0, 1, 2, 3))
    one, many = FGSM()(graph, region, spec).margin, PGD()(graph, region, spec).margin
    # the descent starts with that step, perhaps in a batch of another size
    assert bool((many <= one + evaluation_room(graph, region.center, spec).amax(dim=1)).all())
    assert float((one - many).mean()) > 0.01


def test_found_sequences_do_not_depend_on_the_batch() -> None:
    """In one order of summation: a gradient's sign may hang on a last digit."""
    case = CASES[1]
    with Summed():
        whole, chunked = (attack(case.graph, case.region, case.spec) for attack in (PGD(), PGD(copies=1)))
    assert torch.equal(whole.success, chunked.success)
    lost = evaluation_room(case.graph, whole.x, case.spec).amax(dim=1)
    assert bool(((whole.margin - chunked.margin).abs() <= lost).all())


def test_gradients_are_taken_where_the_caller_switched_them_off() -> None:
    case = CASES[3]
    with torch.no_grad(), Summed():
        off = PGD()(case.graph, case.region, case.spec)
    with Summed():
        assert torch.equal(off.x, PGD()(case.graph, case.region, case.spec).x)
    assert off.success.any()


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"restarts": -1}, {"last": 0.0}, {"momentum": 1.0}, {"first": float("nan")}]
)
def test_options_without_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="steps"):
        PGD(**options)  # pyright: ignore[reportArgumentType]
