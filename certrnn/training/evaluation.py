"""How a module does on held-out samples: clean, attacked and verified accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from certrnn.training.attack import descend
from certrnn.training.bounds import Domain
from certrnn.training.examples import Examples
from certrnn.training.layers import vectors_of
from certrnn.training.losses.loss import cross_entropies, difference_rows
from certrnn.training.losses.verified import worst_margins
from certrnn.training.perturbations import Perturbation

PGD_STEPS = 10


@dataclass(frozen=True)
class Accuracy:
    """Shares of samples that are answered as labelled.

    Args:
        clean: as they are.
        attacked: also at every point that ten steps of PGD found.
        verified: by the bounds of training, which round to nearest and prove nothing; None where they do not apply.
    """

    clean: float
    attacked: float
    verified: float | None


def evaluate(
    module: nn.Module,
    examples: Examples,
    around: Callable[[torch.Tensor], Perturbation],
    domain: Domain | None,
    size: int = 64,
) -> Accuracy:
    """Accuracy within a perturbation, the module as it answers in use; torch's random numbers are left alone.

    Args:
        module: the network.
        examples: held-out samples.
        around: what may become of a batch.
        domain: bounds the network; None where it cannot be bounded.
        size: samples that are looked at together.
    """
    was_training = module.training
    module.eval()
    clean = attacked = verified = 0
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for x, y in examples.in_order(size):
            vectors, network = vectors_of(module, x)
            scores = network(vectors)
            rows = difference_rows(y, scores.shape[1], scores.dtype)
            right = _margins(rows, scores) > 0
            box = around(x).box(module, vectors)
            moved = descend(network, vectors, y, box, cross_entropies, PGD_STEPS, 2.5)
            clean += int(right.sum())
            attacked += int((right & (_margins(rows, network(moved)) > 0)).sum())
            if domain is not None:
                worst = worst_margins(module, box, y, scores.shape[1], domain)
                verified += int((right & (worst.amin(1) > 0)).sum())
    module.train(was_training)
    count = max(1, len(examples))
    return Accuracy(clean / count, attacked / count, None if domain is None else verified / count)


def _margins(rows: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """The label's score minus the largest other, (B,)."""
    return torch.einsum("bkn,bn->bk", rows, scores).amin(1)
