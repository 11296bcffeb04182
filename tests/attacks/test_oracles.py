"""Each classical attack against the one of the same name in foolbox or ART, at the same budget on a bundled network.

``benchmarks/attacks/oracles.py`` does the same on larger networks and more samples, also with Carlini and Wagner's
l-inf attack, which takes ART minutes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.attacks import FGSM, LBFGS, PGD, Attack, CarliniWagnerL2, Saliency
from certrnn.domains import evaluate
from certrnn.examples import resolve
from certrnn.io.onnx import read
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import accept_spec, label_spec

SAMPLES = 20
SLACK = 0.05
GRAPH = read(resolve("example:digits_rnn")).graph((8, 8))
X = torch.from_numpy(np.load(resolve("example:digits_heldout"))["x"][:SAMPLES].astype(np.float32)).double()
LABELS, RUNNER_UP = evaluate(GRAPH, X).topk(2, dim=1).indices.T


class Module(torch.nn.Module):
    """The network as the oracles take it: float32 in, float32 scores out."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return evaluate(self.graph, x.double()).float()


def foolbox_runs(make: Callable[[Any], Any], eps: float | None) -> np.ndarray:
    """Sequences of a foolbox attack, within eps where one is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        foolbox = pytest.importorskip("foolbox")
        model = foolbox.PyTorchModel(Module(GRAPH).eval(), bounds=(0, 1), device="cpu")
        torch.manual_seed(0)
        return make(foolbox.attacks)(model, X.float(), LABELS, epsilons=eps)[1].numpy()


def art_runs(make: Callable[[Any, Any], Any], y: torch.Tensor) -> np.ndarray:
    """Sequences of an ART attack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evasion = pytest.importorskip("art.attacks.evasion")
        from art.estimators.classification import PyTorchClassifier

        classifier = PyTorchClassifier(
            model=Module(GRAPH),
            loss=torch.nn.CrossEntropyLoss(),
            input_shape=(8, 8),
            nb_classes=10,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )
        return make(evasion, classifier).generate(X.numpy().astype(np.float32), y.numpy())


def ours(attack: Attack, eps: float = 1.0) -> np.ndarray:
    region = LinfBall(X, torch.full((SAMPLES,), eps, dtype=torch.float64), tuple(range(8)), (0.0, 1.0))
    return attack(GRAPH, region, label_spec(LABELS, 10)).x.numpy()


def distances(x: np.ndarray, order: float) -> np.ndarray:
    """(N,) distance of sequences; inf where the answer is the label's."""
    broken = evaluate(GRAPH, torch.from_numpy(x.astype(np.float64))).argmax(dim=1) != LABELS
    moved = np.abs(x.astype(np.float64) - X.numpy()).reshape(len(x), -1)
    size = (moved > 1e-6).sum(axis=1) if order == 0 else np.linalg.norm(moved, ord=order, axis=1)
    return np.where(broken.numpy(), size, np.inf)


def keep_up(mine: np.ndarray, theirs: np.ndarray, tiny: float = 1e-6) -> bool:
    """At the quartiles of what the oracle reached, we break at most ``SLACK`` fewer samples."""
    reached = theirs[np.isfinite(theirs)]
    assert len(reached) >= 3
    budgets = np.quantile(reached, [0.25, 0.5, 0.75, 1.0], method="higher") + tiny
    return all((mine <= budget).mean() >= (theirs <= budget).mean() - SLACK for budget in budgets)


@pytest.fixture(scope="module")
def carlini_wagner() -> np.ndarray:
    """Distances (N,) that foolbox's attack reaches."""
    found = foolbox_runs(lambda f: f.L2CarliniWagnerAttack(binary_search_steps=6, steps=150), None)
    return distances(found, 2)


@pytest.mark.parametrize("eps", [0.08, 0.12])
@pytest.mark.parametrize("name", ["FGSM", "PGD"])
def test_signs_and_descent_break_as_many_as_foolboxs(name: str, eps: float) -> None:
    theirs = {
        "FGSM": lambda f: f.LinfFastGradientAttack(),
        "PGD": lambda f: f.LinfProjectedGradientDescentAttack(steps=40),
    }[name]
    attack = {"FGSM": FGSM(), "PGD": PGD(steps=40)}[name]
    shares = [
        np.isfinite(distances(x, np.inf)).mean() for x in (ours(attack, eps), foolbox_runs(theirs, eps))
    ]
    assert shares[0] >= shares[1] - SLACK
    assert 0 < shares[0] < 1


@pytest.mark.parametrize("attack", [CarliniWagnerL2(), LBFGS()], ids=["CW l2", "L-BFGS"])
def test_l2_attacks_keep_up_with_foolboxs_carlini_wagner(attack: Attack, carlini_wagner: np.ndarray) -> None:
    assert keep_up(distances(ours(attack), 2), carlini_wagner)


def test_saliency_changes_no_more_features_than_arts() -> None:
    def make(evasion: Any, classifier: Any) -> Any:
        return evasion.SaliencyMapMethod(classifier, theta=1.0, gamma=1.0, batch_size=SAMPLES, verbose=False)

    theirs = art_runs(make, RUNNER_UP)
    mine = X.numpy().copy()
    for target in RUNNER_UP.unique().tolist():
        rows = RUNNER_UP.eq(target).nonzero().flatten()
        ones = torch.ones(len(rows), dtype=torch.float64)
        spec = accept_spec(len(rows), [k for k in range(10) if k != target], 10)
        region = LinfBall(X[rows], ones, tuple(range(8)), (0.0, 1.0))
        mine[rows.numpy()] = Saliency()(GRAPH, region, spec).x.numpy()
    assert keep_up(distances(mine, 0), distances(theirs, 0), tiny=0.0)


def test_a_weakened_attack_does_not_keep_up(carlini_wagner: np.ndarray) -> None:
    weak = X.numpy() + 2.0 * (ours(CarliniWagnerL2()) - X.numpy())
    assert not keep_up(distances(weak, 2), carlini_wagner)
