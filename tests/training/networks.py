"""Small networks and inputs that the laws of training run over."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from certrnn.training.layers import LastStep

FEATURES, CLASSES, FRAMES = 2, 3, 4


def recurrent(kind: type[nn.RNN] | type[nn.LSTM] | type[nn.GRU], **more: object) -> nn.Sequential:
    """A double-precision network with a head of two layers, its weights raised so that functions bend."""
    torch.manual_seed(3)
    layer = kind(FEATURES, 4, batch_first=True, **more)  # type: ignore[arg-type]
    width = 8 if more.get("bidirectional") else 4
    network = nn.Sequential(LastStep(layer), nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, CLASSES)).double()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.5)
    return network.eval()


def seeded(build: Callable[[], nn.Sequential]) -> nn.Sequential:
    torch.manual_seed(4)
    return build().double()


NETWORKS = {
    "rnn": lambda: recurrent(nn.RNN),
    "rnn relu": lambda: recurrent(nn.RNN, nonlinearity="relu"),
    "rnn without biases": lambda: recurrent(nn.RNN, bias=False),
    "lstm": lambda: recurrent(nn.LSTM),
    "gru": lambda: recurrent(nn.GRU),
    "deep lstm both ways": lambda: recurrent(nn.LSTM, num_layers=2, bidirectional=True, dropout=0.5),
    "deep gru both ways": lambda: recurrent(nn.GRU, num_layers=2, bidirectional=True),
    "feed forward": lambda: seeded(
        lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(FRAMES * FEATURES, 6),
            nn.Tanh(),
            nn.Linear(6, 6),
            nn.Sigmoid(),
            nn.Linear(6, 3),
        )
    ),
    "one score": lambda: seeded(
        lambda: nn.Sequential(LastStep(nn.RNN(FEATURES, 4, batch_first=True)), nn.Linear(4, 1))
    ),
}


def inputs(batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences and labels."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(batch, FRAMES, FEATURES, generator=generator, dtype=torch.float64)
    return x, torch.arange(batch) % 2


def points(lower: torch.Tensor, upper: torch.Tensor, count: int = 300) -> torch.Tensor:
    """Members of boxes, corners among them, in a dimension before the others."""
    generator = torch.Generator().manual_seed(7)
    share = torch.rand(count, *lower.shape, generator=generator, dtype=lower.dtype)
    share[: count // 2] = share[: count // 2].round()
    return lower + share * (upper - lower)
