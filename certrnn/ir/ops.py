"""The six node kinds of a :class:`~certrnn.ir.graph.Graph`.

Every value is one flat float64 vector a sample; ``size`` is its length. A node names the values it reads by their
position in the graph (``sources``), always smaller than its own. ``label`` says where a node came from (an ONNX node
and a time step) and appears in error messages only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from transformers_abs import Transformer


@dataclass(frozen=True, eq=False)
class Input:
    """Frame number ``frame`` of the disturbed sequence, ``size`` features."""

    frame: int
    size: int
    label: str = ""
    sources: tuple[int, ...] = field(default=(), init=False)


@dataclass(frozen=True, eq=False)
class Constant:
    """A fixed vector ``value``, shape (size,); ``relative_error`` as in :class:`Affine`."""

    value: torch.Tensor
    label: str = ""
    relative_error: float = 0.0
    sources: tuple[int, ...] = field(default=(), init=False)

    @property
    def size(self) -> int:
        return self.value.shape[0]


@dataclass(frozen=True, eq=False)
class Affine:
    """``weight @ source + bias``; ``weight`` is (size, source size), or (size,) if diagonal; ``bias`` is (size,).

    ``relative_error`` bounds how far each weight and bias may lie from the coefficient it stands for, as a share of its
    absolute value: 0 where the numbers come unchanged from the file, a few 2^-53 where they were folded in floating
    point (a batch normalisation, a sum of two biases).
    """

    weight: torch.Tensor
    bias: torch.Tensor
    sources: tuple[int, ...]
    label: str = ""
    relative_error: float = 0.0

    @property
    def size(self) -> int:
        return self.weight.shape[0]

    @property
    def diagonal(self) -> bool:
        """True where ``weight`` holds only the diagonal."""
        return self.weight.ndim == 1


@dataclass(frozen=True, eq=False)
class Sum:
    """``sum_i coefficients[i] * sources[i]``, all of one size; ``relative_error`` as in :class:`Affine`."""

    coefficients: tuple[float, ...]
    sources: tuple[int, ...]
    size: int
    label: str = ""
    relative_error: float = 0.0


@dataclass(frozen=True, eq=False)
class Gather:
    """``concatenate(sources)[index]``: slices, concatenations, permutations and repetitions."""

    index: np.ndarray
    sources: tuple[int, ...]
    label: str = ""

    @property
    def size(self) -> int:
        return int(self.index.shape[0])


@dataclass(frozen=True, eq=False)
class Elementwise:
    """``transformer(*sources)`` element by element; one source for each of the transformer's arguments."""

    transformer: Transformer
    sources: tuple[int, ...]
    size: int
    label: str = ""


Node = Input | Constant | Affine | Sum | Gather | Elementwise
