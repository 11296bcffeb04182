"""How the word of a number is written."""

from __future__ import annotations

from collections.abc import Callable

from certrnn.io.text.encode import WordEncoder, read_encoder
from certrnn.io.text.source import TextSource
from certrnn.io.text.tokenizer import TokenizerEncoder


def names(source: TextSource) -> tuple[Callable[[int], str], dict[str, int]]:
    """The word of a number, "" where it has none; and the numbers of the special entries, by their names.

    Special is what stands in angle or square brackets and is not the entry for unknown words, such as ``<eos>``.
    """
    encoder = read_encoder(source)
    known: dict[str, int] = {}
    if isinstance(encoder, WordEncoder):
        known = dict(encoder.vocabulary.ids)
    elif isinstance(encoder, TokenizerEncoder):
        known = dict(encoder.tokenizer.get_vocab())
    written = {number: word for word, number in known.items()}
    special = {w: n for w, n in known.items() if _special(w) and n != encoder.unknown}
    return lambda number: written.get(number, ""), special


def _special(word: str) -> bool:
    return not word.strip() or (word[0], word[-1]) in {("<", ">"), ("[", "]")}
