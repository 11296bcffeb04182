"""The networks that ``certrnn train`` makes: word vectors, recurrent layers, a linear head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from certrnn.errors import UsageError
from certrnn.training.layers import LastStep

CELLS: dict[str, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


@dataclass(frozen=True)
class Architecture:
    """What is trained: recurrent layers and a linear head on the last step of each direction.

    Args:
        cell: rnn, lstm or gru.
        hidden: units of each layer and direction.
        layers: recurrent layers.
        bidirectional: a second direction, from the last frame to the first.

    Raises:
        UsageError: there is no such cell, or a number that makes no sense.
    """

    cell: str = "lstm"
    hidden: int = 32
    layers: int = 1
    bidirectional: bool = False

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise UsageError("reading --cell", f"it is one of {', '.join(CELLS)}", repr(self.cell))
        for option, value in (("--hidden", self.hidden), ("--layers", self.layers)):
            if value < 1:
                raise UsageError(f"reading {option}", "at least one", value)

    def build(self, features: int, classes: int, table: np.ndarray | None = None) -> nn.Sequential:
        """The network, its weights drawn by torch's random numbers.

        Args:
            features: of a frame, or of a word's vector.
            classes: scores.
            table: word vectors (words, features) of a network that reads words.
        """
        kind = CELLS[self.cell]
        recurrent = kind(
            features, self.hidden, self.layers, batch_first=True, bidirectional=self.bidirectional
        )
        head = nn.Linear(self.hidden * (2 if self.bidirectional else 1), classes)
        if table is None:
            return nn.Sequential(LastStep(recurrent), head)
        words = nn.Embedding.from_pretrained(torch.as_tensor(table, dtype=torch.float32), freeze=False)
        return nn.Sequential(words, LastStep(recurrent), head)
