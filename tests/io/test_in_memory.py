"""Networks that are no files: what a torch module computes is what is certified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import certrnn
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.io.in_memory import _Attempt, file_of
from tests.io.onnx_models import classifier, saved

WORDS, FEATURES, HIDDEN = 12, 3, 4


class Frames(nn.Module):
    """The last step of a layer, whichever axis its samples are on."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer, self.drop = layer, nn.Dropout(0.5)
        self.head = nn.Linear(HIDDEN * (2 if layer.bidirectional else 1), 3)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        return self.head(self.drop(steps[:, -1] if self.layer.batch_first else steps[-1]))


class Cells(nn.Module):
    """A cell in a loop of Python, which an exporter unrolls for one number of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(FEATURES, HIDDEN), nn.Linear(HIDDEN, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], HIDDEN)
        for frame in x.unbind(1):
            state = self.cell(frame, state)
        return self.head(state)


class Texts(nn.Module):
    """Words and their lengths, packed without an initial state."""

    def __init__(self, sort: bool) -> None:
        super().__init__()
        self.sort, self.table = sort, nn.Embedding(WORDS, FEATURES)
        self.layer, self.head = nn.LSTM(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.table(words), lengths, batch_first=True, enforce_sorted=not self.sort
        )
        return self.head(self.layer(packed)[1][0][-1])


class Streamed(nn.Module):
    """A layer that is handed its state and hands it on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.GRU(FEATURES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 3)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        steps, last = self.layer(x, state)
        return self.head(steps[:, -1]), last


@dataclass(frozen=True)
class Case:
    make: Callable[[], nn.Module]
    example: tuple[Tensor, ...]
    shown: str


FLOATS = (torch.zeros(2, 5, FEATURES),)
CASES = {
    "lstm": Case(lambda: Frames(nn.LSTM(FEATURES, HIDDEN, batch_first=True)), FLOATS, "(x_0, x_1, 3)"),
    "time first": Case(
        lambda: Frames(nn.RNN(FEATURES, HIDDEN)), (torch.zeros(5, 2, FEATURES),), "(x_0, x_1, 3)"
    ),
    "both ways": Case(
        lambda: Frames(nn.GRU(FEATURES, HIDDEN, batch_first=True, bidirectional=True)),
        FLOATS,
        "(x_0, x_1, 3)",
    ),
    "cells": Case(Cells, FLOATS, "(x_0, 5, 3)"),
    "double": Case(
        lambda: Frames(nn.GRU(FEATURES, HIDDEN, batch_first=True)).double(), FLOATS, "(x_0, x_1, 3)"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_module_is_certified_as_it_answers(name: str) -> None:
    case = CASES[name]
    torch.manual_seed(0)
    module = case.make().train()
    network = certrnn.load(module, case.example)
    assert module.training
    assert network.network.input.shown == case.shown
    x = np.random.default_rng(0).standard_normal((4, 5, FEATURES)).astype(np.float32)
    kind = next(module.parameters()).dtype
    given = torch.from_numpy(x.transpose(1, 0, 2).copy() if name == "time first" else x).to(kind)
    with torch.no_grad():
        scores = module.eval()(given)
    rows = network.certify(x, eps=1e-5, frames="all", attack=False)
    assert [row.prediction for row in rows] == scores.argmax(dim=1).tolist()
    assert {row.verdict for row in rows} == {"certified"}


@pytest.mark.parametrize("sort", [False, True])
def test_packed_sequences_need_no_state_of_their_own(sort: bool, tmp_path: Path) -> None:
    torch.manual_seed(1)
    module, lengths = Texts(sort).eval(), torch.tensor([5, 4, 2])
    words = torch.randint(0, WORDS, (3, 5))
    network = certrnn.load(module, (words, lengths))
    assert network.network.takes_lengths
    np.savez(tmp_path / "x.npz", x=words.numpy(), lengths=lengths.numpy())
    rows = network.certify(network.read(str(tmp_path / "x.npz")), eps=1e-5, frames="all", attack=False)
    assert [row.prediction for row in rows] == module(words, lengths).argmax(dim=1).tolist()


def test_a_state_of_a_module_is_fixed_by_its_name() -> None:
    module = Streamed().eval()
    state = torch.randn(1, 1, HIDDEN)
    example = (torch.zeros(1, 5, FEATURES), torch.zeros(1, 1, HIDDEN))
    with pytest.raises(Unsupported, match="--fix state=zeros"):
        certrnn.load(module, example)
    outputs = [
        out.name for out in certrnn.load(module, example, fix={"state": 0}).network.file.proto.graph.output
    ]
    network = certrnn.load(module, example, output=outputs[0], fix={"state": state.numpy()})
    x = np.random.default_rng(0).standard_normal((3, 5, FEATURES)).astype(np.float32)
    wanted = module(torch.from_numpy(x), state.repeat(1, 3, 1))[0].argmax(dim=1)
    rows = network.certify(x, eps=1e-5, frames="all", attack=False)
    assert [row.prediction for row in rows] == wanted.tolist()


def test_models_in_memory_are_files(tmp_path: Path) -> None:
    proto = classifier("LSTM")
    content = proto.SerializeToString()
    found = [certrnn.load(one) for one in (str(saved(tmp_path, proto)), proto, content, bytearray(content))]
    assert len({network.sha256 for network in found}) == 1


class Branching(Frames):
    """Answers otherwise where a value of the last frame is large."""

    def __init__(self, taken: Callable[[Tensor], bool]) -> None:
        super().__init__(nn.GRU(FEATURES, HIDDEN, batch_first=True))
        self.taken = taken

    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x)
        return -scores if self.taken(x[0, -1, 0]) else scores


BRANCHES: dict[str, tuple[Callable[[Tensor], bool], str]] = {
    "float": (
        lambda value: float(value) > 0.5,
        r"test_in_memory.py:\d+: Converting a tensor to a Python float",
    ),
    "bool": (lambda value: bool(value > 0.5), r"test_in_memory.py:\d+: Converting a tensor to a Python bool"),
    "without a warning": (lambda value: torch.equal(value, value.new_tensor(0.5)), r"torch.equal"),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_module_that_branches_on_a_value_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the exporter of scripts, which follows the example's branch; the one of graphs refuses by itself."""
    taken, said = BRANCHES[name]
    monkeypatch.setattr("certrnn.io.in_memory._attempts", lambda _: iter((_Attempt(False, (0, 1)),)))
    with pytest.raises(Unsupported, match=f"{said}.*torch.where.*certrnn guide exporting"):
        file_of(Branching(taken).eval(), torch.zeros(2, 5, FEATURES))


@pytest.mark.slow
def test_no_exporter_takes_a_branch_on_a_value() -> None:
    with pytest.raises(Unsupported, match=r"Converting a tensor to a Python float.*torch.where"):
        file_of(Branching(BRANCHES["float"][0]).eval(), torch.zeros(2, 5, FEATURES))


class Last(Frames):
    """Only the last few frames of a long sequence count."""

    def __init__(self, kept: int = 8) -> None:
        super().__init__(nn.GRU(FEATURES, HIDDEN, batch_first=True))
        self.kept = kept

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, -self.kept :] if x.shape[1] > self.kept else x)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [8, 100])
def test_a_branch_on_the_length_settles_the_length(kept: int) -> None:
    network = certrnn.load(Last(kept), torch.zeros(2, 5, FEATURES))
    assert network.network.input.shown == "(axis_0, 5, 3)"
    with pytest.raises(InvalidInput, match="got 12 frames"):
        network.certify(np.ones((1, 12, FEATURES), np.float32), eps=0.01, frames="all", attack=False)


def test_files_are_held_against_modules_at_many_lengths() -> None:
    """A file without the branch agrees up to eight frames, and on zeros always."""
    module = Last().eval()
    attempt, example = _Attempt(False, (1,)), torch.zeros(2, 5, FEATURES)
    whole = Frames(module.layer).eval()
    whole.head = module.head
    content = attempt.export(whole, (example,))
    attempt.check(whole, (example,), content)
    with pytest.raises(Unsupported, match="outputs are the module's"):
        attempt.check(module, (example,), content)


class Summed(nn.Module):
    """The sum of the last hundred frames."""

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, -100:] if x.shape[1] > 100 else x).sum(1)


@pytest.mark.parametrize("graphs", [False, True])
def test_an_exporter_does_not_follow_a_branch_on_a_long_length(graphs: bool) -> None:
    with pytest.raises(Unsupported, match="tensor's values or shape"):
        _Attempt(graphs, (0, 1)).export(Summed(), (torch.zeros(2, 5, FEATURES),))


class Random(nn.Module):
    """Computes something else at every call."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) + torch.rand(1)


@pytest.mark.slow
def test_a_module_that_no_file_computes_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"onnxruntime computes what it does.*certrnn guide"):
        certrnn.load(Random(), torch.zeros(1, 2, 3))


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "no example": ((nn.Linear(3, 2),), UsageError, r"load\(module, example\)"),
    "no network": ((5,), UsageError, "a torch module, an onnx.ModelProto or its bytes; got int"),
    "no values": ((nn.Linear(3, 2), torch.zeros(0, 3)), InvalidInput, "batch axis included"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_network_is_refused(name: str) -> None:
    given, error, match = WRONG[name]
    with pytest.raises(error, match=match):
        file_of(*given)
