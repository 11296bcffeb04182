"""What a pipeline demands of results, and what falls short of it by how much."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from certrnn.errors import UsageError
from certrnn.results.certificates import Results
from certrnn.results.figures import exact, lower, percent_lower, upper
from certrnn.results.row import Row, spelled

SHOWN = 10
"""Rows that fall short and are named; the others are counted."""


@dataclass(frozen=True)
class Gate:
    """What must be certified.

    Args:
        eps: every searched eps is at least this; None demands nothing.
        accuracy: this share of the finished samples is verified at each eps; None demands nothing.

    Raises:
        UsageError: an eps that is not positive, or a share outside of (0, 1].
    """

    eps: float | None = None
    accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.eps is not None and not 0.0 < self.eps < float("inf"):
            raise UsageError("reading --fail-under", "the eps is a positive number", self.eps)
        if self.accuracy is not None and not 0.0 < self.accuracy <= 1.0:
            raise UsageError("reading --fail-under-accuracy", "the share lies in (0, 1]", self.accuracy)

    def __bool__(self) -> bool:
        return self.eps is not None or self.accuracy is not None

    def below(self, row: Row) -> str:
        """By how much a row falls short of the demanded eps, in words; "" where it does not."""
        known = row.eps_certified or 0.0
        if self.eps is None or row.eps is not None or row.verdict == "misclassified" or known >= self.eps:
            return ""
        short = upper(float(Fraction(self.eps) - Fraction(known)))
        return f"certified eps {lower(known)}, {short} below {exact(self.eps)}"

    def short(self, results: Results) -> list[str]:
        """What falls short, a line each; empty where nothing does."""
        pairs = [(row, self.below(row)) for row in results]
        rows = [(row, said) for row, said in pairs if said]
        lines = [f"{where(row)}: {said}" for row, said in rows[:SHOWN]]
        if len(rows) > SHOWN:
            lines.append(f"and {len(rows) - SHOWN} more of {len(results)} rows")
        return [*lines, *self._shares(results.verified())]

    def _shares(self, verified: dict[float, tuple[int, int]]) -> list[str]:
        if self.accuracy is None:
            return []
        return [
            line for eps, (good, count) in verified.items() if (line := self.share_short(eps, good, count))
        ] or ([] if verified else ["no share of samples: of none of them all rows are finished"])

    def share_short(self, eps: float, good: int, count: int) -> str:
        """By how much the share of ``good`` of ``count`` samples at an eps falls short; "" where it does not."""
        if self.accuracy is None:
            return ""
        wanted = Fraction(repr(self.accuracy))
        if count and Fraction(good, count) >= wanted:
            return ""
        need = -(-wanted.numerator * count // wanted.denominator)
        shown = percent_lower(good, count) if count else "no sample"
        missing = need - good
        more = (
            f"{missing} sample{'' if missing == 1 else 's'} more would do" if count else "nothing is finished"
        )
        return f"verified at eps {exact(eps)}: {shown} ({good} of {count}), below {self.accuracy:g}: {more}"

    def exit_code(self, results: Results) -> int:
        """3 where the self-check failed; 1 where something falls short. A share that is reached is all that is
        demanded: 0, whatever single rows say. Else the results' own exit code."""
        own = results.exit_code()
        if own == 3:
            return own
        if self.short(results):
            return 1
        return 0 if self.accuracy is not None else own


def where(row: Row) -> str:
    """Which row it is, in words."""
    at = "" if row.eps is None else f", eps {exact(row.eps)}"
    return f"sample {row.sample}, frames {spelled(row.frames)}{at}"
