"""Deka et al., section V.C: human activity from a phone's sensors, with a GRU of 50 units (Table III).

    python -m benchmarks.deka.activity --data FOLDER [--cache FOLDER] [--signals 300]

FOLDER (or CERTRNN_DATA) holds har/har_windows.npz and har/HOLDOUT_INDICES.txt. Trains the network on windows of 128
frames and 9 channels (about two minutes), exports it to ONNX, and prints the success of the targeted fixed-point attack
for every pair of classes, each channel moving by at most 0.15 (g or rad/s), beside the paper's; then the untargeted
success of all three causal attacks, and how their time grows with the length. Only signals that the network answers
rightly are attacked, and only what onnxruntime confirms counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from benchmarks.data import sequences
from benchmarks.deka import shared as deka
from certrnn.attacks import Distance, Lyapunov, Margin, Target
from certrnn.model import Model

FRAMES, CHANNELS, HIDDEN, CLASSES, EPS = 128, 9, 50, 6, 0.15
NAMES = ("walking", "upstairs", "downstairs", "sitting", "standing", "laying")
ACCURACY = 93.41
NONE = float("nan")
PAPER = np.array(
    [
        [NONE, 54.84, 43.55, 17.74, 20.97, 0],
        [46.15, NONE, 30.77, 26.92, 3.85, 5.77],
        [50, 86.11, NONE, 5.56, 0, 0],
        [11.36, 11.36, 6.81, NONE, 97.73, 0],
        [77.27, 22.73, 29.55, 100, NONE, 0],
        [0, 12.9, 0, 16.13, 0, NONE],
    ]
)
"""Table III: targeted success in per cent; rows are the signals' classes."""
UNTARGETED = (88.71, 84.61, 86.11, 100.0, 100.0, 20.97)
ROUNDS = 8
"""Most rounds a frame of the fixed point; its default of 50 changed no success for the signals and targets tried."""
LENGTHS = (32, 64, 128, 256)


def windows(data: Path) -> sequences.Samples:
    """Windows in g and rad/s, without those reserved; recomputed from the raw recordings by the official split."""
    with np.load(data / sequences.FILES["har"][0]) as file:
        arrays = {key: file[key] for key in ("X_train", "y_train", "X_test", "y_test")}
    reserved = (data / sequences.FILES["har"][1]).read_text("utf-8").splitlines()[1]
    kept = np.setdiff1d(np.arange(len(arrays["X_test"])), [int(number) for number in reserved.split()])
    return sequences.Samples(
        arrays["X_train"].astype(np.float32),
        arrays["y_train"].astype(np.int64),
        arrays["X_test"][kept].astype(np.float32),
        arrays["y_test"][kept].astype(np.int64),
    )


def train(data: Path, path: Path, epochs: int) -> None:
    """As in the paper: GRU, dropout, a dense ReLU layer of 50 units, scores of six classes."""
    classifier = sequences.Classifier("gru", CHANNELS, HIDDEN, CLASSES, dense=50)
    sequences.export(sequences.trained(windows(data), classifier, epochs), (FRAMES, CHANNELS), path)


def chosen(model: Model, x: torch.Tensor, labels: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Numbers of ``count`` test signals drawn by chance, those among them that are answered rightly."""
    drawn = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(x))[:count]))
    return drawn[deka.answers(model, x[drawn]) == labels[drawn]]


@dataclass(frozen=True)
class Targeted:
    """Success in per cent (6, 6) by class and target, by class the success with any target, violations of our graph
    that onnxruntime did not confirm, and seconds a signal and target."""

    success: np.ndarray
    either: list[float]
    doubtful: int
    seconds: float


def targeted(model: Model, x: torch.Tensor, labels: torch.Tensor, kind: str, eps: float) -> Targeted:
    """Every signal driven to every other class."""
    found, doubtful, seconds = np.full((CLASSES, CLASSES), NONE), 0, []
    reached = torch.zeros(len(x), dtype=torch.bool)
    for target in range(CLASSES):
        rows = (labels != target).nonzero().flatten()
        attack = deka.attacks(Target(torch.full((len(rows),), target)), ROUNDS)[kind]
        fallen = deka.Case(model, x[rows], labels[rows], CLASSES, eps).attacked(attack, target)
        doubtful += fallen.doubtful
        reached[rows[fallen.confirmed]] = True
        seconds.append(fallen.seconds / len(rows))
        for label in set(range(CLASSES)) - {target}:
            found[label, target] = share(fallen.confirmed, labels[rows], label)
    either = [share(reached, labels, label) for label in range(CLASSES)]
    return Targeted(found, either, doubtful, float(np.mean(seconds)))


def share(confirmed: torch.Tensor, labels: torch.Tensor, label: int) -> float:
    """In per cent of the signals of one class."""
    return 100 * float(confirmed[labels == label].double().mean())


def matrix(found: np.ndarray, counts: list[int]) -> str:
    """Table III: ours, with the paper's in brackets."""
    lines = [
        "| class (signals) \\ target: ours (paper), % | " + " | ".join(NAMES) + " |",
        "|---" * (CLASSES + 1) + "|",
    ]
    for label, name in enumerate(NAMES):
        cells = [
            "-" if label == target else f"{found[label, target]:.1f} ({PAPER[label, target]:g})"
            for target in range(CLASSES)
        ]
        lines.append(f"| {name} ({counts[label]}) | {' | '.join(cells)} |")
    both = ~np.isnan(found + PAPER)
    ours, theirs = found[both], PAPER[both]
    ranks = float(spearmanr(ours, theirs)[0])  # pyright: ignore[reportArgumentType]
    means = f"Mean of the pairs: {ours.mean():.1f} % (paper: {theirs.mean():.1f} %)"
    return "\n".join([*lines, "", f"{means}; rank correlation with the paper's: {ranks:.2f}."])


def untargeted(model: Model, x: torch.Tensor, labels: torch.Tensor, eps: float) -> str:
    """Success by class of all three attacks on two functions V."""
    lines = [
        "| untargeted success, % | " + " | ".join(NAMES) + " | l2 norm | ms a signal |",
        "|---" * (CLASSES + 3) + "|",
        "| paper, fixed point | " + " | ".join(str(value) for value in UNTARGETED) + " | | |",
    ]
    functions: dict[str, Lyapunov] = {"margin": Margin(), "distance of states": Distance()}
    for name, function in functions.items():
        for kind, attack in deka.attacks(function, ROUNDS).items():
            fallen = deka.Case(model, x, labels, CLASSES, eps).attacked(attack)
            cells = " | ".join(f"{share(fallen.confirmed, labels, c):.1f}" for c in range(CLASSES))
            size = float((fallen.x - x).flatten(1).norm(dim=1).mean())
            lines.append(
                f"| {kind}, V: {name} | {cells} | {size:.2f} | {1e3 * fallen.seconds / len(x):.1f} |"
            )
    return "\n".join(lines)


def tables(model: Model, x: torch.Tensor, labels: torch.Tensor, eps: float) -> None:
    """Print Table III for all attacks, the untargeted success and the times."""
    counts = [int((labels == c).sum()) for c in range(CLASSES)]
    for kind in (deka.FIXED, deka.DYNAMIC, deka.GRADIENT):
        found = targeted(model, x, labels, kind, eps)
        print(f"\n## Table III, targeted {kind}, eps {eps}\n")
        print(matrix(found.success, counts))
        print(f"Any target reached: {' / '.join(f'{value:.1f}' for value in found.either)} % by class.")
        print(
            f"{1e3 * found.seconds:.1f} ms a signal and target; violations that onnxruntime did not confirm: "
            f"{found.doubtful}.",
            flush=True,
        )
    print(f"\n## Untargeted, eps {eps}\n")
    print(untargeted(model, x, labels, eps), flush=True)
    print(f"\n## Time by length (signals begin anew after {FRAMES} frames)\n")
    print(deka.growth(deka.attacks(Margin()), model, x[:8], LENGTHS))


def main() -> int:
    parser = deka.options(__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--signals", type=int, default=300, help="test signals that are drawn")
    parser.add_argument("--eps", type=float, default=EPS, help="largest disturbance of a channel")
    options = deka.given(parser, sequences.FILES["har"])
    start = time.process_time()
    model = deka.network(
        options.cache, "deka_activity.onnx", lambda path: train(options.data, path, options.epochs)
    )
    given = windows(options.data)
    x, labels = torch.from_numpy(given.x_test).double(), torch.from_numpy(given.y_test)
    accuracy = 100 * float((deka.answers(model, x) == labels).double().mean())
    rows = chosen(model, x, labels, options.signals, options.seed)
    print(deka.title("Deka et al., section V.C: human activity, GRU with 50 units", model))
    print(f"Test accuracy {accuracy:.2f} % on {len(x)} windows (paper: {ACCURACY} %).")
    print(f"Of {options.signals} signals drawn by chance {len(rows)} are answered rightly, and attacked.")
    tables(model, x[rows], labels[rows], options.eps)
    print(f"\n{time.process_time() - start:.0f} s of processor time in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
