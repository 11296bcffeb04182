"""Our attacks beside those of ART and foolbox, at the same budget on the same samples.

    python -m benchmarks.attacks.oracles [--data FOLDER] [--only rnn_4f_32h_1l] [--samples 60]

FOLDER (by default $CERTRNN_DATA) holds ``mnist/`` (the official idx files) and ``models/NAME.onnx``. Needs
``pip install adversarial-robustness-toolbox foolbox``; what is missing is left out and said. All frames move and
pixels stay in [0, 1]. One line an attack, an oracle and a budget: the share of samples that each of them breaks, as
recomputed by us in float64 (a violation is an answer other than the label's; of a targeted attack, the target).
Budgets are the oracle's own: the eps asked, or the quartiles of the distances at which the oracle succeeds.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from certrnn.attacks import FGSM, LBFGS, PGD, Attack, CarliniWagnerL2, CarliniWagnerLinf, Saliency
from certrnn.domains import evaluate
from certrnn.io.data import read_samples
from certrnn.io.onnx import read
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec, accept_spec, label_spec

FIRST, LAST = 9000, 9500
"""Test images that are used; those behind are held out."""
EPS = (0.01, 0.02, 0.03, 0.05)
ORDER = {"inf": np.inf, "2": 2, "0": 0}


@dataclass(frozen=True, eq=False)
class Setting:
    """A network and N samples of it that it answers rightly; ``runner_up`` (N,) is the second best class."""

    name: str
    graph: Graph
    x: torch.Tensor
    labels: torch.Tensor
    runner_up: torch.Tensor

    @property
    def classes(self) -> int:
        return self.graph.outputs

    def answers(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return (
                evaluate(self.graph, torch.from_numpy(np.asarray(x, dtype=np.float64))).argmax(dim=1).numpy()
            )

    def distance(self, x: np.ndarray, norm: str, goal: np.ndarray | None = None) -> np.ndarray:
        """(N,) distance of each sequence in a norm; inf where it does not count as broken or leaves [0, 1]."""
        labels, answers = self.labels.numpy(), self.answers(x)
        broken = answers != labels if goal is None else answers == goal
        broken &= ((x >= -1e-6) & (x <= 1 + 1e-6)).reshape(len(x), -1).all(axis=1)
        moved = np.abs(np.asarray(x, dtype=np.float64) - self.x.numpy()).reshape(len(x), -1)
        size = (moved > 1e-6).sum(axis=1) if norm == "0" else np.linalg.norm(moved, ord=ORDER[norm], axis=1)
        return np.where(broken, size, np.inf)


class Module(torch.nn.Module):
    """The network as the oracles take it: float32 in, float32 scores out."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return evaluate(self.graph, x.double()).float()


def settings(folder: Path, only: str, samples: int) -> Iterator[Setting]:
    """The networks that are there, each with its first rightly answered samples."""
    for name in ("rnn_4f_32h_1l", "lstm_4f_32h_1l"):
        file = folder / "models" / f"{name}.onnx"
        if only not in name or not file.is_file():
            continue
        model, length = read(file), int(name.split("_")[1][:-1])
        found = read_samples(next((folder / "mnist").glob("t10k-images*")))
        images = found.x.reshape(len(found), length, -1)[FIRST:LAST]
        labels = read_labels(folder)[FIRST:LAST]
        images = images / max(1.0, images.max())
        x = torch.from_numpy(images.astype(np.float32).astype(np.float64))
        graph = model.graph(tuple(x.shape[1:]))
        with torch.no_grad():
            scores = evaluate(graph, x)
        right = (scores.argmax(dim=1).numpy() == labels).nonzero()[0][:samples]
        best = scores[right].topk(2, dim=1).indices
        yield Setting(name, graph, x[right], best[:, 0], best[:, 1])


def read_labels(folder: Path) -> np.ndarray:
    """The labels of the test images."""
    import gzip

    file = next((folder / "mnist").glob("t10k-labels*"))
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return np.frombuffer(raw, dtype=np.uint8, offset=8).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Bout:
    """An attack of ours against an oracle's.

    ``oracle`` gives sequences (N, frames, features) within an eps (1 where it minimises a distance of its own), or None
    where its library is missing; ``targeted`` aims both at the runner-up.
    """

    name: str
    library: str
    norm: str
    ours: Attack
    oracle: Callable[[Setting, float], np.ndarray]
    budgets: tuple[float, ...] = ()
    targeted: bool = False


def ours(bout: Bout, setting: Setting, eps: float) -> np.ndarray:
    """Sequences that our attack proposes."""
    if not bout.targeted:
        return attacked(bout.ours, setting.graph, setting.x, eps, label_spec(setting.labels, setting.classes))
    out = setting.x.numpy().copy()
    for target in setting.runner_up.unique().tolist():
        rows = (setting.runner_up == target).nonzero().flatten()
        others = [label for label in range(setting.classes) if label != target]
        spec = accept_spec(len(rows), others, setting.classes)
        out[rows.numpy()] = attacked(bout.ours, setting.graph, setting.x[rows], eps, spec)
    return out


def attacked(attack: Attack, graph: Graph, x: torch.Tensor, eps: float, spec: Spec) -> np.ndarray:
    radius = torch.full((len(x),), eps, dtype=torch.float64)
    region = LinfBall(x, radius, tuple(range(x.shape[1])), (0.0, 1.0))
    return attack(graph, region, spec).x.numpy()


# ---- the oracles


def art(setting: Setting) -> Any:
    """The network as ART's classifier."""
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model=Module(setting.graph),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=tuple(setting.x.shape[1:]),
        nb_classes=setting.classes,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )


def by_art(
    make: Callable[[Any, float], Any], targeted: bool = False
) -> Callable[[Setting, float], np.ndarray]:
    def oracle(setting: Setting, eps: float) -> np.ndarray:
        goal = (setting.runner_up if targeted else setting.labels).numpy()
        return make(art(setting), eps).generate(setting.x.numpy().astype(np.float32), goal)

    return oracle


def by_foolbox(make: Callable[[Any], Any], bounded: bool) -> Callable[[Setting, float], np.ndarray]:
    def oracle(setting: Setting, eps: float) -> np.ndarray:
        import foolbox

        model = foolbox.PyTorchModel(Module(setting.graph).eval(), bounds=(0, 1), device="cpu")
        torch.manual_seed(0)
        _, clipped, _ = make(foolbox)(
            model, setting.x.float(), setting.labels, epsilons=eps if bounded else None
        )
        return clipped.numpy()

    return oracle


def _bouts() -> list[Bout]:
    from importlib import import_module

    def evasion() -> Any:
        return import_module("art.attacks.evasion")

    pgd = PGD(steps=40, restarts=2)
    return [
        Bout("FGSM", "art", "inf", FGSM(), by_art(lambda c, e: evasion().FastGradientMethod(c, eps=e)), EPS),
        Bout(
            "FGSM",
            "foolbox",
            "inf",
            FGSM(),
            by_foolbox(lambda f: f.attacks.LinfFastGradientAttack(), True),
            EPS,
        ),
        Bout(
            "PGD",
            "art",
            "inf",
            pgd,
            by_art(
                lambda c, e: evasion().ProjectedGradientDescentNumpy(
                    c, eps=e, eps_step=e / 8, max_iter=40, num_random_init=2, batch_size=100, verbose=False
                )
            ),
            EPS,
        ),
        Bout(
            "PGD",
            "foolbox",
            "inf",
            pgd,
            by_foolbox(lambda f: f.attacks.LinfProjectedGradientDescentAttack(steps=40).repeat(2), True),
            EPS,
        ),
        Bout(
            "CW l2",
            "art",
            "2",
            CarliniWagnerL2(),
            by_art(lambda c, _: evasion().CarliniL2Method(c, max_iter=60, batch_size=100, verbose=False)),
        ),
        Bout(
            "CW l2",
            "foolbox",
            "2",
            CarliniWagnerL2(),
            by_foolbox(lambda f: f.attacks.L2CarliniWagnerAttack(steps=500), False),
        ),
        Bout(
            "CW l-inf",
            "art",
            "inf",
            CarliniWagnerLinf(),
            by_art(lambda c, _: evasion().CarliniLInfMethod(c, max_iter=10, batch_size=100, verbose=False)),
        ),
        Bout(
            "L-BFGS (beside CW l2)",
            "foolbox",
            "2",
            LBFGS(),
            by_foolbox(lambda f: f.attacks.L2CarliniWagnerAttack(steps=500), False),
        ),
        Bout(
            "saliency, runner-up",
            "art",
            "0",
            Saliency(),
            by_art(
                lambda c, _: evasion().SaliencyMapMethod(
                    c, theta=1.0, gamma=1.0, batch_size=100, verbose=False
                ),
                targeted=True,
            ),
            targeted=True,
        ),
    ]


def judged(bout: Bout, setting: Setting) -> Iterator[str]:
    """Lines of one attack on one network."""
    goal = setting.runner_up.numpy() if bout.targeted else None
    head = f"{setting.name:15} {bout.name:22} {bout.library:8}"
    if bout.budgets:
        for eps in bout.budgets:
            sides, seconds = _both(bout, setting, eps)
            shares = [np.isfinite(setting.distance(side, bout.norm, goal)).mean() for side in sides]
            yield f"{head} linf {eps:8.4f} {_line(*shares)} {seconds[0]:7.2f} {seconds[1]:7.2f}"
        return
    sides, seconds = _both(bout, setting, 1.0)
    mine, theirs = (setting.distance(side, bout.norm, goal) for side in sides)
    reached = theirs[np.isfinite(theirs)]
    tiny = 0.0 if bout.norm == "0" else 1e-6  # the oracles compute in float32
    for quantile in (0.25, 0.5, 0.75, 1.0) if len(reached) else ():
        budget = float(np.quantile(reached, quantile, method="higher")) + tiny
        shares = [(side <= budget).mean() for side in (mine, theirs)]
        yield f"{head} {'l' + bout.norm:>4} {budget:8.4f} {_line(*shares)} {seconds[0]:7.2f} {seconds[1]:7.2f}"
    both = np.isfinite(mine) & np.isfinite(theirs)
    yield f"{head} mean distance where both succeed: {mine[both].mean():.4f} ours, {theirs[both].mean():.4f} theirs"


def _line(mine: float, theirs: float) -> str:
    return f"{mine:7.3f} {theirs:7.3f} {'yes' if mine >= theirs - 0.05 else 'NO':>6}"


def _both(
    bout: Bout, setting: Setting, eps: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[float, float]]:
    """Sequences of ours and of the oracle, and seconds of each."""
    start = time.process_time()
    mine = ours(bout, setting, eps)
    middle = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = bout.oracle(setting, eps)
    return (mine, theirs), (middle - start, time.process_time() - middle)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument("--data", type=Path, default=Path(home) if home else None)
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--attack", default="", help="attacks whose name contains this")
    parser.add_argument("--samples", type=int, default=60)
    options = parser.parse_args()
    folder = options.data
    if folder is None or not (folder / "mnist").is_dir() or not (folder / "models").is_dir():
        print(f"no folders mnist and models in {folder}; name the folder with --data", file=sys.stderr)
        return 2
    there = {name for name in ("art", "foolbox") if _importable(name)}
    for name in {"art", "foolbox"} - there:
        print(f"{name} is not installed: its lines are left out", file=sys.stderr)
    torch.set_num_threads(1)
    print(
        f"# {platform.machine()}, 1 thread, {time.strftime('%F')}, {options.samples} samples, processor seconds"
    )
    print(
        f"{'network':15} {'attack':22} {'oracle':8} {'norm':>4} {'budget':>8} {'ours':>7} {'theirs':>7} {'-.05?':>6}"
        f" {'s ours':>7} {'s theirs':>7}"
    )
    for setting in settings(folder, options.only, options.samples):
        for bout in _bouts():
            if bout.library in there and options.attack in bout.name:
                for line in judged(bout, setting):
                    print(line, flush=True)
    return 0


def _importable(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


if __name__ == "__main__":
    raise SystemExit(main())
