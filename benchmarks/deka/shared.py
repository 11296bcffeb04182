"""What the benchmarks of Deka et al.'s experiments on real data share: options, networks kept in files, attacks whose
counterexamples onnxruntime has confirmed, and how their time grows with the length of the sequence.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch

import certrnn
from certrnn.attacks import (
    CausalAttack,
    CausalSystem,
    DynamicFixedPoint,
    FixedPoint,
    GradientSign,
    Lyapunov,
    replay,
)
from certrnn.attacks.attack import pull_inside
from certrnn.domains import evaluate
from certrnn.model import Model
from certrnn.regions import LinfBall
from certrnn.specs import label_spec


def options(doc: str | None) -> argparse.ArgumentParser:
    """The options that the three scripts share."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument(
        "--data", type=Path, default=Path(home) if home else None, help="folder of the data sets"
    )
    parser.add_argument(
        "--cache", type=Path, help="folder that keeps the trained network; else it is trained anew"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


def given(parser: argparse.ArgumentParser, files: Sequence[str]) -> argparse.Namespace:
    """The options of the command line, once ``files`` lie in the data folder; the usage and a line of what is missing
    otherwise."""
    found = parser.parse_args()
    if found.data is None or not found.data.is_dir():
        parser.error(f"the data lies in --data or CERTRNN_DATA: no folder {str(found.data)!r}")
    absent = [file for file in files if not (found.data / file).is_file()]
    if absent:
        parser.error(f"missing in --data {found.data}: {', '.join(absent)}")
    torch.set_num_threads(1)
    torch.manual_seed(found.seed)
    return found


def network(cache: Path | None, name: str, make: Callable[[Path], object]) -> Model:
    """The network of file ``name`` in the cache; ``make`` trains it and writes the file where there is none."""
    if cache is None:
        with tempfile.TemporaryDirectory() as folder:
            return network(Path(folder), name, make)
    path = cache / name
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        start = time.process_time()
        make(path)
        print(f"trained in {time.process_time() - start:.0f} s of processor time", file=sys.stderr)
    return certrnn.load(path)


def title(text: str, model: Model) -> str:
    """Heading of the printed results: where and on what they were measured."""
    machine = f"{platform.machine()}, one thread, times are processor time"
    return f"# {text}, {date.today()}\n\n{machine}; sha256 of the network {model.sha256[:12]}\n"


def answers(model: Model, x: torch.Tensor) -> torch.Tensor:
    """(N,) what onnxruntime answers to sequences (N, T, D)."""
    parts = [model.network.run_onnxruntime(part.numpy()) for part in x.split(2000)]
    return torch.from_numpy(np.concatenate(parts).argmax(axis=1))


@dataclass(frozen=True, eq=False)
class Fallen:
    """Sequences after an attack: ``x`` (N, T, D), which of them onnxruntime ``confirmed`` to lie in their region and to
    be answered wrongly (with a target: as the target), how many violations of our graph it did not confirm
    (``doubtful``), and the processor ``seconds`` of the attack alone."""

    x: torch.Tensor
    confirmed: torch.Tensor
    doubtful: int
    seconds: float

    @property
    def share(self) -> float:
        """Confirmed, of all."""
        return float(self.confirmed.double().mean())


@dataclass(frozen=True, eq=False)
class Case:
    """Sequences ``x`` (N, T, D), float32 numbers in float64, and their ``labels`` (N,) out of ``classes``; features of
    all frames may move by at most ``eps``, within ``clip``."""

    model: Model
    x: torch.Tensor
    labels: torch.Tensor
    classes: int
    eps: float
    clip: tuple[float, float] | None = None

    def attacked(self, attack: CausalAttack, target: int | None = None) -> Fallen:
        """Attack on our graph, and feed what comes out to onnxruntime."""
        graph = self.model.network.graph(tuple(self.x.shape[1:]))
        eps = torch.full((len(self.x),), self.eps, dtype=torch.float64)
        region = LinfBall(self.x, eps, tuple(range(self.x.shape[1])), clip=self.clip)
        spec = label_spec(self.labels, self.classes)
        start = time.process_time()
        x = attack.run(graph, region, spec)
        seconds = time.process_time() - start
        x = pull_inside(region, x)
        claimed = evaluate(graph, x).argmax(dim=1)
        claimed = claimed != self.labels if target is None else claimed == target
        done = replay(self.model.network, graph, region, spec, x, self.labels, self.model.precision, target)
        return Fallen(done.x, done.confirmed, int((claimed & ~done.confirmed).sum()), seconds)


def seconds_by_length(
    attack: CausalAttack, model: Model, x: torch.Tensor, lengths: Sequence[int]
) -> list[float]:
    """Processor time of an attack on the first frames of sequences (N, T, D), which begin anew where they end."""
    system = CausalSystem(model.network.graph(tuple(x.shape[1:])))
    classes = system.graph.nodes[system.graph.output].size
    spec, found = label_spec(torch.zeros(len(x), dtype=torch.int64), classes), []
    for length in lengths:
        online = attack.start(system, 0.1, spec)
        start = time.process_time()
        for t in range(length):
            online.step(x[:, t % x.shape[1]])
        found.append(time.process_time() - start)
    return found


def exponent(lengths: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of the length that the seconds grow with, by least squares of their logarithms; 1 is linear."""
    return float(np.polyfit(np.log(lengths), np.log(seconds), 1)[0])


def growth(attacks: Mapping[str, CausalAttack], model: Model, x: torch.Tensor, lengths: Sequence[int]) -> str:
    """A table of seconds by length, with fitted exponents, and how much faster the dynamic fixed point is."""
    found = {name: seconds_by_length(attack, model, x, lengths) for name, attack in attacks.items()}
    ratio = sum(found[FIXED]) / sum(found[DYNAMIC])
    rest = f"The dynamic fixed point is {ratio:.1f} times as fast as the fixed point (asked: 3)."
    return f"{time_table(found, lengths, f'{len(x)} sequences of so many frames')}\n\n{rest}"


def time_table(found: Mapping[str, Sequence[float]], lengths: Sequence[int], what: str) -> str:
    """Seconds by length and fitted exponents, a line an attack."""
    heads = " | ".join(map(str, lengths))
    lines = [
        f"| processor seconds for {what} | {heads} | exponent (1 is linear) |",
        "|---" * (len(lengths) + 2) + "|",
    ]
    for name, seconds in found.items():
        cells = " | ".join(f"{s:.3f}" for s in seconds)
        lines.append(f"| {name} | {cells} | {exponent(lengths, seconds):.2f} |")
    return "\n".join(lines)


GRADIENT, FIXED, DYNAMIC = "gradient sign (8)", "fixed point (16)", "dynamic fixed point (18)"


def attacks(lyapunov: Lyapunov, rounds: int = 50) -> dict[str, CausalAttack]:
    """The paper's three causal attacks on one function V; ``rounds`` is the most that the fixed point takes a frame."""
    return {
        GRADIENT: GradientSign(lyapunov),
        FIXED: FixedPoint(lyapunov, rounds=rounds),
        DYNAMIC: DynamicFixedPoint(lyapunov),
    }
