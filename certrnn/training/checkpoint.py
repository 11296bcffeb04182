"""Where a training run stands, as an npz file without pickles: numbers, and one text of JSON."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from certrnn.errors import InvalidInput, UsageError
from certrnn.report.output import write_file

_ABOUT = "about"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """State after a number of epochs.

    Args:
        about: what the run was asked, and the history so far, as JSON holds them.
        arrays: weights, the optimiser's numbers and torch's random state, by name.
    """

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @staticmethod
    def of(module: nn.Module, optimizer: torch.optim.Optimizer, about: dict[str, Any]) -> Checkpoint:
        """The state of a run as it stands."""
        arrays = {f"weight/{k}": v.detach().numpy() for k, v in module.state_dict().items()}
        for place, numbers in optimizer.state_dict()["state"].items():
            arrays |= {f"adam/{place}/{k}": np.asarray(v) for k, v in numbers.items()}
        arrays["random"] = torch.get_rng_state().numpy()
        return Checkpoint(about, arrays)

    def restore(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put a fresh run into this state, random numbers included."""
        weights = {
            k.split("/", 1)[1]: torch.from_numpy(v) for k, v in self.arrays.items() if k.startswith("weight/")
        }
        module.load_state_dict(weights)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in self.arrays.items():
            if key.startswith("adam/"):
                _, place, name = key.split("/")
                state.setdefault(int(place), {})[name] = torch.from_numpy(np.array(value))
        held = optimizer.state_dict()
        optimizer.load_state_dict({**held, "state": state})
        torch.set_rng_state(torch.from_numpy(self.arrays["random"]))

    def write(self, path: str) -> None:
        """Write the file whole or not at all."""
        buffer, about = io.BytesIO(), np.array(json.dumps(self.about))
        np.savez(buffer, allow_pickle=False, **{**self.arrays, _ABOUT: about})
        write_file(path, buffer.getvalue())

    @staticmethod
    def read(path: str) -> Checkpoint:
        """A checkpoint from its file.

        Raises:
            InvalidInput: the file is damaged or something else.
        """
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            about = json.loads(str(arrays.pop(_ABOUT)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            remedy = "Leave --resume out to begin anew."
            raise InvalidInput(
                "reading a checkpoint", f"{path} is one", f"{type(error).__name__}", remedy
            ) from None
        return Checkpoint(about, arrays)

    def require(self, settings: dict[str, Any]) -> None:
        """Refuse to go on with other data or settings than the run began with.

        Raises:
            UsageError: which of them differ.
        """
        before = self.about["asked"]
        current = json.loads(json.dumps(settings))
        differ = [name for name in current if current[name] != before.get(name)]
        if differ:
            name = differ[0]
            received = f"{name} {current[name]!r}, begun with {before.get(name)!r}"
            remedy = "Give the same options, or leave --resume out to begin anew."
            raise UsageError(
                "reading --resume", "data and options are those that the run began with", received, remedy
            )
