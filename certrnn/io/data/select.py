"""Which samples or frames a person means by ``0:5,7``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from certrnn.errors import UsageError

LARGEST = 10_000_000
_RANGE = re.compile(r"(\d{0,9}):(\d{0,9})|(\d{1,9})-(\d{1,9})|(\d{1,9})|(all)", re.ASCII)


def parse_selection(text: str, size: int | None = None) -> tuple[int, ...]:
    """Positions named by a list of single numbers, half-open ranges ``a:b`` and closed ranges ``a-b``.

    Args:
        size: how many there are; half-open ranges stop there and single numbers must lie below it. Needed for an open
            end (``3:``) and for ``all``.

    Returns:
        positions in the order written, each once.

    Raises:
        UsageError: the text is no such list, names nothing, or names what is not there.

    >>> parse_selection("0:5,7")
    (0, 1, 2, 3, 4, 7)
    >>> parse_selection("2-3,0", size=4)
    (2, 3, 0)
    >>> parse_selection("2:", size=4)
    (2, 3)
    """
    positions: dict[int, None] = {}
    for part in text.split(","):
        positions.update(dict.fromkeys(_positions(part.strip(), text, size)))
    return tuple(positions)


def _positions(part: str, text: str, size: int | None) -> range:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise _usage(text, "each part is a number, a range a:b (b excluded) or a-b (b included)", repr(part))
    start, stop, first, last, single, everything = match.groups("")
    if everything or (":" in part and not stop):
        if size is None:
            raise _usage(text, "a range names its end where the number of items is not known", repr(part))
        chosen = range(int(start or 0), size)
    elif stop:
        chosen = range(int(start or 0), int(stop) if size is None else min(int(stop), size))
    else:
        chosen = range(int(single or first), int(single or last) + 1)
    if not chosen or len(chosen) > LARGEST:
        raise _usage(text, f"a part names between 1 and {LARGEST} positions", f"{part!r} of {size} items")
    if size is not None and chosen.stop > size:
        raise _usage(text, f"positions lie below {size}", repr(part))
    return chosen


def _usage(text: str, requirement: str, received: str) -> UsageError:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return UsageError(f"reading selection {shown!r}", requirement, received, "Example: 0:5,7.")


def spelled_samples(numbers: Sequence[int]) -> str:
    """Samples as ``--samples`` takes them, in their order.

    >>> spelled_samples([0, 1, 2, 7, 5])
    '0:3,7,5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}:{run[1] + 1}" for run in runs)
