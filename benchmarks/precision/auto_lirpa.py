"""auto_LiRPA beside: a process of its own environment that answers with margins; see ``auto_lirpa_side.py``."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

import numpy as np
import onnx
import torch
from onnx import numpy_helper

SIDE = Path(__file__).with_name("auto_lirpa_side.py")
METHODS = {"auto_LiRPA CROWN": "CROWN", "auto_LiRPA alpha-CROWN": "CROWN-Optimized"}


def weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a network of one RNN or LSTM node and a linear head on its last state."""
    graph = onnx.load(path).graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    (cell,) = [node for node in graph.node if node.op_type in ("RNN", "LSTM")]
    (head,) = [node for node in graph.node if node.op_type == "Gemm"]
    names = {**dict(zip("WRB", cell.input[1:4], strict=True)), "head": head.input[1], "bias": head.input[2]}
    return {key: known[name] for key, name in names.items()}


class AutoLirpa:
    """One network in a process of the interpreter ``python``; margins are asked by line."""

    def __init__(self, python: str, network: Path, x: torch.Tensor, y: torch.Tensor) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "weights.npz"
        np.savez(path, **weights(network), x=x.numpy(), y=y.numpy())  # pyright: ignore[reportArgumentType]
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(SIDE), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def margins(
        self, method: str, rows: list[int], eps: list[float], frames: tuple[int, ...], steps: int = 20
    ) -> tuple[torch.Tensor, float]:
        """Lower bounds (R,) on the smallest margin, and processor seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {
            "method": METHODS[method],
            "rows": rows,
            "eps": eps,
            "frames": list(frames),
            "steps": steps,
        }
        with contextlib.suppress(BrokenPipeError):  # the answer that is missing tells
            print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit(
                f"auto_LiRPA's process ended with {self._process.wait()}; is it installed for this PYTHON?"
            )
        answer = json.loads(line)
        return torch.tensor(answer["margins"], dtype=torch.float64), answer["seconds"]

    def __enter__(self) -> AutoLirpa:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()
