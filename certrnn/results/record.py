"""What every row of results is, whatever was asked."""

from __future__ import annotations

from typing import Any


class Record:
    """The answer to one part of a question about one sample; a frozen dataclass of plain values, with these fields.

    Args:
        sample: position in the data, from 0.
        reason: why there is no answer, or more about the one that there is; else "".
    """

    sample: int
    reason: str

    @property
    def failed(self) -> bool:
        """Whether its task came to no answer: another try may."""
        raise NotImplementedError

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it stands among the rows of its run, smallest first."""
        return (self.sample,)

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        """Whether it is about these frames, as rows show them, this eps, and this of several methods."""
        return True

    def contradicts(self, other: Any) -> str:
        """What is proved here and broken there, in words; "" where both may be true."""
        return ""


def frames_place(frames: str | list[int]) -> list[int]:
    """Frames as rows show them, in an order: all of them come first."""
    return [-1] if isinstance(frames, str) else frames
