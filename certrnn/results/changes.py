"""What a counterexample changes, as people read it: words before and after, or the frames that move most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MOST = 5
"""Frames that are named where no words are changed."""


@dataclass(frozen=True)
class Change:
    """One frame of a counterexample.

    Args:
        frame: counted from the sample's first frame that is no padding.
        by: the largest change of one of its features.
        before, after: the words, where the sample is a text and the frame became one; "" where it is not known.
    """

    frame: int
    by: float
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        if self.after:
            return f"{self.frame}: {self.before} > {self.after}"
        named = f" ({self.before})" if self.before else ""
        return f"{self.frame}{named} by {self.by:.2g}"

    def as_json(self) -> dict[str, Any]:
        """Words only where there are any."""
        return {name: value for name, value in asdict(self).items() if value != ""}


def spelled_changes(changed: Sequence[Change] | None) -> str:
    """Changes in a cell; "" for none.

    >>> spelled_changes((Change(3, 0.5, "good", "bad"), Change(0, 0.25)))
    '3: good > bad; 0 by 0.25'
    """
    return "; ".join(map(str, changed or ()))


def marked(words: Sequence[str], changed: Sequence[Change]) -> str:
    """A text with its changes marked; characters stand side by side.

    >>> marked(("a", "good", "film"), (Change(1, 0.5, "good", "bad"),))
    'a [good > bad] film'
    >>> marked(("a", "b"), (Change(1, 0.5, "b", "c"),))
    'a[b > c]'
    """
    shown: Mapping[int, str] = {one.frame: f"[{one.before} > {one.after}]" for one in changed}
    between = "" if all(len(word) == 1 for word in words) else " "
    return between.join(shown.get(place, word) for place, word in enumerate(words))
