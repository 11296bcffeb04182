"""Certified eps of the POPQORN-style baseline beside the original's, on networks with recorded peers.

    python -m benchmarks.popqorn.original --models FOLDER [--only NAME] [--tolerance 0.005]

FOLDER (or the variable CERTRNN_MODELS) holds NAME.onnx, NAME.npz (x, y, t10k_index) and peers.json, whose
``eps -> peer -> network -> threat -> image -> [eps, seconds]`` has rows of POPQORN, and whose
``popqorn_2d_margins_at_fixed_eps`` has margins of its planes of two arguments. Every recorded row is compared on its
own images; seconds are processor time of this process for the whole search, a sample.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from certrnn.baselines import METHODS
from certrnn.certification import FrameSet, Problem, parse_frames, radii
from certrnn.io.onnx import read
from certrnn.search import RelativeTolerance

ATTACK = "PGD-upper-bound"
PEERS = ("POPQORN-rnn", "POPQORN-lstm-1d", "POPQORN-lstm-const")


def problem_of(folder: Path, network: str) -> tuple[Problem, list[str]]:
    """The recorded network with its samples, and the samples' names."""
    with np.load(folder / f"{network}.npz") as data:
        x, y = (torch.from_numpy(np.asarray(data[key])) for key in ("x", "y"))
        images = [str(i) for i in data["t10k_index"]]
    graph = read(folder / f"{network}.onnx").graph(tuple(x.shape[1:]))
    return Problem.of(graph, x.double(), y.long()), images


def part(problem: Problem, chosen: list[int]) -> Problem:
    """Some of the samples."""
    return Problem(
        problem.graph, problem.x[chosen], problem.labels[chosen], problem.predictions[chosen], problem.clip
    )


def rows(folder: Path, peers: dict, only: str, tolerance: float) -> Iterator[str]:
    """Mean certified eps of every recorded row, the original's, and both as shares of the attack's."""
    head = f"{'network':15} {'frames':>6} {'original':22} {'n':>2} {'eps':>9} {'ours':>9} {'ratio':>7} {'least':>6}"
    yield f"{head} {'share of PGD':>13} {'ours':>5} {'s':>7} {'ours':>6}"
    for peer in PEERS:
        for network, threats in peers["eps"].get(peer, {}).items():
            if only not in network:
                continue
            problem, names = problem_of(folder, network)
            for frames, recorded in threats.items():
                images = [i for i in names if i in recorded]
                theirs = np.array([recorded[i][0] for i in images])
                mine, seconds = searched(
                    part(problem, [names.index(i) for i in images]), frames, tolerance, float(theirs.mean())
                )
                attacked = peers["eps"][ATTACK].get(network, {}).get(frames, {})
                known = [k for k, i in enumerate(images) if i in attacked]
                top = np.array([attacked[images[k]][0] for k in known])
                shares = [float((eps[known] / top).mean()) if known else np.nan for eps in (theirs, mine)]
                yield (
                    f"{network:15} {frames:>6} {peer:22} {len(images):2d} {theirs.mean():9.6f} {mine.mean():9.6f} "
                    f"{mine.mean() / theirs.mean():7.3f} {(mine / theirs).min():6.3f} {shares[0]:13.3f} "
                    f"{shares[1]:5.3f} {np.mean([recorded[i][1] for i in images]):7.2f} {seconds:6.2f}"
                )


def searched(problem: Problem, frames: str, tolerance: float, start: float) -> tuple[np.ndarray, float]:
    """Certified eps of every sample, and seconds a sample."""
    clock = time.process_time()
    threat = parse_frames(frames, problem.x.shape[1])[0]
    schedule = RelativeTolerance(tolerance, start=start, stride=2.0)
    found = radii(problem, METHODS["popqorn"](), threat, schedule)
    return found.numpy(), (time.process_time() - clock) / len(problem.x)


def planes(folder: Path, peers: dict) -> Iterator[str]:
    """Margins at the eps where those of the original's planes of two arguments were recorded."""
    yield "margins at fixed eps: network, frames, eps by the Cert-RNN port's | ours | the original's | seconds a sample"
    for row in peers.get("popqorn_2d_margins_at_fixed_eps", []):
        problem, names = problem_of(folder, row["model"])
        chosen = torch.tensor([names.index(str(i)) for i in row["t10k"]])
        length = problem.x.shape[1]
        frames = tuple(range(length)) if row["frame"] < 0 else (row["frame"],)
        ball = problem.ball(chosen, torch.tensor(row["eps"], dtype=torch.float64), FrameSet(frames))
        clock = time.process_time()
        ours = METHODS["popqorn"]().margins(problem.graph, ball, problem.spec(chosen)).amin(1).numpy()
        seconds = (time.process_time() - clock) / len(chosen), row["sec_batch5"] / len(chosen)
        texts = (
            " ".join(f"{m:.2f}" for m in margins) for margins in (ours, np.array(row["popqorn2d_margin_lb"]))
        )
        where = "all" if row["frame"] < 0 else row["frame"]
        yield f"{row['model']} {where} {row['factor']} | {' | '.join(texts)} | {seconds[0]:.2f}, {seconds[1]:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", default=os.environ.get("CERTRNN_MODELS"))
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--tolerance", type=float, default=0.005)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.models is None or not (Path(options.models) / "peers.json").is_file():
        sys.exit("missing: a folder with peers.json, NAME.onnx and NAME.npz; give --models or CERTRNN_MODELS")
    torch.set_num_threads(options.threads)
    folder = Path(options.models)
    peers = json.loads((folder / "peers.json").read_text())
    load = f"load {os.getloadavg()[0]:.1f}, {options.threads} threads, {time.strftime('%F')}"
    print(f"# {platform.machine()}, {os.cpu_count()} cores, {load}")
    for line in [*planes(folder, peers)] if options.only in "lstm_4f_32h_1l" else []:
        print(line, flush=True)
    for line in rows(folder, peers, options.only, options.tolerance):
        print(line, flush=True)


if __name__ == "__main__":
    main()
