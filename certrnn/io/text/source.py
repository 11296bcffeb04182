"""What a person says about their texts: where they are, and how words become rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

from certrnn.errors import UsageError
from certrnn.io.text.splitting import SPLITS

SIDES = ("right", "left")
DROP = "drop"


@dataclass(frozen=True)
class TextSource:
    """A file of texts and what turns them into the network's input.

    Args:
        text: txt (one text a line), csv (columns text and label) or JSON (records with text and label), also gzipped.
        vocab: a word a line (its number is the line's, from 0), JSON from word to number, or Keras' Tokenizer in JSON.
        tokenizer: a Hugging Face ``tokenizer.json``.
        embeddings: word vectors for a network that takes vectors: GloVe's text format, or npz with words and vectors.
        max_length: words kept of a text; None for all.
        split: ``space``, ``words`` where punctuation stands apart from words, or ``keras`` where it is left out, as
            Keras' TextVectorization does, or ``chars`` for characters; None for what the vocabulary says, else
            ``space``.
        unknown: the entry that words outside of the vocabulary are read as, or ``drop`` to leave them out; None for the
            vocabulary's own (``<unk>`` and the like).
        pad: side of the padding where the network takes a fixed number of words: ``right`` or ``left``; None for what
            the tokenizer says, else right.
        truncate: side of a text from which words that are too many are cut off: ``right`` or ``left``; None for what
            the tokenizer says, else the side of the padding, as Keras and tokenizers do.

    Raises:
        UsageError: options that do not go together.
    """

    text: str
    vocab: str | None = None
    tokenizer: str | None = None
    embeddings: str | None = None
    max_length: int | None = None
    split: str | None = None
    unknown: str | None = None
    pad: str | None = None
    truncate: str | None = None

    def __post_init__(self) -> None:
        if self.tokenizer is not None and (self.vocab or self.embeddings or self.unknown or self.split):
            beside = "--vocab, --embeddings, --unknown or --split beside it"
            raise UsageError("reading --tokenizer", "it stands alone", beside)
        if self.tokenizer is None and self.vocab is None and self.embeddings is None:
            remedy = "Name the words' numbers with --vocab, --tokenizer or --embeddings."
            raise UsageError("reading --text", "it is known how words become numbers", "texts alone", remedy)
        if self.max_length is not None and self.max_length < 1:
            raise UsageError("reading --max-length", "at least one word is kept", self.max_length)
        for option, value, known in (
            ("--split", self.split, SPLITS),
            ("--pad", self.pad, SIDES),
            ("--truncate", self.truncate, SIDES),
        ):
            if value is not None and value not in known:
                raise UsageError(f"reading {option}", f"it is one of {', '.join(known)}", repr(value))
