"""The options that say what may change and what must hold."""

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
    from certrnn.threats import Specification

NormOption = Annotated[
    str,
    typer.Option(metavar="P", help="Norm of the disturbance: inf, 2 or 1."),
]
Joint = Annotated[
    bool,
    typer.Option(
        "--joint",
        help="One eps for all disturbed frames together, not one a frame (--norm 2 or 1).",
    ),
]
Radii = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Each feature's radius, in units of eps: npy, or numbers as text, a line a frame.",
        show_default=False,
    ),
]
WordsOption = Annotated[
    str | None,
    typer.Option(
        "--words",
        metavar="FILE",
        help="Substitutes of words instead of eps: jsonl with sample, position and substitutes.",
        show_default=False,
    ),
]
Target = Annotated[
    int | None,
    typer.Option(
        metavar="LABEL",
        help="The answer never becomes this label.",
        show_default=False,
    ),
]
AcceptOption = Annotated[
    str | None,
    typer.Option(
        "--accept",
        metavar="L,L..",
        help="The answer stays one of these labels.",
        show_default=False,
    ),
]
ThresholdOption = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--threshold",
        metavar="LO HI",
        help="Every output stays between LO and HI; -inf and inf are allowed.",
        show_default=False,
    ),
]
EditsOption = Annotated[
    int | None,
    typer.Option(metavar="K", help="At most K words of a text change, instead of eps.", show_default=False),
]
Alphabet = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="What a changed word may become: vocab (the default), chars, or a file, a word a line.",
        show_default=False,
    ),
]
Synonyms = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help='What each word may become: JSON, {"good": ["fine", ..], ..}.',
        show_default=False,
    ),
]

BALLS: dict[str, tuple[Any, Any]] = {
    "norm": (NormOption, "inf"),
    "joint": (Joint, False),
    "radii": (Radii, None),
}
WHOLE: dict[str, tuple[Any, Any]] = {
    "words": (WordsOption, None),
    "edits": (EditsOption, None),
    "alphabet": (Alphabet, None),
    "synonyms": (Synonyms, None),
}
"""Of words that change whole."""
HELD: dict[str, tuple[Any, Any]] = {
    "target": (Target, None),
    "accept": (AcceptOption, None),
    "threshold": (ThresholdOption, None),
}
OPTIONS = {**BALLS, **WHOLE, **HELD}
"""Annotation and default, option by option, in the order of the help."""


@dataclass(frozen=True)
class Threatened:
    """What the options say may change, and what must hold."""

    norm: str = "inf"
    joint: bool = False
    radii: str | None = None
    words: str | None = None
    edits: int | None = None
    alphabet: str | None = None
    synonyms: str | None = None
    target: int | None = None
    accept: str | None = None
    threshold: tuple[float, float] | None = None

    def named(self, *but: str) -> list[str]:
        """Options that are not at their defaults, but for these."""
        return [
            name
            for name, (_, default) in OPTIONS.items()
            if getattr(self, name) != default and name not in but
        ]

    @property
    def whole(self) -> str:
        """The option by which words change whole: ``words``, ``edits`` or ""."""
        return next((name for name in ("edits", "words") if getattr(self, name) is not None), "")

    def check(self, eps: str | None, clip: tuple[float, float] | None) -> None:
        """Words change whole: there is no eps, no norm and no valid range beside them.

        Raises:
            UsageError: one is given, or an alphabet without edits.
        """
        own = ("edits", "alphabet", "synonyms") if self.whole == "edits" else ("words",)
        for name in ("alphabet", "synonyms"):
            if self.whole != "edits" and getattr(self, name) is not None:
                raise UsageError(f"reading --{name}", "it belongs to --edits K", "no --edits")
        beside = [name for name, value in (("eps", eps), ("clip", clip)) if value is not None]
        beside += self.named(*own, *HELD)
        if self.whole and beside:
            raise UsageError(f"reading --{self.whole}", "words change whole", f"--{beside[0]} beside it")

    @property
    def specification(self) -> Specification:
        """What must hold.

        Raises:
            UsageError: two specifications at once, or one that makes no sense.
        """
        from certrnn.certification.options import numbers, specification

        return specification(self.target, numbers(self.accept, "--accept"), self.threshold)

    def put(self, query: Query, network: Model, data: Any, samples: Sequences) -> tuple[Query, Sequences]:
        """The query about what may change, and the samples with a note where that says what they are.

        Args:
            data: where the samples are from.
            samples: all of them.

        Raises:
            UsageError, InvalidInput: options that make no sense, or files that do not fit the network.
        """
        from certrnn.certification.options import threat_model
        from certrnn.io.data.threats import read_radii, read_substitutes
        from certrnn.threats import FULL

        if self.edits is not None:
            return self._edited(query, network, data, samples)
        if self.words is not None:
            threat = network.substitution(read_substitutes(self.words))
            return replace(query, threat=threat, eps=(FULL,)), samples
        radii = None if self.radii is None else read_radii(self.radii)
        return replace(query, threat=threat_model(self.norm, self.joint, radii)), samples

    def _edited(self, query: Query, network: Model, data: Any, texts: Sequences) -> tuple[Query, Sequences]:
        from certrnn.datasets.edits import edits_of
        from certrnn.io.text import TextSource
        from certrnn.threats import FULL

        assert self.edits is not None
        if not isinstance(data, TextSource):
            remedy = "From Python, pass a threat certrnn.Edits with vectors of your own."
            raise UsageError(
                "reading --edits", "words are known by --text and a vocabulary", "--data", remedy
            )
        threat, note = edits_of(network.network, data, texts, self.edits, self.alphabet, self.synonyms)
        return replace(query, threat=threat, eps=(FULL,)), texts.noted(note)


USUAL = Threatened()
"""The l-inf ball, in which the label must hold."""

with_threats = with_options("threat", OPTIONS, Threatened)
"""Gives a command these options in place of its parameter ``threat``, which then is :class:`Threatened`."""
with_balls = with_options("threat", {**BALLS, **HELD}, Threatened)
"""The same for commands over a range of eps, of which words that change whole have none."""
