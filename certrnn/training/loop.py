"""The training loop of ``certrnn train``: the same file for the same seed on one machine, and after an interruption."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from certrnn.errors import InvalidInput, Unsupported
from certrnn.report.output import write_file
from certrnn.training.architecture import Architecture
from certrnn.training.checkpoint import Checkpoint
from certrnn.training.evaluation import Accuracy, evaluate
from certrnn.training.examples import Examples
from certrnn.training.export import to_onnx
from certrnn.training.layers import LastStep, stages
from certrnn.training.losses import Loss, Plain
from certrnn.training.perturbations import Ball, Perturbation
from certrnn.training.settings import Settings

Around = Callable[[torch.Tensor, float], Perturbation]
"""The perturbation of a batch (B, frames, ..) at a share of its full size."""


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Args:
        number: from 1.
        loss: mean over the samples.
        eps: at its end.
        accuracy: on held-out samples at the full eps.
    """

    number: int
    loss: float
    eps: float
    accuracy: Accuracy


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Args:
        module: in evaluation mode.
        history: epoch by epoch.
        features: of a frame, or of a word's vector.
        frames: the only number of frames that its file takes; None for any.
    """

    module: nn.Sequential
    history: tuple[Epoch, ...]
    features: int
    frames: int | None = None

    def save(self, path: str | Path) -> None:
        """Write the ONNX file that the other commands read."""
        write_file(
            str(path), to_onnx(self.module, self.features, self.frames).SerializeToString(deterministic=True)
        )


@dataclass(frozen=True, eq=False)
class Run:
    """One training run: what :func:`train` is given.

    Args:
        examples: to train on.
        heldout: to report on.
        settings: the defence and its numbers.
        architecture: of a new network.
        start: a network to go on from instead.
        table: word vectors of a new network that reads words.
        around: the perturbation of a batch; the ball of the settings' eps by default. With a ``digest`` a resumed run
            is held to it.
        checkpoint: file that the state is kept in after each epoch; None for nowhere.
        resume: go on from that file where it is there.
        tell: told about every epoch.
    """

    examples: Examples
    heldout: Examples
    settings: Settings
    architecture: Architecture = field(default_factory=Architecture)
    start: nn.Sequential | None = None
    table: np.ndarray | None = None
    around: Around | None = None
    checkpoint: str | None = None
    resume: bool = False
    tell: Callable[[Epoch], None] = lambda epoch: None

    def perturbation(self, x: torch.Tensor, share: float) -> Perturbation:
        """Of a batch, at a share of its full size."""
        if self.around is not None:
            return self.around(x, share)
        return Ball(share * self.settings.eps, self.settings.clip)

    @property
    def classes(self) -> int:
        """Scores of a new network: two at least."""
        return max(2, 1 + max(int(part.y.max()) for part in (self.examples, self.heldout)))

    def asked(self) -> dict[str, Any]:
        """What a resumed run must share with the one that began."""
        digest = hashlib.sha256()
        for one in (*self.examples.x, self.examples.y, *self.heldout.x):
            digest.update(one.tobytes())
        if self.table is not None:
            digest.update(self.table.tobytes())
        if self.start is not None:
            for weight in self.start.state_dict().values():
                digest.update(weight.numpy().tobytes())
        if self.around is not None:
            digest.update(str(getattr(self.around, "digest", "")).encode())
        shape = asdict(self.architecture) if self.start is None else {}
        return {**self.settings.document(), **shape, "data": digest.hexdigest()}

    def build(self) -> nn.Sequential:
        """The network that training starts from, by torch's random numbers."""
        if self.start is not None:
            module = copy.deepcopy(self.start)
        else:
            features = self.examples.x[0].shape[-1] if self.table is None else self.table.shape[1]
            module = self.architecture.build(features, self.classes, self.table)
            for name, weight in module.named_parameters():
                if "weight_hh" in name:
                    weight.data.mul_(self.settings.starting_scale)
        if isinstance(module[0], nn.Embedding):
            module[0].weight.requires_grad_(not self.settings.freeze)
        return module.float()


def train(run: Run) -> Trained:
    """Train a network; torch's random numbers and threads are as before afterwards.

    Raises:
        InvalidInput: the samples do not fit the network, or the loss left the numbers.
        UsageError: a checkpoint of another run.
    """
    if len(run.examples) == 0 or len(run.heldout) == 0:
        raise InvalidInput("training", "there are samples to train on and to hold out", "none")
    with _repeatable(run.settings.seed):
        module = run.build()
        _check(run, module)
        teacher = _teacher(run) if run.settings.defence == "distill" else None
        torch.manual_seed(run.settings.seed)
        loss = run.settings.loss(teacher)
        history = _Loop(run, module, loss).go()
    features = next(p for p in stages(module) if isinstance(p, LastStep)).recurrent.input_size
    frames = None if isinstance(module[0], nn.Embedding) else run.examples.frames
    return Trained(module.eval(), tuple(history), features, frames)


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # one order of summation, hence the same weights
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _check(run: Run, module: nn.Sequential) -> None:
    """The samples are such as the network takes."""
    first, words = module[0], run.examples.x[0].dtype.kind == "i"
    if isinstance(first, nn.Embedding) != words:
        requirement = (
            "the samples are words" if isinstance(first, nn.Embedding) else "the samples are numbers"
        )
        raise InvalidInput("training", requirement, "words" if words else "numbers")
    scores = [part for part in stages(module) if isinstance(part, nn.Linear)][-1].out_features
    if run.classes > max(2, scores):
        raise InvalidInput(
            "training", f"labels lie in 0..{max(2, scores) - 1}, the network's scores", run.classes - 1
        )
    if words:
        assert isinstance(first, nn.Embedding)
        most = max(int(one.max()) for one in (*run.examples.x, *run.heldout.x))
        if most >= first.num_embeddings:
            raise InvalidInput("training", f"words lie in 0..{first.num_embeddings - 1}", most)
        return
    features = next(p for p in stages(module) if isinstance(p, LastStep)).recurrent.input_size
    wrong = {one.shape[-1] for one in (*run.examples.x, *run.heldout.x)} - {features}
    if wrong:
        raise InvalidInput("training", f"frames have the network's {features} features", wrong.pop())


def _teacher(run: Run) -> nn.Sequential:
    """A network of the same kind trained at the temperature of distillation on the labels."""
    teacher = run.build()
    if run.start is not None:
        raise Unsupported("distilling", "teacher and student are new networks", "--from")
    torch.manual_seed(run.settings.seed)
    for _ in _Loop(run, teacher, Plain(run.settings.temperature)).epochs(0):
        pass
    return teacher.eval()


@dataclass
class _Loop:
    """The epochs of one network and one loss."""

    run: Run
    module: nn.Sequential
    loss: Loss
    optimizer: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        weights = [weight for weight in self.module.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(weights, lr=self.run.settings.rate)

    def go(self) -> list[Epoch]:
        """All epochs, those before an interruption included."""
        run, history = self.run, self._restored()
        for number, mean in self.epochs(len(history)):
            eps = run.settings.eps * run.settings.share(number)
            domain = run.settings.domain
            accuracy = evaluate(self.module, run.heldout, lambda x: run.perturbation(x, 1.0), domain)
            history.append(Epoch(number, mean, eps, accuracy))
            if run.checkpoint is not None:
                about = {"asked": run.asked(), "history": [asdict(epoch) for epoch in history]}
                Checkpoint.of(self.module, self.optimizer, about).write(run.checkpoint)
            run.tell(history[-1])
        return history

    def _restored(self) -> list[Epoch]:
        run = self.run
        if not run.resume or run.checkpoint is None or not Path(run.checkpoint).exists():
            return []
        checkpoint = Checkpoint.read(run.checkpoint)
        checkpoint.require(run.asked())
        checkpoint.restore(self.module, self.optimizer)
        return [
            Epoch(**{**one, "accuracy": Accuracy(**one["accuracy"])}) for one in checkpoint.about["history"]
        ]

    def epochs(self, done: int) -> Iterator[tuple[int, float]]:
        """Number and mean loss of every epoch after the first ``done``."""
        for number in range(done + 1, self.run.settings.epochs + 1):
            yield number, self._epoch(number - 1)

    def _epoch(self, number: int) -> float:
        settings, total, seen = self.run.settings, 0.0, 0
        self.module.train()
        count = len(self.run.examples)
        for x, y in self.run.examples.batches(settings.batch):
            at = number + seen / count
            for group in self.optimizer.param_groups:
                group["lr"] = settings.rate * 0.5 * (1.0 + math.cos(math.pi * at / settings.epochs))
            around = self.run.perturbation(x, settings.share(at))
            value = settings.at(self.loss, at)(self.module, x, y, around)
            self._require(bool(value.isfinite()), number, value)
            self.optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimizer.step()
            total, seen = total + float(value.detach()) * len(y), seen + len(y)
        finite = all(bool(weight.isfinite().all()) for weight in self.module.parameters())
        self._require(finite, number, "a weight that is none")
        return total / seen

    def _require(self, finite: bool, number: int, received: object) -> None:
        if not finite:
            remedy = "Look at the data; else take a smaller --rate, or a longer --ramp."
            shown = float(received.detach()) if isinstance(received, torch.Tensor) else received
            raise InvalidInput(f"training, epoch {number + 1}", "loss and weights are numbers", shown, remedy)
