"""Laws of every registered loss: plain at eps 0, gradients of finite differences, no gradient left in the inputs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from certrnn.errors import Unsupported, UsageError
from certrnn.training.bounds import DOMAINS
from certrnn.training.layers import LastStep
from certrnn.training.losses import (
    LOSSES,
    Contraction,
    Distillation,
    FGSMTraining,
    Loss,
    Plain,
    SmallBoxes,
    Verified,
)
from certrnn.training.losses.contraction import matrix_measure
from certrnn.training.losses.loss import cross_entropies, margin_entropies
from certrnn.training.perturbations import Ball, WordSets
from certrnn.training.schedules import Ramp
from tests.training.networks import NETWORKS, inputs, recurrent

PENALTIES = {"contract", "distill"}
"""Losses that add, or are, something else than a cross-entropy with the labels."""


def number(tensor: torch.Tensor) -> float:
    return float(tensor.detach())


def value(loss: Loss, network: nn.Module, eps: float | Ball | WordSets, batch: int = 4) -> torch.Tensor:
    torch.manual_seed(0)
    return loss(network, *inputs(batch), eps)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - PENALTIES))
def test_without_eps_it_is_the_plain_loss(name: str) -> None:
    network = NETWORKS["rnn"]()
    assert number(value(LOSSES[name](), network, 0.0)) == pytest.approx(
        number(value(Plain(), network, 0.0)), abs=1e-12
    )


def test_penalties_are_the_plain_loss_where_they_ask_nothing() -> None:
    network = NETWORKS["rnn"]()
    plain = number(value(Plain(), network, 0.0))
    assert number(value(Contraction(weight=0.0), network, 0.1)) == pytest.approx(plain)
    assert number(value(Distillation(temperature=1.0), network, 0.1)) == pytest.approx(plain)


@pytest.mark.parametrize("network", ["rnn", "one score"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name: str, network: str) -> None:
    """Along one direction of the weights; what an attack finds is held, for losses do not follow it."""
    module, loss = NETWORKS[network](), LOSSES[name]()
    value(loss, module, 0.05).backward()
    slopes, step = 0.0, 1e-6
    moved = [copy.deepcopy(module) for _ in range(2)]
    for sign, other in zip((-1.0, 1.0), moved, strict=True):
        for weight in other.parameters():
            weight.data += (
                sign
                * step
                * torch.cos(torch.arange(weight.numel(), dtype=weight.dtype)).reshape(weight.shape)
            )
    for weight in module.parameters():
        assert weight.grad is not None
        along = torch.cos(torch.arange(weight.numel(), dtype=weight.dtype)).reshape(weight.shape)
        slopes += float((weight.grad * along).sum())
    below, above = (number(value(loss, other, 0.05)) for other in moved)
    assert (above - below) / (2 * step) == pytest.approx(slopes, abs=1e-4, rel=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_the_same_seed_gives_the_same_number(name: str) -> None:
    network = NETWORKS["rnn"]()
    assert number(value(LOSSES[name](), network, 0.1)) == number(value(LOSSES[name](), network, 0.1))


@pytest.mark.parametrize("domain", DOMAINS)
def test_verified_losses_exceed_every_attack(domain: str) -> None:
    network, (x, y) = NETWORKS["lstm"](), inputs()
    worst = Verified(DOMAINS[domain], kappa=0.0)(network, x, y, 0.1)
    for seed in range(5):
        torch.manual_seed(seed)
        for name in ("fgsm-at", "pgd-at"):
            loss = FGSMTraining(share=0.0) if name == "fgsm-at" else LOSSES[name]()
            assert number(loss(network, x, y, 0.1)) <= number(worst) + 1e-9


def test_small_boxes_as_large_as_the_ball_are_intervals() -> None:
    network = NETWORKS["gru"]()
    small, whole = value(SmallBoxes(size=1.0), network, 0.1), value(Verified(kappa=0.0), network, 0.1)
    assert number(small) == pytest.approx(number(whole), abs=1e-12)
    assert number(value(SmallBoxes(size=0.1), network, 0.1)) < number(whole)


def test_small_boxes_stay_inside_the_valid_range() -> None:
    network, (x, y) = NETWORKS["rnn"](), inputs()
    ball = Ball(0.5, clip=(float(x.min()), float(x.max())))
    small = SmallBoxes(size=0.3)(network, x, y, ball)
    assert number(small) <= number(Verified(kappa=0.0)(network, x, y, ball)) + 1e-9


def test_the_cross_entropy_of_margins_is_that_of_scores() -> None:
    scores = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    margins = scores[:, 1:2] - scores[:, [0, 2]]
    torch.testing.assert_close(margin_entropies(margins), cross_entropies(scores, torch.tensor([1])))
    one = torch.tensor([[0.7]], dtype=torch.float64)
    torch.testing.assert_close(margin_entropies(-one), cross_entropies(one, torch.tensor([0])))


def test_a_student_that_answers_like_its_teacher_has_the_least_loss() -> None:
    teacher, other = NETWORKS["rnn"](), NETWORKS["lstm"]()
    loss = Distillation(teacher, 5.0)
    assert number(value(loss, teacher, 0.0)) < number(value(loss, other, 0.0))


def words_network() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Embedding(6, 2), LastStep(nn.LSTM(2, 4, batch_first=True)), nn.Linear(4, 2)
    ).double()


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"contract"}))
def test_words_are_disturbed_by_their_vectors(name: str) -> None:
    network, x = words_network(), torch.tensor([[0, 1, 2], [3, 4, 5]])
    loss = LOSSES[name]()(network, x, torch.tensor([0, 1]), 0.1)
    loss.backward()
    assert network[0].weight.grad is not None


def test_sets_of_words_contain_every_substitution() -> None:
    network, x = words_network(), torch.tensor([[0, 1, 2]])
    candidates = torch.tensor([[[0, 3, -1], [1, -1, -1], [2, 4, 5]]])
    sets = WordSets(candidates)
    box = sets.box(network, network[0](x))
    for first in (0, 3):
        for last in (2, 4, 5):
            vectors = network[0](torch.tensor([[first, 1, last]]))
            assert bool(((box.lower <= vectors) & (vectors <= box.upper)).all())
            worst = Verified(kappa=0.0)(network, x, torch.tensor([0]), sets)
            assert number(worst) >= number(
                Plain()(network, torch.tensor([[first, 1, last]]), torch.tensor([0]), 0.0)
            )
    half = sets.scaled(0.5).box(network, network[0](x))
    torch.testing.assert_close(half.upper - half.lower, 0.5 * (box.upper - box.lower))


def test_sets_of_words_draw_trained_vectors_together_and_leave_frozen_ones() -> None:
    x, y = torch.tensor([[0, 1, 2]]), torch.tensor([0])
    sets = WordSets(torch.tensor([[[0, 3], [1, 4], [2, 5]]]))
    for frozen in (False, True):
        network = words_network()
        table = network[0].weight
        table.requires_grad_(not frozen)
        before = number((table[:3] - table[3:]).abs().sum())
        optimizer = torch.optim.SGD([w for w in network.parameters() if w.requires_grad], lr=0.05)
        for _ in range(30):
            optimizer.zero_grad()
            Verified(kappa=0.0)(network, x, y, sets).backward()
            optimizer.step()
        after = number((table[:3] - table[3:]).abs().sum())
        assert (after == before) if frozen else (after < before)


@pytest.mark.parametrize(
    ("norm", "converse"), [("inf", False), ("1", False), ("2", False), ("inf", True), ("2", True)]
)
def test_contraction_lowers_the_matrix_measure(norm: str, converse: bool) -> None:
    network, loss = recurrent(nn.RNN), Contraction(0.2, 10.0, norm, converse)
    x, y = inputs(6)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    before = number(loss.measures(network, x).max())
    for _ in range(60):
        optimizer.zero_grad()
        loss(network, x, y, 0.0).backward()
        optimizer.step()
    assert number(loss.measures(network, x).max()) < before


@pytest.mark.parametrize("norm", ["inf", "1", "2"])
def test_matrix_measures_are_the_derivative_of_the_norm(norm: str) -> None:
    matrix = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = 1e-7
    order = {"inf": torch.inf, "1": 1, "2": 2}[norm]
    grown = torch.linalg.matrix_norm(torch.eye(4, dtype=torch.float64) + step * matrix, ord=order)
    torch.testing.assert_close(matrix_measure(matrix, norm), (grown - 1) / step, rtol=1e-5, atol=1e-5)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="eps"):
        value(Plain(), NETWORKS["rnn"](), -0.1)
    with pytest.raises(UsageError, match="norm"):
        Contraction(norm="3")
    with pytest.raises(UsageError, match="temperature"):
        Distillation(temperature=0.0)
    with pytest.raises(Unsupported, match="tanh"):
        value(Contraction(), NETWORKS["lstm"](), 0.0)
    with pytest.raises(Unsupported, match="Embedding"):
        Verified()(NETWORKS["rnn"](), torch.zeros(1, 3, dtype=torch.int64), torch.tensor([0]), 0.1)
    with pytest.raises(UsageError, match="begins"):
        Ramp(0.0, 1.0, 5, 3)
