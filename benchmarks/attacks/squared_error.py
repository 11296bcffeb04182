"""Targeted and non-targeted squared-error attacks on a 784-20-10 sigmoid network of MNIST, with a picture.

    python -m benchmarks.attacks.squared_error [--data FOLDER] [--out squared_error.png] [--images 100]

FOLDER (by default $CERTRNN_DATA) holds ``mnist/`` (the official idx files). The network of R. K. Singh's report
"Adversarial attack" (2021, section 7) is trained with the mean squared error on a tenth of the training images. Then

* non-targeted (section 7.1): from dark noise (0 to 0.1), with no pull, an image for each of the ten answers;
* targeted (section 7.2): an image that looks like a given one (pull 0.05) and gets each of the nine other answers;
* thresholding (section 8.1): the share of the targeted images whose first answer comes back once pixels are 0 or 1.

The report shows one picture and says that all but one of its images fooled the network; it counts nothing.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from certrnn.attacks import Outcome, SquaredError
from certrnn.domains import evaluate
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import accept_spec
from transformers_abs import SIGMOID

TRAINED = 6000
FIRST, LAST = 9000, 9500
"""Test images that are attacked; those behind are held out."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Images (N, 784) in [0, 1] and labels (N,)."""

    x: torch.Tensor
    y: torch.Tensor


def digits(folder: Path, part: str) -> Digits:
    """The training (``train``) or test (``t10k``) images."""
    pixels = _bytes(next(folder.glob(f"{part}-images*")))[16:].reshape(-1, 784)
    labels = _bytes(next(folder.glob(f"{part}-labels*")))[8:]
    return Digits(torch.from_numpy(pixels / 255.0), torch.from_numpy(labels.astype(np.int64)))


def _bytes(file: Path) -> np.ndarray:
    raw = file.read_bytes()
    return np.frombuffer(gzip.decompress(raw) if file.suffix == ".gz" else raw, dtype=np.uint8)


def trained(data: Digits, epochs: int, seed: int) -> Graph:
    """A 784-20-10 network with sigmoids, by Adam on the mean squared error; scores before the last one."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(784, 20), torch.nn.Sigmoid(), torch.nn.Linear(20, 10)).double()
    goal = torch.nn.functional.one_hot(data.y, 10).double()
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(data.x)).split(50):
            optimiser.zero_grad()
            loss = 0.5 * ((goal[rows] - net(data.x[rows]).sigmoid()) ** 2).sum(dim=1).mean()
            loss.backward()
            optimiser.step()
    builder = GraphBuilder()
    inward, outward = net[0], net[2]
    assert isinstance(inward, torch.nn.Linear)
    assert isinstance(outward, torch.nn.Linear)
    hidden = builder.affine(inward.weight.detach(), inward.bias.detach(), builder.input(frame=0, size=784))
    active = builder.elementwise(SIGMOID, hidden)
    return builder.build(builder.affine(outward.weight.detach(), outward.bias.detach(), active))


def answers(graph: Graph, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes (N,) and output (N,) of the class, of images (N, 784)."""
    with torch.no_grad():
        best = evaluate(graph, x[:, None]).sigmoid().max(dim=1)
    return best.indices, best.values


def attacked(attack: SquaredError, graph: Graph, x: torch.Tensor, goal: int) -> Outcome:
    """Images (N, 1, 784) in [0, 1] that shall be answered ``goal``."""
    region = LinfBall(x[:, None], torch.ones(len(x), dtype=torch.float64), (0,), (0.0, 1.0))
    others = [label for label in range(10) if label != goal]
    return attack(graph, region, accept_spec(len(x), others, 10))


@dataclass(frozen=True, eq=False)
class Targeted:
    """What became of images (N, 784) under the targeted attack at their goals (N,)."""

    x: torch.Tensor
    label: torch.Tensor
    goal: torch.Tensor
    adversarial: torch.Tensor
    fooled: torch.Tensor


def targeted(graph: Graph, x: torch.Tensor, labels: torch.Tensor) -> Targeted:
    """Every image at each of the nine other answers."""
    parts = []
    for goal in range(10):
        rows = (labels != goal).nonzero().flatten()
        outcome = attacked(SquaredError(steps=200), graph, x[rows], goal)
        goals = torch.full_like(labels[rows], goal)
        parts.append(Targeted(x[rows], labels[rows], goals, outcome.x[:, 0], outcome.success))
    fields = ("x", "label", "goal", "adversarial", "fooled")
    return Targeted(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


def draw(graph: Graph, noise: torch.Tensor, found: Targeted, file: Path) -> None:
    """Non-targeted images on top; below, images, what they became, and the difference."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 10, figsize=(13, 6.2))
    shown = [int(((found.label == d) & (found.goal == (d + 3) % 10)).nonzero()[0]) for d in range(10)]
    rows = (noise, found.x[shown], found.adversarial[shown], found.adversarial[shown] - found.x[shown])
    names = ("non-targeted", "image", "targeted", "difference")
    for line, (images, name) in enumerate(zip(rows, names, strict=True)):
        best, output = answers(graph, images.clamp(0, 1))
        for column in range(10):
            axis, picture = axes[line, column], images[column].reshape(28, 28).numpy()
            low = -1.0 if name == "difference" else 0.0
            axis.imshow(picture, cmap="RdBu_r" if low else "gray_r", vmin=low, vmax=1.0)
            axis.set_xticks([])
            axis.set_yticks([])
            if name != "difference":
                axis.set_title(f"answer {int(best[column])} ({float(output[column]):.2f})", fontsize=8)
        axes[line, 0].set_ylabel(name, fontsize=9)
    figure.suptitle("Squared-error attacks on a 784-20-10 sigmoid network")
    figure.tight_layout()
    figure.savefig(file, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument("--data", type=Path, default=Path(home) if home else None)
    parser.add_argument("--out", type=Path, default=Path("squared_error.png"))
    parser.add_argument("--images", type=int, default=100, help="test images attacked")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = None if options.data is None else options.data / "mnist"
    if folder is None or not any(folder.glob("train-images*")):
        print(f"no mnist folder with the idx files in {options.data}; name it with --data", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    start, train, test = time.time(), digits(folder, "train"), digits(folder, "t10k")
    graph = trained(Digits(train.x[:TRAINED], train.y[:TRAINED]), options.epochs, options.seed)
    accuracy = float((answers(graph, test.x[:FIRST])[0] == test.y[:FIRST]).double().mean())
    print(
        f"784-20-10, {TRAINED} images: accuracy {accuracy:.3f} on {FIRST} test images, {time.time() - start:.0f} s"
    )

    black = torch.zeros(1, 784, dtype=torch.float64)
    free = SquaredError(steps=200, pull=0.0, noise=0.1)
    blank = [attacked(free, graph, black, goal) for goal in range(10)]
    reached = [bool(outcome.success) for outcome in blank]
    print(f"non-targeted: {sum(reached)} of 10 answers reached from noise")

    x, y = test.x[FIRST:LAST], test.y[FIRST:LAST]
    right = (answers(graph, x)[0] == y).nonzero().flatten()[: options.images]
    start = time.time()
    found = targeted(graph, x[right], y[right])
    moved = (found.adversarial - found.x)[found.fooled]
    print(
        f"targeted: {int(found.fooled.sum())} of {len(found.fooled)} (image, answer) pairs fooled, mean l2 "
        f"{float(moved.norm(dim=1).mean()):.2f}, "
        f"mean largest pixel change {float(moved.abs().amax(dim=1).mean()):.2f}, "
        f"{(time.time() - start) / len(found.fooled):.4f} s a pair"
    )
    wrong = found.adversarial[found.fooled]
    back = answers(graph, (wrong > 0.5).double())[0] == found.label[found.fooled]
    kept = answers(graph, (x[right] > 0.5).double())[0] == y[right]
    print(
        f"thresholding: {float(back.double().mean()):.3f} of the fooling images are answered rightly again; "
        f"{float(kept.double().mean()):.3f} of the undisturbed ones still are"
    )
    draw(graph, torch.cat([outcome.x[:, 0] for outcome in blank]), found, options.out)
    print(f"picture: {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
