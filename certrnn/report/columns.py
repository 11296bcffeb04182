"""Tables that fit their terminal: numbers are never cut in two, the least important columns leave first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrnn.results.figures import ABSENT

if TYPE_CHECKING:
    from rich.table import Table


PADDING = 2
APART = PADDING + 1
"""Between two columns: the padding and the box's own blank."""
FOLDED = 20
"""Letters in a line of a name that is folded."""


@dataclass(frozen=True)
class Strip:
    """A column: its title and cells.

    ``rank`` orders who leaves first (the highest, never 0); names may ``fold``; a column needs at ``least`` so many
    letters, so that which columns are shown does not depend on how long a measured time is.
    """

    title: str
    cells: tuple[str, ...]
    rank: int = 0
    numeric: bool = True
    folds: bool = False
    least: int = 0

    @property
    def size(self) -> int:
        """Columns of the terminal that it needs."""
        from rich.cells import cell_len

        longest = max(self.least, *map(cell_len, (self.title, *self.cells)))
        return (min(longest, FOLDED) if self.folds else longest) + APART


def fitted(strips: Sequence[Strip], width: int) -> Table:
    """The table of the strips that hold anything and fit into ``width``."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = [strip for strip in strips if not strip.rank or {*strip.cells} - {ABSENT}]
    while sum(s.size for s in shown) - APART > width and any(s.rank for s in shown):
        shown.remove(max(shown, key=lambda s: s.rank))
    out = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, PADDING, 0, 0), show_edge=False)
    for strip in shown:
        side = "right" if strip.numeric else "left"
        out.add_column(strip.title, justify=side, no_wrap=not strip.folds, overflow="fold")
    for cells in zip(*(strip.cells for strip in shown), strict=True):
        out.add_row(*map(Text, cells))
    return out
