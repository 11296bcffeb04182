"""Networks with attention, normalisation and smooth functions, as people write them in torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEATURES, HIDDEN, CLASSES = 3, 4, 3


class Additive(nn.Module):
    """Bahdanau's attention over the steps of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.keys, self.score = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1, bias=False)
        self.linear = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        shares = torch.softmax(self.score(torch.tanh(self.keys(steps))), dim=1)
        return self.linear((shares * steps).sum(1))


class DotProduct(nn.Module):
    """Luong's attention: the last step of a GRU asks all of them; the first ``masked`` steps are left out."""

    def __init__(self, masked: int = 0, by: float = float("-inf")) -> None:
        super().__init__()
        self.layer = nn.GRU(FEATURES, HIDDEN, batch_first=True)
        self.linear, self.masked, self.by = nn.Linear(2 * HIDDEN, CLASSES), masked, by

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        asked = steps[:, -1]
        scores = torch.bmm(steps, asked.unsqueeze(2)).squeeze(2) / HIDDEN**0.5
        if self.masked:
            mask = torch.zeros(1, x.shape[1])
            mask[:, : self.masked] = self.by
            scores = scores + mask
        context = torch.bmm(torch.softmax(scores, dim=1).unsqueeze(1), steps).squeeze(1)
        return self.linear(torch.cat([context, asked], dim=1))


class MultiHead(nn.Module):
    """Self-attention of two heads over a bidirectional GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(FEATURES, HIDDEN // 2, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(HIDDEN, 2, batch_first=True)
        self.linear = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        return self.linear(self.attention(steps, steps, steps, need_weights=False)[0].mean(1))


class Encoder(nn.Module):
    """Transformer encoder layers, their heads written out with Einsum, then the mean over the tokens.

    Args:
        layers, heads, width: as published networks count them; the width is a multiple of the heads.
    """

    def __init__(
        self, layers: int = 1, heads: int = 2, width: int = HIDDEN, activation: str = "gelu"
    ) -> None:
        super().__init__()
        self.enter, self.heads = nn.Linear(FEATURES, width), heads
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "mix": nn.Linear(width, 3 * width),
                    "out": nn.Linear(width, width),
                    "first": nn.LayerNorm(width),
                    "second": nn.LayerNorm(width),
                    "up": nn.Linear(width, 2 * width),
                    "down": nn.Linear(2 * width, width),
                }
            )
            for _ in range(layers)
        )
        self.bend = nn.GELU() if activation == "gelu" else nn.ReLU()
        self.linear = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for block in self.blocks:
            x = block["first"](x + block["out"](self._attended(block["mix"](x))))  # type: ignore[index]
            x = block["second"](x + block["down"](self.bend(block["up"](x))))  # type: ignore[index]
        return self.linear(x.mean(1))

    def _attended(self, mixed: Tensor) -> Tensor:
        shape = (mixed.shape[0], mixed.shape[1], self.heads, -1)
        query, key, value = (part.reshape(shape) for part in mixed.chunk(3, dim=-1))
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
        result = torch.einsum("bhqk,bkhd->bqhd", torch.softmax(scores, dim=-1), value)
        return result.reshape(mixed.shape[0], mixed.shape[1], -1)


class Normalised(nn.Module):
    """An LSTM whose steps are normalised before the head reads them."""

    def __init__(self, norm: nn.Module, channels_first: bool = False) -> None:
        super().__init__()
        self.layer = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.norm, self.channels_first = norm, channels_first
        self.linear = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        if self.channels_first:
            return self.linear(self.norm(steps.transpose(1, 2)).transpose(1, 2)[:, -1])
        return self.linear(self.norm(steps)[:, -1])


class Statistics(nn.Module):
    """Means, deviations and norms over time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.linear = nn.GRU(FEATURES, HIDDEN, batch_first=True), nn.Linear(3 * HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        length = nn.functional.normalize(steps, dim=2).mean(1)
        return self.linear(torch.cat([steps.mean(1), steps.std(1), length], dim=1))


class Bent(nn.Module):
    """Every smooth activation, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.linear = nn.GRU(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        f = nn.functional
        y = self.layer(x)[0][:, -1]
        y = f.gelu(2.0 * y) + f.elu(y, 1.5) + f.selu(y) + f.softsign(y)
        y = f.mish(y) + f.silu(y) + torch.erf(y) + torch.exp(-y)
        return self.linear(
            torch.log(1.0 + y**2) + torch.rsqrt(1.0 + y**2) + y**3 / (2.0 + torch.sqrt(1.0 + y**2))
        )
