"""What may change in samples: the regions of a whole data set, by sample and eps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from certrnn.errors import InvalidInput, UsageError
from certrnn.regions import Region
from certrnn.threats.records import ThreatRecord

Classes = Callable[[np.ndarray], Sequence[int]]
"""The classes of the words that vectors (K, D) stand for: those that a network computes masks from."""

FULL = 1.0
"""The eps of what is discrete: a word stands in whole or not at all."""


@dataclass(frozen=True, eq=False)
class Supplied:
    """What documents hold the digest of only: many radii, and substitutes of words (a threat model of its own)."""

    radii: np.ndarray | None = None
    words: Any = None

    def same(self, what: str, recorded: str | None, held: str) -> None:
        """That the digest of what was supplied is the one recorded.

        Raises:
            InvalidInput: it is not.
        """
        if recorded != held:
            raise InvalidInput("asking again", f"the digest of {what} is {recorded}", held)

    def missing(self, option: str, what: str) -> UsageError:
        """The error that something has to be supplied."""
        remedy = f"{option} FILE gives the {what}; the document has their digest"
        return UsageError("asking again", remedy, "none")


class ThreatModel(ABC):
    """Gives each sample its region. Samples are named by their position in the data.

    ``discrete`` ones give finite sets, at the one eps :data:`FULL`.
    """

    discrete: ClassVar[bool] = False

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

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> ThreatModel:
        """The same in the frames of the network's input; people count the frames of a sample that are no padding.

        Args:
            first: the samples' first frame that is no padding.
            places: by sample, what people call each of its frames from there on.

        Raises:
            InvalidInput: it names a frame that a sample does not have.
        """
        return self

    def of(self, number: int) -> ThreatModel:
        """What it says of one sample."""
        return self

    def only(self, numbers: Collection[int]) -> ThreatModel:
        """What it says of these samples."""
        return self

    def covering(self, width: float, frames: int, features: int) -> float:
        """An eps at which regions hold every sequence that differs by at most ``width`` a feature, on ``frames`` frames
        of ``features`` features."""
        return width

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

    def misfit(
        self, numbers: Collection[int], frames: Collection[int], marks: Sequence[int], classes: Classes
    ) -> tuple[int, int] | None:
        """The first sample and frame where a word of another class may stand, so that the network's masks would change.

        What moves vectors leaves words what they are. What is discrete puts words in the place of others, and says
        where it does.

        Args:
            numbers: samples, of the same classes of words.
            frames: the disturbed frames.
            marks: (T,) the classes of the samples' own words.
            classes: the classes of words by their vectors.

        Returns:
            None where there is no such place.

        Raises:
            InvalidInput: a vector is no word's.
        """
        if self.discrete:
            raise NotImplementedError(f"{type(self).__name__} does not say which words it puts where")
        return None

    def record(self) -> ThreatRecord:
        """As a document writes it down."""
        return ThreatRecord(self.name)

    @classmethod
    def restored(cls, record: ThreatRecord, supplied: Supplied) -> ThreatModel:
        """The threat model of a record.

        Raises:
            UsageError: the record does not hold it, or something has to be supplied.
            InvalidInput: what was supplied is not what was recorded.
        """
        raise UsageError("asking again", "the document holds the whole threat model", repr(record.kind))
