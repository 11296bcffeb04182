"""Classifiers of words as people train them in torch: packed sequences, or a fixed number of words."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

WORDS = 12
FEATURES = 4
HIDDEN = 5


class Packed(nn.Module):
    """An embedding, a recurrent layer over packed sequences, and the last state or the mean over all frames."""

    def __init__(
        self, kind: type[nn.RNNBase], sort: bool = True, both: bool = False, mean: bool = False
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, FEATURES, padding_idx=0)
        self.layer = kind(FEATURES, HIDDEN, batch_first=True, bidirectional=both)  # type: ignore[misc]
        self.head = nn.Linear(HIDDEN * (2 if both and not mean else 1) * (2 if both and mean else 1), 2)
        self.sort, self.both, self.mean = sort, both, mean

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        vectors = self.embedding(words)
        packed = nn.utils.rnn.pack_padded_sequence(
            vectors, lengths, batch_first=True, enforce_sorted=not self.sort
        )
        start = torch.zeros(2 if self.both else 1, words.shape[0], HIDDEN)
        every, state = self.layer(packed, (start, start) if isinstance(self.layer, nn.LSTM) else start)
        if self.mean:
            frames, _ = nn.utils.rnn.pad_packed_sequence(every, batch_first=True)
            return self.head(frames.mean(dim=1))
        last = state[0] if isinstance(state, tuple) else state
        return self.head(torch.cat([last[0], last[1]], dim=1) if self.both else last[-1])


class Fixed(nn.Module):
    """The same without packing: what stands in the padding is read, too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, FEATURES)
        self.layer, self.head = nn.GRU(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.layer(self.embedding(words))[0][:, -1])


class Vectors(nn.Module):
    """Takes word vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.RNN(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


def export(network: nn.Module, example: tuple[Tensor, ...], names: list[str], free: bool, path: Path) -> Path:
    """By torch's legacy exporter, the only one that knows packed sequences; ``free``: any number of words."""
    axes = {names[0]: {0: "batch", 1: "time"}, **{name: {0: "batch"} for name in names[1:]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            str(path),
            input_names=names,
            dynamic_axes=axes if free else {names[0]: {0: "batch"}},
            dynamo=False,
            opset_version=17,
        )
    return path


def packed(path: Path, kind: type[nn.RNNBase] = nn.LSTM, **options: bool) -> Path:
    """A network that is told lengths, exported for any number of words."""
    torch.manual_seed(3)
    example = (torch.randint(1, WORDS, (2, 6)), torch.tensor([6, 4]))
    return export(Packed(kind, **options), example, ["words", "lengths"], True, path)


def fixed(path: Path, frames: int = 6) -> Path:
    """A network that takes exactly so many words."""
    torch.manual_seed(4)
    return export(Fixed(), (torch.randint(1, WORDS, (1, frames)),), ["words"], False, path)


def vectors(path: Path) -> Path:
    """A network that takes word vectors, any number of them."""
    torch.manual_seed(5)
    return export(Vectors(), (torch.randn(1, 6, FEATURES),), ["x"], True, path)
