"""What a worker must know before its first task: the model itself, wherever the worker runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from certrnn.certification import Query
from certrnn.encode import pack
from certrnn.errors import InvalidInput
from certrnn.io.onnx import Choices, OnnxModel


@dataclass(frozen=True, eq=False)
class Job:
    """A model's files, and the whole question.

    Args:
        name: the model as the user named it.
        query: what is asked of every sample.
        choices: how the file is read.
        files: name and content (uint8) of the model file, first, and of the files with weights beside it.
    """

    name: str
    files: tuple[tuple[str, np.ndarray], ...]
    query: Query
    choices: Choices

    @staticmethod
    def of(name: str, network: OnnxModel, query: Query) -> Job:
        """The files of a model.

        Raises:
            InvalidInput: a file has changed since.
        """
        files = []
        for own, digest in ((network.path.name, network.sha256), *network.external):
            content = (network.path.parent / own).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise InvalidInput(
                    f"reading {own}", "the file has not changed since the run began", "another content"
                )
            files.append((own, np.frombuffer(content, dtype=np.uint8)))
        return Job(name, tuple(files), query, network.choices)

    def packed(self) -> bytes:
        """As it travels."""
        return pack(self)

    def write(self, folder: Path) -> Path:
        """Write the files into an empty folder; returns the model's path."""
        for name, content in self.files:
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.tobytes())
        return folder / self.files[0][0]
