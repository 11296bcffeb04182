"""The options about edits of texts: how many words may change, and into what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._options_of import with_options
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.datasets import Sequences
    from certrnn.model import Model

OPTIONS: dict[str, tuple[Any, Any]] = {
    "edits": (
        Annotated[
            int | None,
            typer.Option(
                metavar="K", help="At most K words of a text change, instead of eps.", show_default=False
            ),
        ],
        None,
    ),
    "alphabet": (
        Annotated[
            str | None,
            typer.Option(
                metavar="WORDS",
                help="What a changed word may become: vocab (the default), chars, or a file, a word a line.",
                show_default=False,
            ),
        ],
        None,
    ),
    "synonyms": (
        Annotated[
            str | None,
            typer.Option(
                metavar="FILE",
                help='What each word may become: JSON, {"good": ["fine", ..], ..}.',
                show_default=False,
            ),
        ],
        None,
    ),
}
"""Annotation and default, option by option, in the order of the help."""


@dataclass(frozen=True)
class Edited:
    """What the options say."""

    edits: int | None = None
    alphabet: str | None = None
    synonyms: str | None = None

    def __bool__(self) -> bool:
        return self.edits is not None

    def check(self, beside: dict[str, Any]) -> None:
        """Edits stand alone; ``beside`` holds other options that say what may change, None where they were not given.

        Raises:
            UsageError: one is given, or an alphabet without edits.
        """
        for name in ("alphabet", "synonyms"):
            if getattr(self, name) is not None and not self:
                raise UsageError(f"reading --{name}", "it belongs to --edits K", "no --edits")
        named = [name for name, value in beside.items() if value]
        if self and named:
            raise UsageError("reading --edits", "words change whole", f"--{named[0]} beside it")

    def asked(self, query: Query, network: Model, data: Any, texts: Sequences) -> tuple[Query, Sequences]:
        """The query about these edits, and the texts with a note that says what they are.

        Args:
            texts: all of them.

        Raises:
            UsageError: there are no texts.
        """
        from certrnn.datasets.edits import edits_of
        from certrnn.io.text import TextSource
        from certrnn.threats import FULL

        if self.edits is None:
            return query, texts
        if not isinstance(data, TextSource):
            remedy = "From Python, pass a threat certrnn.Edits with vectors of your own."
            raise UsageError(
                "reading --edits", "words are known by --text and a vocabulary", "--data", remedy
            )
        threat, note = edits_of(network.network, data, texts, self.edits, self.alphabet, self.synonyms)
        return replace(query, threat=threat, eps=(FULL,)), texts.noted(note)


UNEDITED = Edited()
with_edits = with_options("edited", OPTIONS, Edited)
"""The command with these options in place of its parameter ``edited``."""
