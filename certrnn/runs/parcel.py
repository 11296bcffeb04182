"""A job as it travels: the model itself and the question to a worker, then task by task the samples."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.datasets import Sequences
from certrnn.encode import class_named, name_of, pack
from certrnn.errors import InvalidInput
from certrnn.io.onnx import Choices, OnnxModel, read
from certrnn.runs.job import Job, Part


@dataclass(frozen=True, eq=False)
class Parcel:
    """What a worker must know before its first task.

    Args:
        kind: the job's class, by name.
        path: the model as the user named it.
        files: name and content (uint8) of the model file, first, and of the files with weights beside it.
        choices: how the file is read.
        query: what is asked of every sample.
    """

    kind: str
    path: str
    files: tuple[tuple[str, np.ndarray], ...]
    choices: Choices
    query: Any

    @staticmethod
    def of(job: Job[Any, Any, Any]) -> Parcel:
        """All but the samples.

        Raises:
            InvalidInput: a file of the model has changed since it was read.
        """
        network, files = job.network, []
        for own, digest in ((network.path.name, network.sha256), *network.external):
            content = (network.path.parent / own).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise InvalidInput(
                    f"reading {own}", "the file has not changed since the run began", "another content"
                )
            files.append((own, np.frombuffer(content, dtype=np.uint8)))
        return Parcel(name_of(type(job)), job.path, tuple(files), network.choices, job.query)

    def packed(self) -> bytes:
        """As it travels."""
        return pack(self)

    def opened(self) -> Job[Any, Any, Any]:
        """The job without samples, its model read from the files."""
        with tempfile.TemporaryDirectory() as folder:
            network = self._read(Path(folder))
        kind: Any = class_named(self.kind, Job)
        return kind(self.path, network, Sequences((), None, ()), self.query)

    def _read(self, folder: Path) -> OnnxModel:
        for name, content in self.files:
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.tobytes())
        return read(folder / self.files[0][0], self.choices)


@dataclass(frozen=True, eq=False)
class Ask:
    """A task as it travels: samples of one kind, and what is asked of them."""

    sequences: Sequences
    part: Part
