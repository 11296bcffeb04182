"""The epochs of a training run as lines, as a table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

NOTE = "verified by training's own bounds, which are not rounded outward: no proof"


class Accuracy(Protocol):
    """Shares of held-out samples; ``verified`` is None where the network was not bounded."""

    @property
    def clean(self) -> float: ...
    @property
    def attacked(self) -> float: ...
    @property
    def verified(self) -> float | None: ...


class Epoch(Protocol):
    """What an epoch came to."""

    @property
    def number(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def eps(self) -> float: ...
    @property
    def accuracy(self) -> Accuracy: ...


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def line(epoch: Epoch) -> str:
    """One epoch in a line."""
    rates = epoch.accuracy
    shares = (
        f"clean {_share(rates.clean)}, attacked {_share(rates.attacked)}, verified {_share(rates.verified)}"
    )
    return f"epoch {epoch.number}: loss {epoch.loss:.4g}, eps {epoch.eps:.4g}, {shares}"


def show(console: Console, history: Sequence[Epoch], command: str) -> None:
    """Print the last epoch, what its numbers mean, and the command that certifies."""
    print_ = console.print
    print_(line(history[-1]), markup=False, highlight=False)
    print_(NOTE, markup=False, highlight=False)
    print_(f"next: {command}", markup=False, highlight=False, soft_wrap=True)


def as_json(model: str, settings: dict[str, object], history: Sequence[Epoch]) -> str:
    """The document of ``certrnn train --json``."""
    epochs = [
        {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "eps": epoch.eps,
            "clean": epoch.accuracy.clean,
            "attacked": epoch.accuracy.attacked,
            "verified": epoch.accuracy.verified,
        }
        for epoch in history
    ]
    document = {"model": model, "settings": settings, "epochs": epochs, "notes": [NOTE]}
    return json.dumps(document, indent=2) + "\n"
