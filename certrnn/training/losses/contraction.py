"""Training towards, or away from, contraction of the hidden states (Deka et al., section I)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from certrnn.errors import Unsupported, UsageError
from certrnn.training.bounds.cells import gates_of
from certrnn.training.layers import LastStep, stages, vectors_of
from certrnn.training.losses.loss import Loss, cross_entropy
from certrnn.training.perturbations import Perturbation

NORMS = ("inf", "1", "2")


@dataclass(frozen=True)
class Contraction(Loss):
    """``J(x) + weight mean_t relu(gamma + mu(A_t))``, ``A_t = diag(1 - h_t^2) U - I`` at the states of the inputs.

    A matrix measure below ``-gamma`` makes disturbances die out. The converse asks ``mu(-A_t) < -gamma``, under which
    they must grow: what Theorem 1 (Deka et al.) needs over the whole tube. Of an RNN with two directions
    both count. ``eps`` is not looked at.

    Args:
        gamma: how far below zero.
        weight: of the penalty beside the cross-entropy.
        norm: of the matrix measure: inf, 1 or 2.
        converse: ask for growth instead.

    Raises:
        UsageError: an unknown norm. Unsupported, when called: the network has no vanilla RNN with tanh.
    """

    gamma: float = 0.1
    weight: float = 1.0
    norm: str = "inf"
    converse: bool = False

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise UsageError("training for contraction", f"the norm is one of {', '.join(NORMS)}", self.norm)

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        vectors, network = vectors_of(module, x)
        measured = self.measures(module, vectors)
        return cross_entropy(network(vectors), y) + self.weight * torch.relu(self.gamma + measured).mean()

    def measures(self, module: nn.Module, vectors: Tensor) -> Tensor:
        """Matrix measures of ``A_t``, or of ``-A_t``, at every state of the RNNs of a network; one dimension."""
        values, parts = vectors, []
        for stage in stages(module):
            if isinstance(stage, nn.Embedding):
                continue
            if isinstance(stage, LastStep):
                parts += [self._of_layer(*pair) for pair in _layers(stage, values)]
            values = stage(values)
        if not parts:
            raise Unsupported("training for contraction", "the network has an nn.RNN in a LastStep", "none")
        return torch.cat(parts)

    def _of_layer(self, states: Tensor, recurrent: Tensor) -> Tensor:
        slopes = (1.0 - states.flatten(0, 1) ** 2)[:, :, None]
        jacobian = slopes * recurrent - torch.eye(
            len(recurrent), dtype=recurrent.dtype, device=recurrent.device
        )
        return matrix_measure(-jacobian if self.converse else jacobian, self.norm)


def matrix_measure(matrices: Tensor, norm: str) -> Tensor:
    """``mu(A)`` of matrices (N, n, n): the largest eigenvalue of the symmetric part for the norm 2, else the largest of
    ``a_ii + sum_j |a_ij|`` over rows (inf) or columns (1)."""
    if norm == "2":
        return torch.linalg.eigvalsh(0.5 * (matrices + matrices.transpose(1, 2)))[:, -1]
    diagonal = matrices.diagonal(dim1=1, dim2=2)
    sums = matrices.abs().sum(2 if norm == "inf" else 1)
    return (sums - diagonal.abs() + diagonal).amax(1)


def _layers(stage: LastStep, values: Tensor) -> list[tuple[Tensor, Tensor]]:
    """States (B, T, H) and recurrent weight of every layer and direction."""
    module = stage.recurrent
    if not isinstance(module, nn.RNN) or module.nonlinearity != "tanh":
        raise Unsupported("training for contraction", "the recurrent layer is an nn.RNN with tanh", module)
    if module.num_layers > 1:
        raise Unsupported("training for contraction", "the RNN has one layer", module.num_layers)
    steps, _ = module(values)
    hidden = module.hidden_size
    pairs = [(steps[..., :hidden], gates_of(module, 0, reverse=False).recurrent)]
    if module.bidirectional:
        pairs.append((steps[..., hidden:], gates_of(module, 0, reverse=True).recurrent))
    return pairs
