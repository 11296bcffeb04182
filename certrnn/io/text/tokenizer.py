"""Texts by a Hugging Face ``tokenizer.json``, through the ``tokenizers`` package (extra ``text``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.encode import Encoded, Encoder
from certrnn.io.text.source import TextSource
from certrnn.io.text.texts import plain_text
from certrnn.io.text.vocabulary import PADDING, UNKNOWN


@dataclass(frozen=True, eq=False)
class TokenizerEncoder(Encoder):
    """What the tokenizer's file says, special tokens included; its padding is ours to put in."""

    tokenizer: Any
    unknown: int | None
    limit: int | None
    cut_from: str
    padding: int | None
    side: str
    fill: int | None
    rule: str
    table: np.ndarray | None = None

    def encode(self, text: str, limit: int | None = None) -> Encoded:
        most = [m for m in (limit, self.limit) if m is not None]
        whole = len(self.tokenizer.encode(text).ids)
        if most and whole > min(most):
            self.tokenizer.enable_truncation(min(most), direction=self.cut_from)
            found = self.tokenizer.encode(text)
            self.tokenizer.no_truncation()
        else:
            found = self.tokenizer.encode(text)
        spoken = tuple(
            text[first:stop].strip() or token
            for token, (first, stop) in zip(found.tokens, found.offsets, strict=True)
        )
        ids = np.array(found.ids, dtype=np.int64)
        unknown = sum(int(number) == self.unknown for number in ids)
        return Encoded(spoken, ids, unknown, whole - len(ids))


def tokenizer_encoder(source: TextSource) -> TokenizerEncoder:
    """Read ``--tokenizer``.

    Raises
    ------
    Unsupported: the package is not installed. InvalidInput: the file is missing or damaged.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        remedy = "Install certrnn[text], or pass --vocab."
        raise Unsupported(
            "reading --tokenizer", "the package tokenizers is installed", "none", remedy
        ) from None
    origin = Origin(Path(str(source.tokenizer)))
    text = plain_text(origin)
    try:
        tokenizer: Any = Tokenizer.from_str(text)
    except Exception as error:  # the package raises plain ones
        raise origin.invalid("the file is a tokenizer.json", shown(str(error), 100)) from None
    padding, truncation = tokenizer.padding or {}, tokenizer.truncation or {}
    tokenizer.no_padding()
    tokenizer.no_truncation()
    named = [number for number in map(tokenizer.token_to_id, PADDING) if number is not None]
    unknowns = [number for number in map(tokenizer.token_to_id, UNKNOWN) if number is not None]
    limits = [n for n in (source.max_length, truncation.get("max_length")) if n is not None]
    return TokenizerEncoder(
        tokenizer,
        unknowns[0] if unknowns else None,
        min(limits, default=None),
        truncation.get("direction", "right"),
        padding.get("pad_id", named[0] if named else None),
        source.pad or padding.get("direction", "right"),
        padding.get("length"),
        f"texts are read by {origin.path.name}",
    )
