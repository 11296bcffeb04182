"""auto_LiRPA's side of the precision benchmark, run by ``methods.py`` with the interpreter of its own environment.

    PYTHON auto_lirpa_side.py WEIGHTS.npz

WEIGHTS.npz holds ``W``, ``R``, ``B`` (ONNX layout, one direction), ``head``, ``bias``, ``x`` (N, T, F), ``y`` (N,). A
line of JSON on stdin, ``{"method", "rows", "eps", "frames", "steps"}``, is answered by one on stdout: lower bounds on
the smallest margin of each row, and the processor seconds that they took. The network is built here, unrolled by hand
in float32, their default; certrnn is not imported. Ascents take rate 0.1: with their default, 0.5, alpha-CROWN's bounds
were below CROWN's on some inputs.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings

import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm  # pyright: ignore


class Unrolled(torch.nn.Module):
    """T frames of an RNN (tanh) or LSTM cell and a linear head on the last state; one input a frame, one linear layer a
    gate: there is nothing to slice."""

    def __init__(self, data: dict[str, np.ndarray]) -> None:
        super().__init__()
        w, r, b = (torch.from_numpy(np.array(data[key][0])) for key in "WRB")
        gates, hidden = len(w) // r.shape[1], r.shape[1]
        shift = b[: gates * hidden] + b[gates * hidden :]
        self.start = torch.zeros(1, hidden)
        self.inputs = torch.nn.ModuleList(
            _linear(part, c) for part, c in zip(w.chunk(gates), shift.chunk(gates), strict=True)
        )
        self.states = torch.nn.ModuleList(_linear(part, None) for part in r.chunk(gates))
        self.head = _linear(torch.from_numpy(data["head"]), torch.from_numpy(data["bias"]))

    def forward(self, *frames: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor | None = None
        c: torch.Tensor | None = None
        for x in frames:
            gates = [layer(x) for layer in self.inputs]
            if h is not None:  # the initial state is zero
                gates = [gate + layer(h) for gate, layer in zip(gates, self.states, strict=True)]
            if len(gates) == 1:
                h = torch.tanh(gates[0])
                continue
            i, o, f, g = gates  # ONNX order
            new = torch.sigmoid(i) * torch.tanh(g)
            c = new if c is None else torch.sigmoid(f) * c + new
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.head(h)


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


class Side:
    """Bounds of one network; a bounded module is built once for each number of rows and steps, outside the clock."""

    def __init__(self, path: str) -> None:
        with np.load(path) as data:
            weights = {key: np.array(data[key]) for key in data.files}
        self.x = torch.from_numpy(weights["x"]).float()
        self.y = torch.from_numpy(weights["y"]).long()
        self.model = Unrolled(weights)
        self.modules: dict[tuple[int, int], BoundedModule] = {}

    def margins(self, method: str, rows: list[int], eps: list[float], frames: list[int], steps: int) -> dict:
        x, radius = self.x[rows], torch.tensor(eps, dtype=torch.float32)[:, None]
        module = self._module(x, steps)
        clock = time.process_time()
        bounded = []
        for t in range(x.shape[1]):
            size = radius if t in frames else torch.zeros_like(radius)
            ball = PerturbationLpNorm(norm=np.inf, x_L=x[:, t] - size, x_U=x[:, t] + size)
            bounded.append(BoundedTensor(x[:, t], ball) if t in frames else x[:, t])
        label = torch.eye(self.model.head.out_features)
        others = torch.stack([label[torch.arange(len(label)) != k] for k in self.y[rows]])
        spec = label[self.y[rows]][:, None, :] - others
        lower, _ = module.compute_bounds(x=tuple(bounded), C=spec, method=method, bound_upper=False)
        margins = lower.detach().amin(dim=1).double().nan_to_num(nan=-np.inf)
        return {"margins": margins.tolist(), "seconds": time.process_time() - clock}

    def _module(self, x: torch.Tensor, steps: int) -> BoundedModule:
        key = (len(x), steps)
        if key not in self.modules:
            options = {
                "optimize_bound_args": {"iteration": steps, "lr_alpha": 0.1},
                "sparse_features_alpha": False,
            }
            self.modules[key] = BoundedModule(
                self.model, tuple(x.unbind(1)), bound_opts=options, device="cpu"
            )
        return self.modules[key]


def main() -> None:
    torch.set_num_threads(1)
    side, answers = Side(sys.argv[1]), sys.stdout
    for line in sys.stdin:
        # whatever the library prints must not mix with the answers
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = side.margins(**json.loads(line))
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
