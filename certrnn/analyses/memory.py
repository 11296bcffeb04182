"""What a series of questions about the same samples may carry from one to the next: starts of ascents, never bounds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch

from certrnn.regions import Region

State = dict[str, torch.Tensor]


@dataclass(eq=False)
class Memory:
    """Where ascents ended, by what they climbed for.

    A start is only a guess: whatever it is, the bound that follows is enclosed anew.
    """

    _states: dict[tuple[object, ...], State] = field(default_factory=dict)

    def recall(self, key: tuple[object, ...]) -> State | None:
        """The state kept last under ``key``, or None."""
        return self._states.get(key)

    def keep(self, key: tuple[object, ...], state: State) -> None:
        """Remember copies of ``state``."""
        self._states[key] = {name: value.detach().clone() for name, value in state.items()}


def samples_key(region: Region) -> str:
    """A name for the sequences and frames of a region; its size is left out, so that nearby sizes share a start."""
    data = region.center.detach().cpu().contiguous().numpy()
    return hashlib.sha256(repr((region.frames, data.shape)).encode() + data.tobytes()).hexdigest()
