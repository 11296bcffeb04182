"""Does thresholding protect? A network with ``x > t`` in front of it: certified, and attacked by who knows of it.

    python -m benchmarks.training.thresholding [--epochs 60] [--hidden 20] [--samples 60] [--seeds 3] [--quick]

A vanilla RNN on the bundled handwritten digits (8 frames of 8 pixels, a tenth held out): as it is, with the threshold
put in front afterwards (the report's figure 13), and trained behind it. Each is an ONNX file, and the comparison is one
of its nodes. The file's own gradient is zero, so that an attack that follows it finds nothing; the adaptive attack
searches the corners, every pixel within eps of the threshold above or below, and is replayed in onnxruntime. What is
certified stands beside: at least every digit none of whose pixels can cross.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from certrnn.attacks import PGD
from certrnn.domains import evaluate
from certrnn.model import Model, load
from certrnn.regions import Box, LinfBall
from certrnn.specs import label_spec
from certrnn.training import Architecture, Examples, Run, Settings, read_sequences, train

THRESHOLD = 0.5
EPS = (0.05, 0.1, 0.2, 0.3, 0.4)
ABOVE = np.nextafter(np.float32(THRESHOLD), np.float32(1))
CORNERS = 64
"""Corners that the adaptive attack draws beside the one that projected descent finds."""


@dataclass(frozen=True, eq=False)
class Variant:
    """A network, and the same without its threshold where it has one."""

    name: str
    model: Model
    inner: Model | None = None


def thresholded(path: Path, out: Path) -> None:
    """Write the network of a file behind ``x > t``, read as 0 and 1."""
    proto = onnx.load(path)
    own = proto.graph.input[0].name
    for node in proto.graph.node:
        node.input[:] = ["pixels" if name == own else name for name in node.input]
    proto.graph.node.insert(0, helper.make_node("Greater", [own, "threshold"], ["white"]))
    proto.graph.node.insert(1, helper.make_node("Cast", ["white"], ["pixels"], to=TensorProto.FLOAT))
    proto.graph.initializer.append(numpy_helper.from_array(np.array(THRESHOLD, np.float32), "threshold"))
    onnx.save(proto, out)


def white(x: np.ndarray) -> np.ndarray:
    """What the threshold makes of pixels."""
    return (x > np.float32(THRESHOLD)).astype(np.float32)


def variants(
    examples: Examples, heldout: Examples, options: argparse.Namespace, seed: int, folder: Path
) -> list[Variant]:
    """The three networks."""
    files = {}
    for name, seen in (("raw", lambda x: x), ("behind", white)):
        parts = [Examples.of([seen(x) for x in part.x], part.y) for part in (examples, heldout)]
        settings = Settings("none", epochs=options.epochs, rate=0.03, seed=seed)
        files[name] = folder / f"{name}{seed}.onnx"
        train(Run(*parts, settings, Architecture("rnn", options.hidden))).save(files[name])
        thresholded(files[name], folder / f"{name}{seed}_t.onnx")
    raw, behind = (load(files[name]) for name in ("raw", "behind"))
    return [
        Variant("as it is", raw),
        Variant("threshold in front", load(folder / f"raw{seed}_t.onnx"), raw),
        Variant("trained behind it", load(folder / f"behind{seed}_t.onnx"), behind),
    ]


def adaptive(variant: Variant, x: np.ndarray, y: np.ndarray, eps: float, seed: int) -> np.ndarray:
    """(N,) whether some digit within eps, confirmed in onnxruntime, is answered otherwise."""
    assert variant.inner is not None
    reach = np.float32(eps) * (1 - np.float32(1e-6))
    low, high = white(np.maximum(x - reach, 0)), white(np.minimum(x + reach, 1))
    graph = variant.inner.network.graph(x.shape[1:])
    bits = [torch.from_numpy(part.astype(np.float64)) for part in (low, high)]
    spec = label_spec(torch.from_numpy(y), graph.outputs)
    with torch.no_grad():
        pull = PGD()(graph, Box.of(*bits), spec).x.numpy()
    rng, turned = np.random.default_rng(seed), np.zeros(len(x), dtype=bool)
    for draw in range(1 + CORNERS):
        chosen = pull > 0.5 if draw == 0 else rng.random(x.shape) < np.clip(pull, 0.1, 0.9)
        corner = np.where(chosen, high, low)
        crossed = np.where(corner > 0, ABOVE, np.float32(THRESHOLD))
        moved = np.where(corner == white(x), x, crossed)
        near = np.abs(moved.astype(np.float64) - x.astype(np.float64)).max(axis=(1, 2)) <= eps
        turned |= near & (variant.model.network.run_onnxruntime(moved).argmax(axis=1) != y)
    return turned


def followed(variant: Variant, x: np.ndarray, y: np.ndarray, eps: float) -> np.ndarray:
    """(N,) whether an attack along the file's own gradient succeeds."""
    graph = variant.model.network.graph(x.shape[1:])
    center, radius = torch.from_numpy(x.astype(np.float64)), torch.full((len(x),), eps, dtype=torch.float64)
    ball = LinfBall(center, radius, tuple(range(x.shape[1])), (0.0, 1.0))
    return PGD()(graph, ball, label_spec(torch.from_numpy(y), graph.outputs)).success.numpy()


def rows_of(
    variant: Variant, heldout: Examples, eps_values: tuple[float, ...], seed: int
) -> list[list[float]]:
    """Accuracy, and for each eps the shares of right digits that the file's gradient turns, that the adaptive attack
    turns, and that are certified."""
    x, y = np.stack(heldout.x).astype(np.float32), np.asarray(heldout.y)
    graph = variant.model.network.graph(x.shape[1:])
    answers = evaluate(graph, torch.from_numpy(x.astype(np.float64))).argmax(dim=1).numpy()
    right = answers == y
    x, y, accuracy = x[right], y[right], float(right.mean())
    rows = []
    for eps in eps_values:
        along = followed(variant, x, y, eps)
        turned = along if variant.inner is None else adaptive(variant, x, y, eps, seed)
        results = variant.model.certify(
            x, y, eps=eps, frames="all", clip=(0, 1), method="zonotope", attack=False
        )
        certified = np.array([row.verdict == "certified" for row in results])
        if bool((certified & (along | turned)).any()):
            raise SystemExit(f"a certified digit was turned: {variant.name}, eps {eps}")
        rows.append([accuracy, *(float(share.mean()) for share in (along, turned, certified))])
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.thresholding", description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--hidden", type=int, default=20)
    parser.add_argument("--samples", type=int, default=60, help="held-out digits, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--quick", action="store_true", help="one seed and two eps, in seconds")
    options = parser.parse_args()
    eps_values = EPS
    if options.quick:
        options.epochs, options.seeds, options.samples, eps_values = 15, 1, 20, (0.05, 0.3)
    examples, heldout = read_sequences("example:digits_heldout").split(0.15, 0)
    heldout = heldout.take(range(min(options.samples, len(heldout))))
    measured: dict[str, list[list[list[float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for variant in variants(examples, heldout, options, seed, Path(folder)):
                measured.setdefault(variant.name, []).append(rows_of(variant, heldout, eps_values, seed))
                print(f"seed {seed}: {variant.name}", file=sys.stderr, flush=True)
    columns = ("network", "accuracy", "eps", "turned along its gradient", "turned, adaptive", "certified")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, seeds in measured.items():
        for eps, row in zip(eps_values, np.mean(seeds, axis=0).tolist(), strict=True):
            shares = " | ".join(f"{100 * share:.1f} %" for share in row[1:])
            lines.append(f"| {name} | {100 * row[0]:.1f} % | {eps:g} | {shares} |")
    table = "\n".join(lines) + "\n"
    print(table)
    if options.out is not None:
        options.out.write_text(table, encoding="utf-8")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
