"""Existence conditions over the cube and over reachable tubes, on networks built so that the two differ.

    python -m benchmarks.deka.conditions [--keep FOLDER]

Two vanilla units that feed themselves (``h' = tanh(2 h + x / 2)``, slightly rotated) repel the origin: near it every
error must grow, far from it none does. Prints for growing eps what Theorem 1 says over the cube and over the certified
tube, with its number, the certified growth of an error and the measured one. ``--keep`` writes the ONNX files and data,
for ``certrnn conditions``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from certrnn.dynamics import examine, recurrences
from certrnn.io.onnx import read
from certrnn.regions import LinfBall

FRAMES = 6
EPS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


def write(folder: Path, kind: str) -> Path:
    """An ONNX file with one recurrent layer of two units and its last state as scores."""
    turn = np.array([[1.0, 0.05], [-0.05, 1.0]])
    if kind == "RNN":
        w, r, b = 0.5 * np.eye(2), 2.0 * turn, np.zeros(4)
    else:  # the update gate stands at 1/2, the reset gate is open: h' = (h + tanh(3 h + x)) / 2
        zero = np.zeros((2, 2))
        w, r = np.vstack([zero, zero, np.eye(2)]), np.vstack([zero, zero, 3.0 * turn])
        b = np.concatenate([np.zeros(2), np.full(2, 20.0), np.zeros(8)])
    numbers = {"W": w[None], "R": r[None], "B": b[None], "axis": np.array([0])}
    values = [
        numpy_helper.from_array(v if name == "axis" else v.astype(np.float32), name)
        for name, v in numbers.items()
    ]
    nodes = [
        helper.make_node("Transpose", ["x"], ["frames"], perm=[1, 0, 2]),
        helper.make_node(kind, ["frames", "W", "R", "B"], ["", "last"], name=kind.lower(), hidden_size=2),
        helper.make_node("Squeeze", ["last", "axis"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "expanding",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 2])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file = folder / f"expanding_{kind.lower()}.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, default=None, help="folder for the ONNX files and their data")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    x = np.zeros((1, FRAMES, 2))
    np.savez(folder / "expanding.npz", x=x)
    print("network  eps     cube    tube         number             norm        certified growth  measured")
    for kind in ("RNN", "GRU"):
        layers, graph = recurrences(read(write(folder, kind)), (FRAMES, 2))
        for eps in EPS:
            region = LinfBall(
                torch.from_numpy(x), torch.tensor([eps], dtype=torch.float64), tuple(range(FRAMES))
            )
            found = examine(layers[0], graph, region)
            first = {f.over: f for f in found.findings if f.condition == "Theorem 1"}
            tube, grown = first["tube"], found.divergence
            number = f"{tube.at_least:.4f}..{tube.at_most:.4f}"
            ends = f"{grown.certified:16.2f}  {grown.growth:8.2f}" if grown else f"{'-':>16}  {'-':>8}"
            print(
                f"{kind:8} {eps:<7g} {first['cube'].verdict:7} {tube.verdict:12} {number:18} {tube.norm:10} {ends}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
