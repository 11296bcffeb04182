"""Rows together with the model they are about: a list, a JSON document and an exit code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from certrnn.results.changes import spelled_changes
from certrnn.results.extent import Extent, of_samples
from certrnn.results.figures import float_lower, mean
from certrnn.results.question import Question, written
from certrnn.results.row import VERDICTS, Row, spelled
from certrnn.results.tabular import Tabular

if TYPE_CHECKING:
    import numpy as np

SEMANTICS = "real"
"""What a certificate is about: the exact real evaluation of the weights in the file."""
PARTIAL = ("stopped early", "shard ")
"""How the notes begin, of documents that do not say otherwise, of results some of whose rows are missing."""


@dataclass(frozen=True, repr=False)
class Results(Sequence[Row], Tabular):
    """Rows of results, in order of sample, eps and frames.

    Args:
        path: the model as the user named it.
        sha256: of the model file.
        rows: what is finished.
        labelled: whether the data had labels; without them the predictions stand in.
        notes: what a reader of the rows must know, one line each.
        external: file name to sha256 of the files that hold the model's weights beside it.
        threat: what may change.
        specification: what must hold; "" for the label.
        grid: the only eps that a search took into account, as for a curve; empty where it was free.
        question: everything else that the rows depend on; None where a document does not say it.
        extent: how much of what was asked the rows are; None where that is not known.
        folder: the run folder that the rows were read from, or "".
    """

    path: str
    sha256: str
    rows: tuple[Row, ...]
    labelled: bool = True
    notes: tuple[str, ...] = ()
    external: tuple[tuple[str, str], ...] = ()
    threat: str = "l-inf"
    specification: str = ""
    grid: tuple[float, ...] = ()
    question: Question | None = None
    extent: Extent | None = None
    folder: str = ""

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return f"<Results of {self.path}, {self.threat}: {len(self)} rows: {counts or 'nothing finished'}>"

    def records(self) -> list[dict[str, Any]]:
        """A row each, its frames and changes spelled."""
        spoken = {
            "frames": lambda row: spelled(row.frames),
            "changed": lambda row: spelled_changes(row.changed),
        }
        return [{**row.as_json(), **{name: say(row) for name, say in spoken.items()}} for row in self.rows]

    def column(self, name: str) -> np.ndarray:
        """One field of every row, (rows,); numbers as float64 with nan for None, everything else as objects."""
        import numpy as np

        values = [getattr(row, name) for row in self.rows]
        if all(v is None or isinstance(v, int | float) for v in values):
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column

    def as_json(self) -> dict[str, Any]:
        """The document of ``certify --json``."""
        model: dict[str, Any] = {"path": self.path, "sha256": self.sha256}
        if self.external:
            model["external"] = dict(self.external)
        rows = [row.as_json() for row in self.rows]
        return {
            "model": model,
            "semantics": SEMANTICS,
            "labelled": self.labelled,
            "threat": self.threat,
            "specification": self.specification,
            **({"grid": list(self.grid)} if self.grid else {}),
            **({} if self.question is None else {"question": written(self.question)}),
            **({} if self.extent is None else {"extent": written(self.extent)}),
            "rows": rows,
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The document as strict JSON text, ending in a newline."""
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"

    def counts(self) -> dict[str, int]:
        """Number of rows by verdict, in the order of the verdicts' severity."""
        verdicts = Counter(row.verdict for row in self.rows)
        return {verdict: verdicts[verdict] for verdict in VERDICTS if verdicts[verdict]}

    @property
    def whole(self) -> bool:
        """Whether no row is missing, as far as is known."""
        if self.extent is None:
            return not any(note.startswith(PARTIAL) for note in self.notes)
        return self.extent.whole(self.rows)

    def finished(self) -> tuple[Row, ...]:
        """The rows of the samples none of whose rows is missing; none where it is not known which these are."""
        if self.extent is None:
            return self.rows if self.whole else ()
        return self.extent.finished(self.rows)

    def of_samples(self, count: int) -> str:
        """What shares of the finished samples, ``count`` of them, are counted of, in words."""
        source = None if self.question is None else self.question.data.source
        return of_samples(count, self.extent, None if source is None else source.total)

    def searched(self) -> list[float]:
        """The certified eps of the rows that searched one; misclassified samples are left out, rows where nothing was
        certified count 0."""
        return [row.eps_certified for row in self.rows if row.eps is None and row.eps_certified is not None]

    def mean_certified(self) -> float | None:
        """Mean of :meth:`searched`, rounded down."""
        return float_lower(mean(self.searched()))

    def shares(self) -> list[float]:
        """``ratio`` of the rows that searched an eps and have both sides."""
        return [row.ratio for row in self.rows if row.eps is None and row.ratio is not None]

    def mean_share(self) -> float | None:
        """Mean of :meth:`shares`, rounded down."""
        return float_lower(mean(self.shares()))

    def verified(self) -> dict[float, tuple[int, int]]:
        """For each eps asked: (samples certified on every row, samples) of the samples that are finished."""
        by_eps: dict[float, dict[int, bool]] = {}
        for row in self.finished():
            if row.eps is not None:
                samples = by_eps.setdefault(row.eps, {})
                samples[row.sample] = samples.get(row.sample, True) and row.verdict == "certified"
        return {eps: (sum(samples.values()), len(samples)) for eps, samples in by_eps.items()}

    def exit_code(self) -> int:
        """3 where the self-check failed; 1 where a row is falsified; 4 where undecided rows are left, or nothing at all
        is certified; else 0. See :class:`certrnn.results.gates.Gate` for what may be demanded beside it."""
        verdicts = {row.verdict for row in self.rows}
        if "error" in verdicts:
            return 3
        if "falsified" in verdicts:
            return 1
        return 4 if verdicts & {"unknown", "timeout"} or "certified" not in verdicts else 0


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows by sample, eps and frames."""
    return tuple(sorted(rows, key=lambda row: row.place))
