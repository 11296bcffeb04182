"""The smallest eps that projected gradient descent finds, beside recorded upper bounds of another attack.

    python -m benchmarks.attacks.pgd --models FOLDER [--only lstm_4f] [--samples 5] [--replay]

FOLDER (by default the folder ``models`` in $CERTRNN_DATA) holds ``NAME.onnx`` with ``NAME.npz`` (``x``, ``y``,
``t10k_index``) and, for the comparison, ``peers.json``. One line a model and threat: mean smallest eps of ours and of
the record on the same samples, the ratio of the means, the largest ratio of a sample, the share of violations that
onnxruntime confirms (with --replay only those count), and seconds a sample.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from certrnn.attacks import PGD, replay_smallest, smallest_eps
from certrnn.io.onnx import OnnxModel, read
from certrnn.regions import LinfBall
from certrnn.specs import label_spec

Records = dict[str, dict[str, dict[str, list[float]]]]
"""Model, threat (``all`` or a frame), sample: [eps, seconds]."""


@dataclass(frozen=True, eq=False)
class Line:
    """One model and threat: eps of ours and of the record (nan where there is none), per sample."""

    name: str
    ours: np.ndarray
    recorded: np.ndarray
    confirmed: float
    seconds: float

    @property
    def ratio(self) -> float:
        return float(self.ours.mean() / self.recorded.mean())

    def __str__(self) -> str:
        worst = float((self.ours / self.recorded).max())
        return (
            f"{self.name:22} {self.ours.mean():9.5f} {self.recorded.mean():9.5f} {self.ratio:7.4f} {worst:7.4f}"
            f" {self.confirmed:9.2f} {self.seconds:7.3f}"
        )


def measure(
    model: OnnxModel, x: torch.Tensor, labels: torch.Tensor, frames: tuple[int, ...], replayed: bool
) -> tuple[np.ndarray, float, float]:
    """Smallest eps a sample, the share that onnxruntime confirms, and seconds a sample."""
    graph = model.graph(tuple(x.shape[1:]))
    spec = label_spec(labels, graph.outputs)

    def ball(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
        return LinfBall(x[rows], eps, frames)

    start = time.perf_counter()
    found, share = smallest_eps(PGD(), graph, ball, spec), float("nan")
    if replayed:
        found, done = replay_smallest(model, graph, ball, spec, found, labels)
        share = float(done.confirmed.double().mean())
    return found.eps.numpy(), share, (time.perf_counter() - start) / len(x)


def lines(folder: Path, only: str, samples: int, replayed: bool) -> Iterator[Line]:
    """One line a model and threat, as they are measured."""
    peers = folder / "peers.json"
    records: Records = json.loads(peers.read_text())["eps"]["PGD-upper-bound"] if peers.is_file() else {}
    for data in sorted(folder.glob("*.npz")):
        if only not in data.stem:
            continue
        model, arrays = read(data.with_suffix(".onnx")), np.load(data)
        record = records.get(data.stem, {})
        known = next(iter(record.values()), {})
        chosen = [i for i, k in enumerate(arrays["t10k_index"]) if not known or str(k) in known][:samples]
        # the model is fed float32, so that is what the samples are
        x = torch.from_numpy(arrays["x"][chosen].astype(np.float32).astype(np.float64))
        labels, length = torch.from_numpy(arrays["y"][chosen]), x.shape[1]
        for threat in [*map(str, range(length)), "all"]:
            frames = tuple(range(length)) if threat == "all" else (int(threat),)
            eps, share, seconds = measure(model, x, labels, frames, replayed)
            asked = [str(k) for k in arrays["t10k_index"][chosen]]
            recorded = np.array([record.get(threat, {}).get(k, [np.nan])[0] for k in asked])
            yield Line(f"{data.stem} {threat}", eps, recorded, share, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument("--models", type=Path, default=Path(home) / "models" if home else None)
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="more pay on an idle machine only")
    parser.add_argument("--replay", action="store_true", help="count only what onnxruntime confirms")
    options = parser.parse_args()
    if options.models is None or not any(options.models.glob("*.npz")):
        print(
            f"no NAME.npz with NAME.onnx in {options.models}; name the folder with --models", file=sys.stderr
        )
        return 2
    print(
        f"# {platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {time.strftime('%F')}"
    )
    print(
        f"{'model, threat':22} {'ours':>9} {'record':>9} {'ratio':>7} {'worst':>7} {'confirmed':>9} {'s':>7}"
    )
    measured = []
    for line in lines(options.models, options.only, options.samples, options.replay):
        print(line, flush=True)
        measured.append(line)
    compared = [line.ratio for line in measured if not np.isnan(line.ratio)]
    if compared:
        print(f"mean ratio {np.mean(compared):.4f}, largest {max(compared):.4f}, of {len(compared)} lines")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
