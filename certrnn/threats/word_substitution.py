"""Words that become one of their substitutes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch

from certrnn.encode import digest
from certrnn.errors import InvalidInput
from certrnn.regions import Region, Substitutes
from certrnn.threats.records import ThreatRecord
from certrnn.threats.threat_model import Classes, Supplied, ThreatModel

_LISTED = 8
"""Numbers that an error lists."""


@dataclass(frozen=True, eq=False)
class WordSet:
    """The substitutes of one word: the ``position``-th of sample ``sample``; ``vectors`` (K, D)."""

    sample: int
    position: int
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class WordSubstitution(ThreatModel):
    """Each disturbed frame stays, or becomes one of its listed substitutes. There is one eps, 1.

    Args:
        sets: at most one for each sample and position; a frame without one stays as it is.

    Raises:
        InvalidInput: two sets for one word, vectors of different lengths, or numbers that are not finite.
    """

    sets: tuple[WordSet, ...]
    discrete: ClassVar[bool] = True

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

    def of(self, number: int) -> WordSubstitution:
        return self.only([number])

    def only(self, numbers: Collection[int]) -> WordSubstitution:
        """What it says of these samples."""
        samples = set(numbers)
        return WordSubstitution(tuple(one for one in self.sets if one.sample in samples))

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

    def misfit(
        self, numbers: Collection[int], frames: Collection[int], marks: Sequence[int], classes: Classes
    ) -> tuple[int, int] | None:
        for one in self.only(numbers).sets:
            if set(classes(one.vectors)) != {marks[one.position]}:
                return one.sample, one.position
        return None

    @cached_property
    def _by_sample(self) -> dict[int, list[WordSet]]:
        groups: dict[int, list[WordSet]] = {}
        for one in self.sets:
            groups.setdefault(one.sample, []).append(one)
        return groups

    def record(self) -> ThreatRecord:
        return ThreatRecord("words", words=len(self.sets), sha256=digest(self.sets))

    @classmethod
    def restored(cls, record: ThreatRecord, supplied: Supplied) -> WordSubstitution:
        if not isinstance(supplied.words, WordSubstitution):
            raise supplied.missing("--words", "substitutes of words")
        supplied.same("the substitutes of --words", record.sha256, digest(supplied.words.sets))
        return supplied.words

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
