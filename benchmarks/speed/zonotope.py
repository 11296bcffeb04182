"""The zonotope against a public port of Cert-RNN: certified eps, seconds, and memory.

    python -m benchmarks.speed.zonotope precision --models FOLDER
    python -m benchmarks.speed.zonotope speed --peer FOLDER [--kinds rnn,lstm] [--hidden 32,64,128] [--frames 2,4,7]
    python -m benchmarks.speed.zonotope sweep --models FOLDER --peer FOLDER
    python -m benchmarks.speed.zonotope memory

``--models`` (by default the folder ``models`` in $CERTRNN_DATA) holds ``NAME.onnx``, ``NAME.npz`` (``x``, ``y``,
``t10k_index``) and ``peers.json`` with the port's recorded eps. ``--peer`` is a folder from which ``cert_rnn`` can be
imported (github.com/atumlin/cert-rnn-py, its folder ``src``). Without them the parts that need them say so.

An evaluation is the margins of one input at one eps, every frame disturbed. Ours takes ``--batch`` inputs at a time and
is divided by their number; the port takes one. Runs alternate in one process and medians are compared; ``--clock cpu``
counts processor time, which other programs disturb less than wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before torch loads

import numpy as np
import torch

from certrnn.analyses import METHODS, Analysis, Forward
from certrnn.cells import LstmCell, RnnCell, unroll
from certrnn.certification import FrameSet, Problem, margins, parse_frames, radii
from certrnn.domains import Zonotopes
from certrnn.io.onnx import read
from certrnn.ir import Graph, GraphBuilder
from certrnn.search import PaperGrid, RelativeTolerance
from transformers_abs import LeastWidth

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def recurrent(kind: str, frames: int, hidden: int) -> torch.nn.Module:
    """A random network of torch's usual initialisation on 784 features in all, with a head of ten classes."""
    torch.manual_seed(0)
    cell = torch.nn.LSTM if kind == "lstm" else torch.nn.RNN
    module = torch.nn.ModuleDict(
        {"cell": cell(784 // frames, hidden, batch_first=True), "head": torch.nn.Linear(hidden, 10)}
    )
    return module.double()


def graph_of(module: Any, frames: int) -> Graph:
    """Our graph of such a network."""
    cell, head = module["cell"], module["head"]
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    parts = [getattr(cell, name).detach().numpy() for name in names]
    if cell.mode == "LSTM":
        rows = (
            np.arange(4 * cell.hidden_size).reshape(4, -1)[[0, 3, 1, 2]].ravel()
        )  # i, f, g, o to i, o, f, g
        ours: LstmCell | RnnCell = LstmCell.of(*(p[rows] for p in parts))
    else:
        ours = RnnCell.of(*parts)
    builder = GraphBuilder()
    inputs = [builder.input(t, cell.input_size) for t in range(frames)]
    states = unroll(builder, ours, inputs, (None,) * ours.states)
    last = states[-1][0]
    assert last is not None
    return builder.build(builder.affine(head.weight.detach(), head.bias.detach(), last))


def module_of(path: Path) -> torch.nn.Module:
    """The torch network of a one-layer file, for the port."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    given = {
        i.name: torch.from_numpy(numpy_helper.to_array(i).astype(np.float64)) for i in model.graph.initializer
    }
    node = next(n for n in model.graph.node if n.op_type in ("RNN", "LSTM"))
    head = next(n for n in model.graph.node if n.op_type == "Gemm")
    weight, recurrent_weight, bias = (given[name][0] for name in node.input[1:4])
    hidden = recurrent_weight.shape[1]
    cell = (torch.nn.LSTM if node.op_type == "LSTM" else torch.nn.RNN)(
        weight.shape[1], hidden, batch_first=True
    )
    if node.op_type == "LSTM":
        rows = torch.arange(4 * hidden).reshape(4, -1)[[0, 2, 3, 1]].reshape(-1)
        weight, recurrent_weight = weight[rows], recurrent_weight[rows]
        bias = torch.cat([half[rows] for half in bias.chunk(2)])
    linear = torch.nn.Linear(hidden, 10).double()
    named = zip(cell.double().parameters(), (weight, recurrent_weight, *bias.chunk(2)), strict=True)
    with torch.no_grad():
        for parameter, value in [
            *named,
            (linear.weight, given[head.input[1]]),
            (linear.bias, given[head.input[2]]),
        ]:
            parameter.copy_(value)
    return torch.nn.ModuleDict({"cell": cell, "head": linear})


def port_margins(peer: Any, module: Any, x: np.ndarray, eps: float, label: int) -> np.ndarray:
    """The port's lower bounds of the label's margins, every frame disturbed."""
    cell, head = module["cell"], module["head"]
    if cell.mode == "LSTM":
        model = peer.lstm_to_model_dict(cell, head)
        state = peer.lstm_reach(model, x, eps, "multi_frame")[-1]
    else:
        model = peer.rnn_to_model_dict(cell, head)
        layer = model["layers"][0]
        state = peer.Zono.point(np.zeros(model["H"]))
        for frame in x:
            state = peer.rnn_step(
                peer.Zono.from_box(frame, eps), state, layer["W_in"], layer["W_rec"], layer["b"]
            )
    rows = np.delete(-np.eye(10), label, axis=0)
    rows[:, label] = 1.0
    return state.affine_map(model["head"]["W"], model["head"]["b"]).affine_map(rows).get_ranges()[0]


def every(frames: int) -> FrameSet:
    return parse_frames("all", frames)[0]


def alternate(clock: Callable[[], float], rounds: int, *runs: Callable[[], object]) -> list[float]:
    """Median seconds of each run, taken in turns; the first round is not counted. In its turn a run is repeated, once
    uncounted and then for as long as _TURN takes, and its mean counts."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds + 1):
        for run, found in zip(runs, seconds, strict=True):
            time.sleep(_PAUSE)
            run()
            start, ended, count = clock(), time.perf_counter() + _TURN, 0
            while count == 0 or time.perf_counter() < ended:
                run()
                count += 1
            found.append((clock() - start) / count)
    return [float(np.median(found[1:])) for found in seconds]


_TURN = 0.05
"""Seconds of a turn, or one run where that takes longer."""

_PAUSE = 0.1
"""Seconds before every run: threads of the run before it may still spin, waiting for more to do."""


def speed(options: argparse.Namespace) -> Iterator[str]:
    """Seconds an evaluation, by size."""
    peer, clock = imported(options.peer), CLOCKS[options.clock]
    yield f"{'network':16} {'port ms':>9} {'batch ms':>9} {'ratio':>6} {'single ms':>10} {'ratio':>6}"
    worst = np.inf
    for kind in options.kinds.split(","):
        for hidden in map(int, options.hidden.split(",")):
            for frames in map(int, options.frames.split(",")):
                module = recurrent(kind, frames, hidden)
                x = torch.rand(options.batch, frames, 784 // frames, dtype=torch.float64)
                problem, threat = Problem.of(graph_of(module, frames), x), every(frames)
                one = Problem.of(problem.graph, x[:1])
                label, first = int(problem.labels[0]), x[0].numpy()
                analysis = METHODS["zonotope"]()
                port, batch, single = alternate(
                    clock,
                    options.rounds,
                    lambda m=module, f=first, c=label: port_margins(peer, m, f, options.eps, c),
                    lambda p=problem, t=threat, a=analysis: margins(p, a, t, [options.eps]),
                    lambda p=one, t=threat, a=analysis: margins(p, a, t, [options.eps]),
                )
                batch /= options.batch
                worst = min(worst, port / batch)
                yield (
                    f"{kind} T{frames:<3} H{hidden:<5} {1e3 * port:9.2f} {1e3 * batch:9.3f} {port / batch:6.1f} "
                    f"{1e3 * single:10.3f} {port / single:6.1f}"
                )
    yield f"smallest ratio, in batches of {options.batch}: {worst:.1f}"


def sweep(options: argparse.Namespace) -> Iterator[str]:
    """Algorithm 1 over all inputs with every frame disturbed."""
    peer, clock, folder = imported(options.peer), CLOCKS[options.clock], models(options)
    yield f"{'model':16} {'port s':>8} {'ours s':>8} {'ratio':>6}"
    for name in options.sweep.split(","):
        module, arrays = module_of(folder / f"{name}.onnx"), np.load(folder / f"{name}.npz")
        x = torch.from_numpy(arrays["x"].astype(np.float64))
        labels = torch.from_numpy(arrays["y"].astype(np.int64))
        graph = read(folder / f"{name}.onnx").graph(tuple(x.shape[1:]))
        problem = Problem.of(graph, x, labels)

        def port(module: Any = module, problem: Problem = problem) -> None:
            for frames, label in zip(problem.x.numpy(), problem.labels.tolist(), strict=True):
                peer.bisect_epsilon(
                    lambda eps, f=frames, c=label: bool((port_margins(peer, module, f, eps, c) > 0).all())
                )

        def ours(problem: Problem = problem, frames: int = x.shape[1]) -> None:
            radii(problem, METHODS["zonotope"](), every(frames), PaperGrid())

        theirs, mine = alternate(clock, max(1, options.rounds // 2), port, ours)
        yield f"{name:16} {theirs:8.2f} {mine:8.3f} {theirs / mine:6.1f}"


def precision(options: argparse.Namespace) -> Iterator[str]:
    """Mean certified eps beside the port's recorded ones, on the same images."""
    folder, clock = models(options), CLOCKS[options.clock]
    recorded = json.loads((folder / "peers.json").read_text())["eps"]["cert-rnn-py"]
    policies: dict[str, Analysis] = {
        "zonotope": METHODS["zonotope"](),
        "least width": Forward(Zonotopes(LeastWidth())),
    }
    yield f"{'model, frames':22} {'port':>9} " + " ".join(
        f"{p:>11} {'ratio':>7} {'least':>7} {'s':>6}" for p in policies
    )
    for name, record in recorded.items():
        if options.only not in name:
            continue
        arrays = np.load(folder / f"{name}.npz")
        x = torch.from_numpy(arrays["x"].astype(np.float64))
        labels = torch.from_numpy(arrays["y"].astype(np.int64))
        problem = Problem.of(read(folder / f"{name}.onnx").graph(tuple(x.shape[1:])), x, labels)
        for frames, images in record.items():
            known = [str(i) in images for i in arrays["t10k_index"]]
            port = np.array([images[str(i)][0] for i in arrays["t10k_index"][known]])
            line = f"{name} {frames:>3} {port.mean():12.5f} "
            for analysis in policies.values():
                start = clock()
                found = radii(problem, analysis, parse_frames(frames, x.shape[1])[0], RelativeTolerance(1e-5))
                taken, eps = clock() - start, found.numpy()[known]
                line += f" {eps.mean():11.5f} {eps.mean() / port.mean():7.4f} {(eps / port).min():7.4f} {taken:6.2f}"
            yield line


def memory(options: argparse.Namespace) -> Iterator[str]:
    """Largest resident memory of this process for LSTM T28 H128 and a batch of eight."""
    module = recurrent("lstm", 28, 128)
    problem = Problem.of(graph_of(module, 28), torch.rand(8, 28, 28, dtype=torch.float64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    margins(problem, METHODS["zonotope"](), every(28), [options.eps])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield f"peak {peak:.2f} GiB ({before:.2f} before), {(time.perf_counter() - start) / 8:.2f} s an evaluation"


def imported(folder: Path | None) -> Any:
    """The port, from a folder."""
    if folder is not None:
        sys.path.insert(0, str(folder))
    try:
        import cert_rnn  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SystemExit(
            f"cert_rnn cannot be imported from {folder}; name a checkout's src folder with --peer"
        ) from None
    return cert_rnn


def models(options: argparse.Namespace) -> Path:
    if options.models is None or not (options.models / "peers.json").is_file():
        raise SystemExit(f"no peers.json in {options.models}; name the folder with --models")
    return options.models


def main() -> int:
    parts = {part.__name__: part for part in (precision, speed, sweep, memory)}
    home = os.environ.get("CERTRNN_DATA")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=parts)
    parser.add_argument("--models", type=Path, default=Path(home) / "models" if home else None)
    parser.add_argument("--peer", type=Path, default=None)
    parser.add_argument("--only", default="", help="precision: models whose name contains this")
    parser.add_argument("--kinds", default="rnn,lstm")
    parser.add_argument("--hidden", default="32,64,128")
    parser.add_argument("--frames", default="2,4,7,14,28")
    parser.add_argument(
        "--sweep", default="rnn_4f_32h_1l,rnn_7f_32h_1l,lstm_4f_32h_1l,lstm_7f_32h_1l,lstm_4f_128h_1l"
    )
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--eps", type=float, default=0.01)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"# {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.threads} threads, "
        f"{options.clock} time, {time.strftime('%F')}"
    )
    for line in parts[options.part](options):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
