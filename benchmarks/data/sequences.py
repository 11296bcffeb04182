"""Real sequences of frames (digits, human activity), and small recurrent networks trained on them; used by the
benchmark of Cert-RNN's tables.

Digits are cut into T blocks of 28 / T image rows each, read from the top. Activity windows of 128 steps become 32
frames by averaging four steps; channels are scaled to zero mean and unit deviation over the training windows.
"""

from __future__ import annotations

import gzip
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

FILES = {
    "mnist": tuple(
        f"mnist/{part}-{kind}-ubyte.gz"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ),
    "har": ("har/har_windows.npz", "har/HOLDOUT_INDICES.txt"),
}
"""What each set is read from, below the data folder."""
MNIST_TEST = 9500
"""Test images beyond this are kept for other uses."""
HAR_FRAMES = 32
CELLS: dict[str, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


@dataclass(frozen=True, eq=False)
class Samples:
    """Sequences (N, T, D) float32 and labels (N,) for training and for testing."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def samples(data: Path, name: str, frames: int) -> Samples:
    """MNIST as ``frames`` blocks of rows, pixels in [0, 1]; or human activity in 32 frames."""
    return _digits(data, frames) if name == "mnist" else _activity(data)


def _digits(data: Path, frames: int) -> Samples:
    images, labels, test, test_labels = (_idx(data / file) for file in FILES["mnist"])

    def cut(x: np.ndarray) -> np.ndarray:
        return (x.reshape(len(x), frames, -1) / np.float32(255)).astype(np.float32)

    return Samples(
        cut(images),
        labels.astype(np.int64),
        cut(test[:MNIST_TEST]),
        test_labels[:MNIST_TEST].astype(np.int64),
    )


def _idx(path: Path) -> np.ndarray:
    """An idx file of bytes: four bytes of type and rank, the sizes, the values."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">i4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _activity(data: Path) -> Samples:
    with np.load(data / FILES["har"][0]) as file:
        arrays = {key: file[key] for key in ("X_train", "y_train", "X_test", "y_test")}
    reserved = (data / FILES["har"][1]).read_text("utf-8").splitlines()[1]
    kept = np.setdiff1d(np.arange(len(arrays["X_test"])), [int(number) for number in reserved.split()])
    train = arrays["X_train"].astype(np.float32)
    mean, deviation = train.mean(axis=(0, 1)), train.std(axis=(0, 1))

    def pooled(x: np.ndarray) -> np.ndarray:
        scaled = (x.astype(np.float32) - mean) / deviation
        return scaled.reshape(len(x), HAR_FRAMES, -1, x.shape[2]).mean(axis=2)

    return Samples(
        pooled(train),
        arrays["y_train"].astype(np.int64),
        pooled(arrays["X_test"][kept]),
        arrays["y_test"][kept].astype(np.int64),
    )


class Classifier(nn.Module):
    """A recurrent layer, its last state to ``classes`` scores; with ``dense`` a ReLU layer of so many units between."""

    def __init__(self, cell: str, features: int, hidden: int, classes: int, dense: int = 0) -> None:
        super().__init__()
        self.recurrent = CELLS[cell](features, hidden, batch_first=True)
        layers = [nn.Dropout(0.5), nn.Linear(hidden, dense), nn.ReLU()] if dense else []
        self.head = nn.Sequential(*layers, nn.Linear(dense or hidden, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, state = self.recurrent(x)
        last = state[0] if isinstance(state, tuple) else state
        return self.head(last[-1])


def trained(given: Samples, classifier: Classifier, epochs: int) -> Classifier:
    """Trained with Adam, the same on every run of one machine; says on stderr how far it is."""
    x, y = torch.from_numpy(given.x_train), torch.from_numpy(given.y_train)
    optimiser = torch.optim.Adam(classifier.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    start = time.perf_counter()
    for epoch in range(epochs):
        classifier.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(128):
            loss = nn.functional.cross_entropy(classifier(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
            optimiser.step()
            total += float(loss.detach()) * len(batch)
        schedule.step()
        print(
            f"epoch {epoch + 1}: loss {total / len(x):.3f}, {time.perf_counter() - start:.0f} s",
            file=sys.stderr,
        )
    return classifier.eval()


def export(classifier: Classifier, shape: tuple[int, int], path: Path) -> None:
    """Write an ONNX file that takes any number of sequences of ``shape`` (T, D)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(
            classifier,
            (torch.zeros(1, *shape),),
            str(path),
            input_names=["x"],
            output_names=["scores"],
            dynamic_axes={"x": {0: "batch"}, "scores": {0: "batch"}},
            dynamo=False,
            opset_version=17,
        )
