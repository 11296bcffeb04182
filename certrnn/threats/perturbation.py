"""What may change in samples: the regions of a whole data set, by sample and eps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from certrnn.errors import InvalidInput, UsageError
from certrnn.regions import L1Ball, L2Ball, LinfBall, Region, Substitutes

NORMS = {"inf": LinfBall, "2": L2Ball, "1": L1Ball}
"""Balls by the name that ``--norm`` takes."""

FULL = 1.0
"""The eps of word substitution: every listed word stands in whole or not at all."""


_LISTED = 8
"""Numbers that an error lists."""


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

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> Disturbance:
        """The same in the frames of the network's input; people count the frames of a sample that are no padding.

        Args:
            first: the samples' first frame that is no padding.
            places: by sample, what people call each of its frames from there on.

        Raises:
            InvalidInput: it names a frame that a sample does not have.
        """
        return self

    def require(self, numbers: Collection[int]) -> None:
        """That every sample it names is one of these.

        Raises:
            InvalidInput: one is not.
        """
        return

    def check(self, numbers: Sequence[int], shape: tuple[int, int]) -> None:
        """Whether it fits samples of shape (T, D).

        Raises:
            InvalidInput: it does not.
        """
        frames, features = shape
        one = torch.zeros(1, frames, features, dtype=torch.float64)
        for number in numbers:
            self.region([number], one, one[:, 0, 0], (), None)


@dataclass(frozen=True, eq=False)
class Norm(Disturbance):
    """A ball around each sample.

    Args:
        order: ``inf``, ``2`` or ``1``.
        joint: one budget for all disturbed frames together instead of one a frame; means nothing for ``inf``.
        radii: units of the features: eps times these is how far each moves at most. (D,) for every frame, (T, D), or
            (N, T, D) a sample; None for 1.

    Raises:
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

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> Norm:
        """Rows of radii are those of the sample's own frames."""
        if not first or self.radii is None or self.radii.ndim == 1:
            return self
        before = np.zeros((*self.radii.shape[:-2], first, self.radii.shape[-1]))
        return replace(self, radii=np.concatenate([before, self.radii], axis=-2))

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
    """The substitutes of one word: the ``position``-th of sample ``sample``; ``vectors`` (K, D)."""

    sample: int
    position: int
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class WordSubstitution(Disturbance):
    """Each disturbed frame stays, or becomes one of its listed substitutes. There is one eps, :data:`FULL`.

    Args:
        sets: at most one for each sample and position; a frame without one stays as it is.

    Raises:
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

    def only(self, numbers: Collection[int]) -> WordSubstitution:
        """What it says of these samples."""
        kept = set(numbers)
        return WordSubstitution(tuple(one for one in self.sets if one.sample in kept))

    def require(self, numbers: Collection[int]) -> None:
        known = set(numbers)
        for one in self.sets:
            if one.sample not in known:
                where = f"reading the substitutes of sample {one.sample}, position {one.position}"
                raise InvalidInput(
                    where, "there is such a sample with words", f"samples {_named(sorted(known))}"
                )

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> WordSubstitution:
        sets = []
        for number, own in places.items():
            for one in self._by_sample.get(number, ()):
                if one.position not in own:
                    where = f"reading the substitutes of sample {number}"
                    requirement = (
                        f"a position is one of its words {_named(own)}, counted from 0 without padding"
                    )
                    remedy = "Words that were cut off or left out are not read by the network."
                    raise InvalidInput(where, requirement, one.position, remedy)
                sets.append(replace(one, position=first + own.index(one.position)))
        return WordSubstitution(tuple(sets))

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


def _named(numbers: Sequence[int]) -> str:
    """Numbers in ascending order, in short.

    >>> _named(range(3)), _named((4,)), _named((0, 2, 3))
    ('0..2', '4', '0, 2, 3')
    """
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}..{numbers[-1]}"
    listed = ", ".join(map(str, numbers[:_LISTED]))
    return listed if len(numbers) <= _LISTED else f"{listed}, .."
