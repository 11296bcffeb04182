"""How much of what was asked some rows are: a part never passes for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from certrnn.results.row import Row


@dataclass(frozen=True)
class Extent:
    """What a run comes to, and what is missing of it.

    Args:
        samples: how many samples were asked about.
        rows: how many rows they have, all together.
        unfinished: samples some of whose rows are here, and some are not: nothing is known of these.
    """

    samples: int
    rows: int
    unfinished: tuple[int, ...] = ()

    def finished(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """The rows of the samples all of whose rows are here."""
        open_ = set(self.unfinished)
        return tuple(row for row in rows if row.sample not in open_)

    def whole(self, rows: Sequence[Row]) -> bool:
        """Whether nothing is missing."""
        return not self.unfinished and len(rows) >= self.rows


def of_samples(finished: int, extent: Extent | None, total: int | None) -> str:
    """What a share is counted of, in words.

    Args:
        finished: how many samples are counted.
        total: how many the data holds, where that is known.

    >>> of_samples(3, Extent(20, 160), 540), of_samples(20, Extent(20, 160), 540), of_samples(1, None, None)
    ('the 3 finished of the 20 samples chosen of 540', 'the 20 samples chosen of 540', '1 sample')
    """
    samples = finished if extent is None else extent.samples
    chosen = total is not None and total > samples
    noun = "sample" if samples == 1 else "samples"
    whole = f"{samples} {noun}" + (f" chosen of {total}" if chosen else "")
    if finished < samples:
        whole = f"the {finished} finished of {'the ' if chosen else ''}{whole}"
    elif chosen:
        whole = f"the {whole}"
    return whole
