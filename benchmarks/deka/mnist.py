"""Deka et al., section V.B: digits read row by row, by a vanilla RNN of 56 units (Table II).

    python -m benchmarks.deka.mnist --data FOLDER [--cache FOLDER] [--images 9500] [--compared 1000]

FOLDER (or CERTRNN_DATA) holds MNIST's four files below mnist/. Trains the network (about a minute), exports it to
ONNX, and prints the accuracy on test images under the untargeted gradient-sign attack as the pixels' disturbance
grows, beside the paper's figures; then all three causal attacks on the first ``--compared`` of these images, and how
their time grows with the number of rows. An image counts as fallen only where onnxruntime confirms it.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from benchmarks.data import sequences
from benchmarks.deka import shared as deka
from certrnn.attacks import PGD, CausalSystem, Confidence, Distance, Lyapunov, Margin
from certrnn.model import Model
from certrnn.regions import LinfBall
from certrnn.specs import label_spec

ROWS, PIXELS, HIDDEN, CLASSES = 28, 28, 56, 10
TRAIN = 55_000
PAPER = {0.0: 96.0, 0.05: 61.34, 0.1: 29.76, 0.2: 12.83, 0.3: 10.29}
"""Table II: accuracy in per cent by perturbation size."""
ASKED = {0.0: None, 0.05: 65, 0.1: 35, 0.2: 15, 0.3: 12}
"""What the accuracy must fall below."""
CLIPS: dict[str, tuple[float, float] | None] = {"any pixel value": None, "pixels stay in [0, 1]": (0.0, 1.0)}
FUNCTIONS: dict[str, Lyapunov] = {
    "margin": Margin(),
    "confidence": Confidence(),
    "distance of states": Distance(),
}
LENGTHS = (28, 56, 112, 224, 448)


def train(data: Path, path: Path, epochs: int) -> None:
    """On the first 55000 training images, as in the paper."""
    given = sequences.samples(data, "mnist", ROWS)
    cut = sequences.Samples(given.x_train[:TRAIN], given.y_train[:TRAIN], given.x_test, given.y_test)
    classifier = sequences.Classifier("rnn", PIXELS, HIDDEN, CLASSES)
    sequences.export(sequences.trained(cut, classifier, epochs), (ROWS, PIXELS), path)


def accuracies(model: Model, x: torch.Tensor, labels: torch.Tensor) -> str:
    """Table II, for every function V and with and without a range of pixels."""
    sizes = " | ".join(str(eps) for eps in PAPER)
    lines = [f"| accuracy in % at perturbation size | {sizes} |", "|---" * (len(PAPER) + 1) + "|"]
    lines.append("| paper | " + " | ".join(str(value) for value in PAPER.values()) + " |")
    below = ("" if value is None else f"< {value}" for value in ASKED.values())
    lines.append("| asked | " + " | ".join(below) + " |")
    clean = 100 * float((deka.answers(model, x) == labels).double().mean())
    doubtful = 0
    for name, function in FUNCTIONS.items():
        for held, clip in CLIPS.items():
            cells = [f"{clean:.2f}"]
            for eps in list(PAPER)[1:]:
                case = deka.Case(model, x, labels, CLASSES, eps, clip)
                fallen = case.attacked(deka.attacks(function)[deka.GRADIENT])
                cells.append(f"{100 * (1 - fallen.share):.2f}")
                doubtful += fallen.doubtful
            lines.append(f"| V: {name}, {held} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Violations of our graph that onnxruntime did not confirm: {doubtful}."])


def so_far(model: Model, x: torch.Tensor, labels: torch.Tensor) -> str:
    """How often the network would be right if the image ended at a row: what a V of the scores looks at."""
    system, state, right = CausalSystem(model.network.graph((ROWS, PIXELS))), (), []
    for row in range(ROWS):
        right.append(float((system.scores(state, x[:, row], row).argmax(dim=1) == labels).double().mean()))
        state = system.advance(row, state, x[:, row])
    shown = ", ".join(f"{100 * right[row - 1]:.0f} % after row {row}" for row in (7, 14, 21, 25, 26, 27, 28))
    return f"If an image ended at an earlier row, the network would be right for {shown}."


def best(model: Model, x: torch.Tensor, labels: torch.Tensor) -> str:
    """A yardstick that sees the whole image first: projected gradient descent."""
    spec, graph = label_spec(labels, CLASSES), model.network.graph((ROWS, PIXELS))
    cells = []
    for eps in list(PAPER)[1:]:
        region = LinfBall(x, torch.full((len(x),), eps, dtype=torch.float64), tuple(range(ROWS)))
        left = float((~PGD()(graph, region, spec).success).double().mean())
        cells.append(f"{100 * left:.1f}")
    sizes = "/".join(map(str, list(PAPER)[1:]))
    return f"PGD, which is not causal, leaves {'/'.join(cells)} % of the first {len(x)} at {sizes}."


def compared(model: Model, x: torch.Tensor, labels: torch.Tensor) -> str:
    """The three attacks side by side: accuracy that is left, l2 norm of the disturbance, time."""
    sizes = " | ".join(str(eps) for eps in list(PAPER)[1:])
    lines = [
        f"| accuracy in % at perturbation size | {sizes} | l2 norm at 0.1 | ms an image |",
        "|---" * (len(PAPER) + 2) + "|",
    ]
    for name, attack in deka.attacks(Margin()).items():
        cells, seconds, size = [], 0.0, 0.0
        for eps in list(PAPER)[1:]:
            fallen = deka.Case(model, x, labels, CLASSES, eps).attacked(attack)
            cells.append(f"{100 * (1 - fallen.share):.1f}")
            seconds += fallen.seconds / (len(PAPER) - 1)
            if eps == 0.1:
                size = float((fallen.x - x).flatten(1).norm(dim=1).mean())
        lines.append(f"| {name} | {' | '.join(cells)} | {size:.2f} | {1e3 * seconds / len(x):.2f} |")
    return "\n".join(lines)


def main() -> int:
    parser = deka.options(__doc__)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--images", type=int, default=sequences.MNIST_TEST, help="test images of Table II")
    parser.add_argument("--compared", type=int, default=1000, help="images for all three attacks")
    options = deka.given(parser, sequences.FILES["mnist"])
    start = time.process_time()
    model = deka.network(
        options.cache, "deka_mnist.onnx", lambda path: train(options.data, path, options.epochs)
    )
    given = sequences.samples(options.data, "mnist", ROWS)
    x, labels = torch.from_numpy(given.x_test).double(), torch.from_numpy(given.y_test)
    x, labels = x[: options.images], labels[: options.images]
    print(deka.title("Deka et al., section V.B: MNIST rows, RNN with 56 units", model))
    print(f"## Table II, {len(x)} test images, gradient sign (8), untargeted\n")
    print(accuracies(model, x, labels), flush=True)
    part = slice(0, options.compared)
    print(so_far(model, x[part], labels[part]))
    print(best(model, x[: options.compared // 5], labels[: options.compared // 5]), flush=True)
    print(f"\n## The three causal attacks on {len(x[part])} of these images, V: margin\n")
    print(compared(model, x[part], labels[part]), flush=True)
    print(f"\n## Time by length (rows begin anew after {ROWS})\n")
    print(deka.growth(deka.attacks(Margin()), model, x[:8], LENGTHS))
    print(f"\n{time.process_time() - start:.0f} s of processor time in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
