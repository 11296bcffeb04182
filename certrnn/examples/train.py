"""Trains the bundled networks and writes their files: ``python -m certrnn.examples.train [--out FOLDER]``.

Vanilla RNN, LSTM and GRU with 32 hidden units on scikit-learn's digits, each image as 8 frames (rows, from
the top) of 8 pixels in [0, 1]; the last hidden state feeds a linear head of 10 scores. Noise on the inputs
and weight decay keep the networks smooth. Seeds and split are fixed. Needs ``pip install certrnn[train]``.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

Recurrent = type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]
KINDS: dict[str, Recurrent] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
SEED = 20
HIDDEN = 32
EPOCHS = 120
BUNDLED = 50


@dataclass(frozen=True, eq=False)
class Split:
    """Frames (N, 8, 8) float64 in [0, 1] and labels (N,) of the training and the held-out images."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_heldout: np.ndarray
    y_heldout: np.ndarray


class Classifier(nn.Module):
    """A recurrent layer and a linear head on its last step; input (batch, 8, 8), output (batch, 10)."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.recurrent = KINDS[kind](8, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.recurrent(x)[0][:, -1])


def digits_split() -> Split:
    """scikit-learn's 1797 digits, three quarters for training, one quarter held out, stratified, fixed."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits: Any = load_digits()
    x = np.asarray(digits.images, dtype=np.float64) / 16.0  # pixels are integers 0..16
    y = np.asarray(digits.target, dtype=np.int64)
    rows = train_test_split(np.arange(len(y)), test_size=450, random_state=SEED, stratify=y)
    train, heldout = (np.asarray(r) for r in rows)
    return Split(x[train], y[train], x[heldout], y[heldout])


def train(kind: str, split: Split, *, epochs: int = EPOCHS) -> Classifier:
    """A classifier trained with Adam on noisy copies of the training images; the same on every run."""
    torch.manual_seed(SEED)
    model = Classifier(kind)
    x = torch.as_tensor(split.x_train, dtype=torch.float32)
    y = torch.as_tensor(split.y_train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            noisy = x[batch] + 0.1 * torch.randn_like(x[batch])
            loss = nn.functional.cross_entropy(model(noisy), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        schedule.step()
    return model.eval()


def accuracy(model: Classifier, x: np.ndarray, y: np.ndarray) -> float:
    """Share of the samples that the model classifies as labelled."""
    with torch.no_grad():
        scores = model(torch.as_tensor(x, dtype=torch.float32))
    return float((scores.argmax(1).numpy() == y).mean())


def export(model: Classifier, name: str, folder: Path) -> None:
    """Write ``NAME.onnx`` (legacy) and ``NAME_dynamo.onnx`` with external ``.data`` (dynamo)."""
    example = torch.zeros(2, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters warn about themselves
        torch.onnx.export(
            model,
            (example,),
            str(folder / f"{name}.onnx"),
            dynamo=False,
            input_names=["x"],
            output_names=["scores"],
            dynamic_axes={"x": {0: "batch"}, "scores": {0: "batch"}},
        )
        torch.onnx.export(
            model,
            (example,),
            str(folder / f"{name}_dynamo.onnx"),
            dynamo=True,
            input_names=["x"],
            output_names=["scores"],
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            verbose=False,
        )
    for file in (folder / f"{name}.onnx", folder / f"{name}_dynamo.onnx"):
        strip_origin(file)


def strip_origin(file: Path) -> None:
    """Drop the stack traces of the exporters: they name the paths of the machine that exported."""
    model = onnx.load(str(file), load_external_data=False)
    for holder in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        holder.ClearField("doc_string")
        holder.ClearField("metadata_props")
    for value in (*model.graph.value_info, *model.graph.initializer):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
    file.write_bytes(model.SerializeToString())


def write(folder: Path) -> dict[str, float]:
    """Train and write everything; returns the held-out accuracy by network."""
    torch.set_num_threads(1)  # one order of summation, hence the same weights
    split = digits_split()
    result = {}
    for kind in KINDS:
        model = train(kind, split)
        export(model, f"digits_{kind}", folder)
        result[f"digits_{kind}"] = accuracy(model, split.x_heldout, split.y_heldout)
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(split.y_heldout))[:BUNDLED])
    np.savez_compressed(folder / "digits_heldout.npz", x=split.x_heldout, y=split.y_heldout)
    np.savez_compressed(folder / "digits.npz", x=split.x_heldout[chosen], y=split.y_heldout[chosen])
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m certrnn.examples.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="output folder")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, share in write(folder).items():
        print(f"{name}: held-out accuracy {share:.4f}")


if __name__ == "__main__":
    main()
