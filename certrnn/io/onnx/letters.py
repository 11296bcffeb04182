"""How a person names the axes of an array: ``n,t,f``."""

from __future__ import annotations

from certrnn.errors import UsageError

_WORDS = frozenset({"n", "t", "f", "1", "tf", "ft"})

Letters = tuple[str, ...]
"""For each axis of an array: n samples, t frames, f features, 1 for length one, tf frames of features, ft features of
frames; f may stand several times."""


def parse_layout(text: str | None) -> Letters | None:
    """The axes that ``text`` names; None where nothing is said.

    Raises:
        UsageError: it names something else, or samples or frames twice.

    >>> parse_layout("n,1,t,f")
    ('n', '1', 't', 'f')
    """
    if text is None:
        return None
    letters = tuple(part.strip().lower() for part in text.split(","))
    joined = "".join(letters)
    if (
        not set(letters) <= _WORDS
        or joined.count("n") > 1
        or joined.count("t") > 1
        or joined.count("1") == len(joined)
    ):
        raise UsageError(
            "reading --layout",
            "the axes of the data in order: n samples, t frames, f features, 1 of length one, tf or ft both in one",
            repr(text),
            "Example: n,t,f.",
        )
    if any(len(word) > 1 for word in letters) and joined.count("f") > 1:
        raise UsageError("reading --layout", "beside tf or ft there are no further features", repr(text))
    return letters


def shown(letters: Letters) -> str:
    """As an option's value."""
    return ",".join(letters)
