"""What may change in samples: the regions of a whole data set, by sample and eps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from certrnn.errors import InvalidInput, UsageError
from certrnn.regions import L1Ball, L2Ball, LinfBall, Region, Substitutes

NORMS = {"inf": LinfBall, "2": L2Ball, "1": L1Ball}
"""Balls by the name that ``--norm`` takes."""

FULL = 1.0
"""The eps of word substitution: every listed word stands in whole or not at all."""


class Disturbance(ABC):
    """Gives each sample its region. Samples are named by their position in the data."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As results show it."""

    @abstractmethod
    def region(
        self,
        numbers: Sequence[int],
        x: torch.Tensor,
        eps: torch.Tensor,
        frames: tuple[int, ...],
        clip: tuple[float, float] | None,
    ) -> Region:
        """Regions of the samples ``numbers`` (R,), whose sequences are ``x`` (R, T, D), at ``eps`` (R,)."""

    def check(self, numbers: Sequence[int], shape: tuple[int, int]) -> None:
        """Whether it fits samples of shape (T, D).

        Raises
        ------
        InvalidInput: it does not.
        """
        frames, features = shape
        one = torch.zeros(1, frames, features, dtype=torch.float64)
        for number in numbers:
            self.region([number], one, one[:, 0, 0], (), None)


@dataclass(frozen=True, eq=False)
class Norm(Disturbance):
    """A ball around each sample.

    Parameters
    ----------
    order: ``inf``, ``2`` or ``1``.
    joint: one budget for all disturbed frames together instead of one a frame; means nothing for ``inf``.
    radii: units of the features: eps times these is how far each moves at most. (D,) for every frame, (T, D), or
        (N, T, D) a sample; None for 1.

    Raises
    ------
    UsageError: no such norm.
    InvalidInput: radii that are no numbers from 0.
    """

    order: str = "inf"
    joint: bool = False
    radii: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.order not in NORMS:
            raise UsageError("reading --norm", f"the norm is one of {', '.join(NORMS)}", repr(self.order))
        radii = self.radii
        if radii is not None and not (
            radii.ndim in (1, 2, 3) and np.isfinite(radii).all() and (radii >= 0).all() and (radii > 0).any()
        ):
            raise InvalidInput(
                "reading radii",
                "they are (features,), (frames, features) or (samples, frames, features), finite, at least 0 and not "
                "all 0",
                f"shape {radii.shape}",
            )

    @property
    def name(self) -> str:
        joint = " over the sequence" if self.joint and self.order != "inf" else ""
        units = ", a radius each feature" if self.radii is not None else ""
        return f"l-{self.order}{joint}{units}" if self.order == "inf" else f"l{self.order}{joint}{units}"

    def region(
        self,
        numbers: Sequence[int],
        x: torch.Tensor,
        eps: torch.Tensor,
        frames: tuple[int, ...],
        clip: tuple[float, float] | None,
    ) -> Region:
        radii = self._radii(numbers, x)
        if self.order == "inf":
            return LinfBall(x, eps, frames, clip, radii)
        ball = L2Ball if self.order == "2" else L1Ball
        return ball(x, eps, frames, clip, radii, self.joint)

    def _radii(self, numbers: Sequence[int], x: torch.Tensor) -> torch.Tensor | None:
        if self.radii is None:
            return None
        given = self.radii
        if given.ndim == 3:
            if len(numbers) and max(numbers) >= len(given):
                raise self._unfit(f"a radius for sample {max(numbers)}", x)
            given = given[np.asarray(numbers, dtype=np.int64)]
        if given.shape[-1] != x.shape[2] or (given.ndim > 1 and given.shape[-2] < x.shape[1]):
            raise self._unfit(f"a radius for each of {x.shape[1]} frames of {x.shape[2]} features", x)
        fitting = given if given.ndim == 1 else given[..., : x.shape[1], :]
        return torch.tensor(np.broadcast_to(fitting, tuple(x.shape)), dtype=torch.float64, device=x.device)

    def _unfit(self, wanted: str, x: torch.Tensor) -> InvalidInput:
        assert self.radii is not None
        return InvalidInput("reading radii", f"there is {wanted}", f"shape {self.radii.shape}")


@dataclass(frozen=True, eq=False)
class WordSet:
    """The substitutes of one word: of the frame ``position`` of sample ``sample``; ``vectors`` (K, D)."""

    sample: int
    position: int
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class WordSubstitution(Disturbance):
    """Each disturbed frame stays, or becomes one of its listed substitutes. There is one eps, :data:`FULL`.

    Parameters
    ----------
    sets: at most one for each sample and position; a frame without one stays as it is.

    Raises
    ------
    InvalidInput: two sets for one word, vectors of different lengths, or numbers that are not finite.
    """

    sets: tuple[WordSet, ...]

    def __post_init__(self) -> None:
        seen: set[tuple[int, int]] = set()
        for one in self.sets:
            where = f"reading the substitutes of sample {one.sample}, position {one.position}"
            if (one.sample, one.position) in seen:
                raise InvalidInput(where, "a word has one list of substitutes", "a second one")
            seen.add((one.sample, one.position))
            vectors = one.vectors
            if vectors.ndim != 2 or 0 in vectors.shape or not np.isfinite(vectors).all():
                raise InvalidInput(
                    where, "substitutes are vectors of finite numbers", f"shape {vectors.shape}"
                )

    @property
    def name(self) -> str:
        return "word substitution"

    @cached_property
    def _by_sample(self) -> dict[int, list[WordSet]]:
        found: dict[int, list[WordSet]] = {}
        for one in self.sets:
            found.setdefault(one.sample, []).append(one)
        return found

    def region(
        self,
        numbers: Sequence[int],
        x: torch.Tensor,
        eps: torch.Tensor,
        frames: tuple[int, ...],
        clip: tuple[float, float] | None,
    ) -> Region:
        own = [self._by_sample.get(int(number), []) for number in numbers]
        most = max((len(one.vectors) for sets in own for one in sets), default=1)
        choices = x[:, :, None].expand(-1, -1, most, -1).clone()
        for row, sets in enumerate(own):
            for one in sets:
                if not 0 <= one.position < x.shape[1] or one.vectors.shape[1] != x.shape[2]:
                    raise InvalidInput(
                        f"reading the substitutes of sample {one.sample}",
                        f"positions lie in 0..{x.shape[1] - 1} and vectors have {x.shape[2]} features",
                        f"position {one.position}, {one.vectors.shape[1]} features",
                    )
                vectors = torch.from_numpy(np.ascontiguousarray(one.vectors, dtype=np.float64))
                choices[row, one.position, : len(vectors)] = vectors.to(x.device)
        return Substitutes(x, choices, frames)
