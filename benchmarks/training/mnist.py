"""Certified accuracy of an LSTM on MNIST, all frames disturbed together; no figure is published for one.

    python -m benchmarks.training.mnist --data FOLDER [--epochs 20] [--eps 0.05] [--train-eps 0.06] [--samples 500]
    python -m benchmarks.training.mnist --quick

An LSTM of 32 units on images cut into 4 frames of 7 rows, trained on all 60000 images with the defence asked for. Clean
accuracy is onnxruntime's on the first 9500 test images; certified accuracy is ``certify``'s on the first ``--samples``
of them, by intervals and by zonotopes, outward rounded. --quick takes the bundled digits and two frames.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from certrnn.model import load
from certrnn.training import Architecture, Examples, Run, Settings, read_sequences, train

TRAIN, TEST = "mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz"
USABLE = 9500
"""Test images; the others are held out of every experiment."""


def data(asked: argparse.Namespace) -> tuple[Examples, Examples]:
    """Training and test images in frames."""
    if asked.quick:
        return read_sequences("example:digits_heldout", 2).split(0.2, 0)
    train_images = read_sequences(str(asked.data / TRAIN), 4)
    test = read_sequences(str(asked.data / TEST), 4)
    return train_images, test.take(range(USABLE))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.mnist", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real data")
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--defence", default="ibp-vt")
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--kappa", type=float, default=0.3)
    parser.add_argument("--eps", type=float, default=0.05, help="asked of certify")
    parser.add_argument("--train-eps", type=float, default=0.06)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--model", type=Path, default=Path("mnist-trained.onnx"), help="where the network goes"
    )
    parser.add_argument("--quick", action="store_true", help="bundled digits, in seconds")
    asked = parser.parse_args()
    if asked.quick:
        asked.epochs, asked.samples, asked.batch = 8, 10, 32
    elif asked.data is None:
        parser.error("name the folder of real data with --data, or run --quick")
    examples, test = data(asked)
    settings = Settings(
        asked.defence,
        asked.train_eps,
        asked.epochs,
        asked.batch,
        asked.rate,
        asked.seed,
        (0.0, 1.0),
        ramp=0.5 * asked.epochs,
        kappa=asked.kappa,
    )
    state = str(asked.model.with_suffix(".checkpoint.npz"))
    run = Run(
        examples,
        test.take(range(min(1000, len(test)))),
        settings,
        Architecture(asked.cell, asked.hidden),
        checkpoint=state,
        resume=True,
        tell=lambda epoch: print(epoch, file=sys.stderr, flush=True),
    )
    train(run).save(asked.model)
    model = load(asked.model)
    scores = model.network.run_onnxruntime(np.stack(test.x))
    clean = float((scores.argmax(1) == test.y).mean())
    few = test.take(range(min(asked.samples, len(test))))
    print(
        "| network | clean accuracy | eps | certified by | certified accuracy | samples |\n|---|---|---|---|---|---|"
    )
    for method in ("interval", "zonotope"):
        rows = model.certify(
            list(few.x), few.y, asked.eps, frames="all", clip=(0.0, 1.0), method=method, attack=False
        )
        share = sum(row.verdict == "certified" for row in rows) / len(few)
        name = f"{asked.cell} {asked.hidden}, {asked.defence}"
        print(
            f"| {name} | {100 * clean:.2f} % | {asked.eps:g} | {method} | {100 * share:.1f} % | {len(few)} |"
        )
    raise SystemExit(0)


if __name__ == "__main__":
    main()
