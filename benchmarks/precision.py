"""Mean certified eps of each method, as a share of an attack's eps, on networks with recorded peers.

    python benchmarks/precision.py --models FOLDER [--network NAME] [--methods zonotope,joint] [--samples 5]

FOLDER (or the variable CERTRNN_MODELS) holds NAME.onnx, NAME.npz (x, y, t10k_index) and peers.json, whose
``eps -> peer -> network -> threat -> image -> [eps, seconds]`` gives the attack's eps and the peers'. Threats are all
frames, the first and the last. Times are processor time of this process, a sample, for the whole search.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from certrnn.analyses import METHODS
from certrnn.io.onnx import read
from certrnn.search import Problem, RelativeTolerance, Threat, parse_threats, radii

ATTACK, PEER = "PGD-upper-bound", "cert-rnn-py"


def measure(problem: Problem, method: str, threat: Threat, tolerance: float) -> tuple[torch.Tensor, float]:
    """Certified eps of every sample, and seconds a sample."""
    start = time.process_time()
    cheap = radii(problem, METHODS["zonotope"](), threat, RelativeTolerance(tolerance))
    # a dearer search starts where the cheap one ended
    schedule = RelativeTolerance(tolerance, start=float(cheap.median()) * 1.4, stride=1.4)
    found = cheap if method == "zonotope" else radii(problem, METHODS[method](), threat, schedule)
    return found, (time.process_time() - start) / len(problem.x)


def recorded(peers: dict, who: str, network: str, frames: str, images: list[str]) -> np.ndarray | None:
    """Recorded eps of the images, or None where one is missing."""
    rows = peers["eps"].get(who, {}).get(network, {}).get(frames, {})
    return np.array([rows[i][0] for i in images]) if all(i in rows for i in images) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", default=os.environ.get("CERTRNN_MODELS"))
    parser.add_argument("--network", action="append")
    parser.add_argument("--methods", default="zonotope,crown,alpha-crown,joint")
    parser.add_argument("--threats", default="all,first,last")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--tolerance", type=float, default=0.03)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.models is None or not (Path(options.models) / "peers.json").is_file():
        sys.exit("missing: a folder with peers.json, NAME.onnx and NAME.npz; give --models or CERTRNN_MODELS")
    torch.set_num_threads(options.threads)
    folder = Path(options.models)
    peers = json.loads((folder / "peers.json").read_text())
    print("network, frames, method: mean eps, share of the attack's, ratio to the port's, seconds a sample")
    for network in options.network or sorted(peers["eps"][ATTACK]):
        with np.load(folder / f"{network}.npz") as data:
            x, y = (torch.from_numpy(np.asarray(data[k])[: options.samples]) for k in ("x", "y"))
            images = [str(i) for i in data["t10k_index"][: options.samples]]
        problem = Problem.of(read(folder / f"{network}.onnx").graph(tuple(x.shape[1:])), x.double(), y.long())
        frames = {"all": "all", "first": "0", "last": str(x.shape[1] - 1)}
        for threat in options.threats.split(","):
            attack, port = (recorded(peers, who, network, frames[threat], images) for who in (ATTACK, PEER))
            for method in options.methods.split(","):
                chosen = parse_threats(frames[threat], x.shape[1])[0]
                found, seconds = measure(problem, method, chosen, options.tolerance)
                eps = found.numpy()
                share = "-" if attack is None else f"{(eps / attack).mean():.3f}"
                ratio = "-" if port is None else f"{eps.mean() / port.mean():.2f}"
                print(
                    f"{network} {threat:5s} {method:11s} {eps.mean():.5f} {share} {ratio} {seconds:.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
