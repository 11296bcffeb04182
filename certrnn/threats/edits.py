"""Few of the words become others, whichever words these are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch

from certrnn import regions
from certrnn.encode import digest
from certrnn.errors import InvalidInput, UsageError
from certrnn.regions import Region
from certrnn.threats.records import ThreatRecord
from certrnn.threats.threat_model import Classes, Supplied, ThreatModel


@dataclass(frozen=True, eq=False)
class Place:
    """What the ``position``-th word of sample ``sample`` may become: ``members`` (K,) of the pool."""

    sample: int
    position: int
    members: np.ndarray


@dataclass(frozen=True, eq=False)
class Edits(ThreatModel):
    """At most ``most`` of the disturbed frames become a vector of the pool; the others stay. There is one eps, 1.

    Args:
        most: how many frames change at most.
        pool: (V, features) what they may become.
        places: what each word may become, and of words that are not listed nothing; None for all of the pool wherever.
        alphabet, synonyms: where pool and places came from, as ``--alphabet`` and ``--synonyms`` take it, or "".
        names: the words of the pool, where they are known.

    Raises:
        UsageError: no edit is allowed.
        InvalidInput: the pool is empty or no vectors of finite numbers, or a place names something else.
    """

    most: int
    pool: np.ndarray
    places: tuple[Place, ...] | None = None
    alphabet: str = ""
    synonyms: str = ""
    names: tuple[str, ...] = ()
    discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.most < 1:
            raise UsageError("reading --edits", "at least one word may change", self.most)
        pool = self.pool
        if pool.ndim != 2 or 0 in pool.shape or not np.isfinite(pool).all():
            raise InvalidInput("reading --alphabet", "it is vectors of finite numbers", f"shape {pool.shape}")
        for one in self.places or ():
            if one.members.size and not 0 <= one.members.min() <= one.members.max() < len(pool):
                raise InvalidInput(
                    f"reading the substitutes of sample {one.sample}, position {one.position}",
                    f"they are numbers in 0..{len(pool) - 1}",
                    one.members.tolist()[:8],
                )

    @property
    def name(self) -> str:
        return f"at most {self.most} edit{'' if self.most == 1 else 's'}"

    @property
    def sha256(self) -> str:
        """Of what may change."""
        return digest((self.most, self.pool, self.places))

    def of(self, number: int) -> Edits:
        if self.places is None:
            return self
        return replace(self, places=tuple(one for one in self.places if one.sample == number))

    def only(self, numbers: Collection[int]) -> Edits:
        """What it says of these samples."""
        samples = set(numbers)
        if self.places is None:
            return self
        return replace(self, places=tuple(one for one in self.places if one.sample in samples))

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> Edits:
        if self.places is None:
            return self
        moved = [
            replace(one, position=first + own.index(one.position))
            for number, own in places.items()
            for one in self._by_sample.get(number, ())
            if one.position in own
        ]
        return replace(self, places=tuple(moved))

    def misfit(
        self, numbers: Collection[int], frames: Collection[int], marks: Sequence[int], classes: Classes
    ) -> tuple[int, int] | None:
        if self.places is None:
            told = set(classes(self.pool)) if frames else set()
            wrong = [frame for frame in frames if told != {marks[frame]}]
            return (min(numbers), min(wrong)) if wrong and numbers else None
        own = [one for one in self.only(numbers).places or () if one.position in frames and one.members.size]
        if not own:
            return None
        used = np.unique(np.concatenate([one.members for one in own]))
        told_of = np.full(len(self.pool), -1)
        told_of[used] = classes(self.pool[used])
        for one in own:
            if (told_of[one.members] != marks[one.position]).any():
                return one.sample, one.position
        return None

    @cached_property
    def _by_sample(self) -> dict[int, list[Place]]:
        groups: dict[int, list[Place]] = {}
        for one in self.places or ():
            groups.setdefault(one.sample, []).append(one)
        return groups

    def record(self) -> ThreatRecord:
        listed = None if self.places is None else len(self.places)
        return ThreatRecord(
            "edits",
            words=listed,
            sha256=self.sha256,
            edits=self.most,
            alphabet=self.alphabet,
            synonyms=self.synonyms,
        )

    @classmethod
    def restored(cls, record: ThreatRecord, supplied: Supplied) -> Edits:
        if not isinstance(supplied.words, Edits):
            raise supplied.missing("--alphabet or --synonyms", "words that others may become")
        supplied.same("the words that others may become", record.sha256, supplied.words.sha256)
        return supplied.words

    def region(
        self,
        numbers: Sequence[int],
        x: torch.Tensor,
        eps: torch.Tensor,
        frames: tuple[int, ...],
        clip: tuple[float, float] | None,
    ) -> Region:
        if self.pool.shape[1] != x.shape[2]:
            raise InvalidInput(
                "reading --alphabet", f"vectors have {x.shape[2]} features", f"{self.pool.shape[1]} of them"
            )
        pool = torch.from_numpy(np.ascontiguousarray(self.pool, dtype=np.float64)).to(x.device)
        allowed = torch.full(
            (*x.shape[:2], len(pool)), self.places is None, dtype=torch.bool, device=x.device
        )
        for row, number in enumerate(numbers if self.places is not None else ()):
            for one in self._by_sample.get(int(number), ()):
                if not 0 <= one.position < x.shape[1]:
                    where = f"reading the substitutes of sample {one.sample}"
                    raise InvalidInput(where, f"positions lie in 0..{x.shape[1] - 1}", one.position)
                allowed[row, one.position, torch.from_numpy(one.members.astype(np.int64))] = True
        return regions.Edits(x, pool, allowed, frames, torch.full((len(x),), self.most))
