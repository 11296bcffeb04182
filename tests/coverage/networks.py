"""Random torch networks of every cell in ONNX files, and their states by a plain numpy loop over torch's weights."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from certrnn.io.onnx import OnnxModel, read

FRAMES, FEATURES = 6, 4


@dataclass(frozen=True)
class Shape:
    """A network of one or two layers; it answers once, or at every step."""

    cell: str
    layers: int = 1
    bidirectional: bool = False
    every: bool = False
    words: int = 0
    hidden: int = 5
    classes: int = 3

    def __str__(self) -> str:
        both = " both ways" if self.bidirectional else ""
        ends = " at every step" if self.every else ""
        return f"{self.cell} x {self.layers}{both}{ends}{' of words' if self.words else ''}"


SHAPES = (
    Shape("RNN"),
    Shape("RNN", 2, True),
    Shape("LSTM"),
    Shape("LSTM", 2, True),
    Shape("LSTM", 2, every=True, words=9, classes=9),
    Shape("GRU"),
    Shape("GRU", 2, True, words=9),
)


class Net(nn.Module):
    """An embedding where there are words, a recurrent stack, a linear head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.table = nn.Embedding(shape.words, FEATURES) if shape.words else nn.Identity()
        self.stack = getattr(nn, shape.cell)(
            FEATURES, shape.hidden, shape.layers, batch_first=True, bidirectional=shape.bidirectional
        )
        self.head = nn.Linear(shape.hidden * (2 if shape.bidirectional else 1), shape.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.stack(self.table(x))
        return self.head(states if self.shape.every else states[:, -1])


def made(shape: Shape, seed: int = 0, gain: float = 2.0) -> Net:
    """A network whose states reach far, so that every section is met."""
    torch.manual_seed(seed)
    net = Net(shape).eval()
    with torch.no_grad():
        for weights in net.stack.parameters():
            weights.mul_(gain)
    return net


def example(shape: Shape, samples: int, seed: int = 1, frames: int = FRAMES) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if shape.words:
        return torch.randint(0, shape.words, (samples, frames), generator=generator)
    return torch.randn(samples, frames, FEATURES, generator=generator)


def exported(net: Net, file: Path) -> OnnxModel:
    """The network as a file with a dynamic batch, read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        axes = {"x": {0: "n", 1: "t"}}
        torch.onnx.export(
            net,
            (example(net.shape, 2),),
            str(file),
            dynamo=False,
            input_names=["x"],
            dynamic_axes=axes,
        )
    return read(file)


def vectors(net: Net, x: torch.Tensor) -> torch.Tensor:
    """What the recurrent stack reads, in float64."""
    with torch.no_grad():
        return net.table(x).double()


def numpy_states(net: Net, x: torch.Tensor) -> list[dict[str, np.ndarray]]:
    """Layer by layer and direction by direction, in order of time: ``h``, ``c`` and the gates' arguments (B, S, E)."""
    below, out = vectors(net, x).numpy(), []
    weights = {name: p.detach().double().numpy() for name, p in net.stack.named_parameters()}
    for layer in range(net.shape.layers):
        runs = []
        for suffix in ("", "_reverse") if net.shape.bidirectional else ("",):
            own = [
                weights[f"{kind}_l{layer}{suffix}"]
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            runs.append(_run(net.shape.cell, below, own, bool(suffix)))
        out += runs
        below = np.concatenate([run["h"] for run in runs], axis=2)
    return out


def _run(cell: str, x: np.ndarray, own: list[np.ndarray], reverse: bool) -> dict[str, np.ndarray]:
    w, r, b, c = own
    size = r.shape[1]
    h, state = np.zeros((len(x), size)), np.zeros((len(x), size))
    found: dict[str, list[np.ndarray]] = {}
    for step in range(x.shape[1])[:: -1 if reverse else 1]:
        from_x, from_h = x[:, step] @ w.T + b, h @ r.T + c
        seen: dict[str, np.ndarray] = {}
        if cell == "RNN":
            h = np.tanh(from_x + from_h)
        elif cell == "LSTM":
            parts = np.split(from_x + from_h, 4, axis=1)
            seen = dict(zip("ifno", parts, strict=True))
            state = sigmoid(seen["f"]) * state + sigmoid(seen["i"]) * np.tanh(seen["n"])
            h = sigmoid(seen["o"]) * np.tanh(state)
            seen["c"] = state
        else:
            ours, theirs = np.split(from_x, 3, axis=1), np.split(from_h, 3, axis=1)
            seen = {"r": ours[0] + theirs[0], "z": ours[1] + theirs[1]}
            seen["n"] = ours[2] + sigmoid(seen["r"]) * theirs[2]
            h = (1 - sigmoid(seen["z"])) * np.tanh(seen["n"]) + sigmoid(seen["z"]) * h
        for name, value in {"h": h, **seen}.items():
            found.setdefault(name, []).append(value)
    return {name: np.stack(values[:: -1 if reverse else 1], axis=1) for name, values in found.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))
