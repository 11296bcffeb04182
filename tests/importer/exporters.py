"""Networks as people write them in torch, for both of its exporters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.importer import attending

FRAMES, FEATURES, HIDDEN, CLASSES = 5, 3, 4, 3


class Sequence(nn.Module):
    """A recurrent layer and what reads its outputs (batch, frames, width)."""

    def __init__(
        self, layer: nn.Module, head: Callable[[Tensor], Tensor], width: int, classes: int = CLASSES
    ) -> None:
        super().__init__()
        self.layer, self.head, self.linear = layer, head, nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.head(self.layer(x)[0]))


class Then(nn.Module):
    """A network and a function of its scores."""

    def __init__(self, network: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.function = network, function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.network(x))


class HiddenState(nn.Module):
    """Reads the last hidden state (and cell state) that the layer returns beside its sequence."""

    def __init__(self, layer: nn.Module, cell: bool) -> None:
        super().__init__()
        self.layer, self.cell, self.linear = layer, cell, nn.Linear(HIDDEN * (2 if cell else 1), CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        state = self.layer(x)[1]
        return self.linear(torch.cat([state[0][-1], state[1][-1]], dim=1) if self.cell else state[-1])


class GivenState(nn.Module):
    """A learnt initial state."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.linear = nn.LSTM(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)
        self.h, self.c = nn.Parameter(torch.randn(1, 1, HIDDEN)), nn.Parameter(torch.randn(1, 1, HIDDEN))

    def forward(self, x: Tensor) -> Tensor:
        count = x.shape[0]
        state = (self.h.expand(1, count, HIDDEN).contiguous(), self.c.expand(1, count, HIDDEN).contiguous())
        return self.linear(self.layer(x, state)[0][:, -1])


class CellLoop(nn.Module):
    """A cell called frame by frame, its state from zeros."""

    def __init__(self, cell: nn.RNNCell | nn.LSTMCell | nn.GRUCell) -> None:
        super().__init__()
        self.cell, self.linear = cell, nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.zeros(x.shape[0], HIDDEN)
        memory = torch.zeros(x.shape[0], HIDDEN)
        for frame in range(FRAMES):
            if isinstance(self.cell, nn.LSTMCell):
                hidden, memory = self.cell(x[:, frame], (hidden, memory))
            else:
                hidden = self.cell(x[:, frame], hidden)
        return self.linear(hidden)


class TimeFirst(nn.Module):
    """torch's default order: frames, batch, features."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.linear = nn.LSTM(FEATURES, HIDDEN), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layer(x)[0][-1])


class TransposedInside(TimeFirst):
    """Batch first outside, time first inside."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(0, 1))


class Words(nn.Module):
    """An embedding in front of a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, FEATURES)
        self.rest = Sequence(nn.GRU(FEATURES, HIDDEN, batch_first=True), last, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.embedding(x))


def last(y: Tensor) -> Tensor:
    return y[:, -1]


def mean(y: Tensor) -> Tensor:
    return y.mean(1)


def largest(y: Tensor) -> Tensor:
    return y.max(1).values


@dataclass(frozen=True, eq=False)
class Architecture:
    """``ending`` is what the exported scores went through after the last affine map: none, softmax,
    log_softmax or sigmoid."""

    make: Callable[[], nn.Module]
    ending: str = "none"
    time_first: bool = False
    tokens: bool = False


def lstm(**options: bool | int) -> nn.LSTM:
    return nn.LSTM(FEATURES, HIDDEN, batch_first=True, **options)  # type: ignore[arg-type]


def gru(**options: bool | int) -> nn.GRU:
    return nn.GRU(FEATURES, HIDDEN, batch_first=True, **options)  # type: ignore[arg-type]


def plain() -> nn.Module:
    return Sequence(lstm(), last, HIDDEN)


def batch_normed() -> nn.Module:
    norm = nn.BatchNorm1d(HIDDEN)
    with torch.no_grad():
        for statistic in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            assert statistic is not None
            statistic.uniform_(0.3, 1.7)
    network = Sequence(gru(), last, HIDDEN)
    network.linear = nn.Sequential(norm, nn.Linear(HIDDEN, CLASSES))  # type: ignore[assignment]
    return network


def perceptron() -> nn.Module:
    hidden = nn.Sequential(
        nn.Flatten(), nn.Linear(FRAMES * FEATURES, 8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh()
    )
    return nn.Sequential(hidden, nn.Linear(6, CLASSES))


def deep_head() -> nn.Module:
    network = Sequence(lstm(), last, HIDDEN)
    network.linear = nn.Sequential(nn.Linear(HIDDEN, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, CLASSES))  # type: ignore[assignment]
    return network


def vanilla(nonlinearity: str) -> nn.Module:
    return nn.RNN(FEATURES, HIDDEN, batch_first=True, nonlinearity=nonlinearity)


ATTENDING: dict[str, Architecture] = {
    "additive_attention": Architecture(attending.Additive),
    "dot_product_attention": Architecture(attending.DotProduct),
    "attention_masked": Architecture(lambda: attending.DotProduct(2)),
    "attention_masked_by_a_large_number": Architecture(lambda: attending.DotProduct(2, -1e9)),
    "multihead_attention": Architecture(attending.MultiHead),
    "transformer_encoder": Architecture(attending.Encoder),
    "layer_norm": Architecture(lambda: attending.Normalised(nn.LayerNorm(HIDDEN))),
    "group_norm": Architecture(lambda: attending.Normalised(nn.GroupNorm(2, HIDDEN), channels_first=True)),
    "instance_norm": Architecture(
        lambda: attending.Normalised(nn.InstanceNorm1d(HIDDEN, affine=True), channels_first=True)
    ),
    "statistics": Architecture(attending.Statistics),
    "smooth_functions": Architecture(attending.Bent),
}
"""Networks with a softmax, a norm or a smooth function inside."""

ARCHITECTURES: dict[str, Architecture] = {
    "rnn": Architecture(lambda: Sequence(vanilla("tanh"), last, HIDDEN)),
    "rnn_relu": Architecture(lambda: Sequence(vanilla("relu"), last, HIDDEN)),
    "lstm": Architecture(plain),
    "lstm_no_bias": Architecture(lambda: Sequence(lstm(bias=False), last, HIDDEN)),
    "gru": Architecture(lambda: Sequence(gru(), last, HIDDEN)),
    "lstm_two_layers": Architecture(lambda: Sequence(lstm(num_layers=2, dropout=0.5), last, HIDDEN)),
    "gru_two_layers": Architecture(lambda: Sequence(gru(num_layers=2), last, HIDDEN)),
    "lstm_bidirectional": Architecture(lambda: Sequence(lstm(bidirectional=True), mean, 2 * HIDDEN)),
    "gru_bidirectional": Architecture(
        lambda: Sequence(gru(bidirectional=True, num_layers=2), last, 2 * HIDDEN)
    ),
    "rnn_bidirectional": Architecture(
        lambda: Sequence(nn.RNN(FEATURES, HIDDEN, batch_first=True, bidirectional=True), last, 2 * HIDDEN)
    ),
    "hidden_state": Architecture(lambda: HiddenState(gru(num_layers=2), cell=False)),
    "cell_state": Architecture(lambda: HiddenState(lstm(), cell=True)),
    "given_state": Architecture(GivenState),
    "time_first": Architecture(TimeFirst, time_first=True),
    "transposed_inside": Architecture(TransposedInside),
    "rnn_cell": Architecture(lambda: CellLoop(nn.RNNCell(FEATURES, HIDDEN))),
    "lstm_cell": Architecture(lambda: CellLoop(nn.LSTMCell(FEATURES, HIDDEN))),
    "gru_cell": Architecture(lambda: CellLoop(nn.GRUCell(FEATURES, HIDDEN))),
    "mean": Architecture(lambda: Sequence(gru(), mean, HIDDEN)),
    "max": Architecture(lambda: Sequence(lstm(), largest, HIDDEN)),
    "batch_norm": Architecture(batch_normed),
    "deep_head": Architecture(deep_head),
    "softmax": Architecture(lambda: nn.Sequential(plain(), nn.Softmax(1)), ending="softmax"),
    "log_softmax": Architecture(lambda: nn.Sequential(plain(), nn.LogSoftmax(1)), ending="log_softmax"),
    "logit": Architecture(lambda: Sequence(lstm(), last, HIDDEN, classes=1)),
    "sigmoid": Architecture(
        lambda: nn.Sequential(Sequence(gru(), last, HIDDEN, classes=1), nn.Sigmoid()), ending="sigmoid"
    ),
    "sigmoid_flat": Architecture(
        lambda: Then(Sequence(gru(), last, HIDDEN, classes=1), lambda y: torch.sigmoid(y)[:, 0]),
        ending="sigmoid",
    ),
    "embedding": Architecture(Words, tokens=True),
    "perceptron": Architecture(perceptron),
    **ATTENDING,
}


def example(architecture: Architecture, count: int, seed: int = 0) -> Tensor:
    """Random inputs in the order the network takes them."""
    torch.manual_seed(seed)
    if architecture.tokens:
        return torch.randint(0, 11, (count, FRAMES))
    return (
        torch.randn(FRAMES, count, FEATURES)
        if architecture.time_first
        else torch.randn(count, FRAMES, FEATURES)
    )


def network(architecture: Architecture) -> nn.Module:
    """The network with weights large enough for every gate to matter."""
    torch.manual_seed(3)
    made = architecture.make()
    with torch.no_grad():
        for weights in made.parameters():
            weights.mul_(1.5)
    return made.eval()


def export(architecture: Architecture, file: Path, *, dynamo: bool) -> nn.Module:
    """Write the ONNX file (dynamic batch) and return the network it came from."""
    made, x = network(architecture), example(architecture, 2)
    axis = 1 if architecture.time_first else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters warn about themselves
        if dynamo:
            shapes = ({axis: torch.export.Dim("batch", min=1, max=64)},)
            torch.onnx.export(
                made, (x,), str(file), dynamo=True, input_names=["x"], dynamic_shapes=shapes, verbose=False
            )
        else:
            axes = {"x": {axis: "batch"}}
            torch.onnx.export(made, (x,), str(file), dynamo=False, input_names=["x"], dynamic_axes=axes)
    return made
