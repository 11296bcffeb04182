"""Texts by a Hugging Face ``tokenizer.json``, through the ``tokenizers`` package (extra ``text``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.encoder import Encoded, Encoder
from certrnn.io.text.source import TextSource
from certrnn.io.text.texts import plain_text
from certrnn.io.text.vocabulary import PADDING, UNKNOWN


@dataclass(frozen=True, eq=False)
class TokenizerEncoder(Encoder):
    """The tokenizer's own encoding of a text: its padding, truncation and special tokens included.

    Args:
        tokenizer: as the options set it up.
        whole: the same without truncation and padding.
        truncation: what the tokenizer is told about long texts; ``max_length`` is missing where all is read.
    """

    tokenizer: Any
    whole: Any
    truncation: dict[str, Any]
    unknown: int | None
    padding: int | None
    side: str
    cut_from: str
    rule: str
    table: np.ndarray | None = None

    @property
    def entries(self) -> Mapping[str, int]:
        return dict(self.tokenizer.get_vocab())

    def encode(self, text: str, limit: int | None = None) -> Encoded:
        self._limit(limit)
        try:
            encoding = self.tokenizer.encode(text)
        except Exception as error:  # the package raises plain ones
            raise InvalidInput("encoding a text", "the tokenizer reads it", shown(str(error), 100)) from None
        read, own = np.array(encoding.attention_mask) == 1, np.array(encoding.special_tokens_mask) == 0
        words = np.flatnonzero(read & own)
        count = len(words)
        first = int(words[0]) if count else 0
        if count and int(words[-1]) != first + count - 1:
            requirement = "special tokens stand before and after a text's own"
            raise Unsupported(
                "encoding a text", requirement, "some between them", "Use another post-processor."
            )
        cut = self._words(text) - count
        start = cut if self.cut_from == "left" else 0
        spoken = tuple(_spoken(text, encoding.tokens[k], encoding.offsets[k]) for k in words)
        ids = np.array(encoding.ids, dtype=np.int64)
        filled = _run(read), _run(read[::-1]) if read.any() else 0
        unknown = int((ids[words] == self.unknown).sum()) if self.unknown is not None else 0
        places, known = tuple(range(start, start + count)), tuple((ids[words] != self.unknown).tolist())
        return Encoded(spoken, ids, unknown, cut, 0, places, first, filled, known)

    def _words(self, text: str) -> int:
        return self.whole.encode(text).special_tokens_mask.count(0)

    def _limit(self, limit: int | None) -> None:
        """Tell the tokenizer how many numbers a text has at most."""
        sizes = [m for m in (limit, self.truncation.get("max_length")) if m is not None]
        if not sizes:
            return
        beside = self.whole.num_special_tokens_to_add(False)
        if min(sizes) <= beside:
            requirement = f"there is room for a word beside {beside} special tokens"
            raise UsageError("encoding a text", requirement, f"{min(sizes)} in all", "Raise --max-length.")
        length = min(sizes)
        limits = {"max_length": length, "direction": self.cut_from, "stride": 0}
        self.tokenizer.enable_truncation(**{**self.truncation, **limits})


def _run(read: np.ndarray) -> int:
    """How many numbers at the beginning are padding."""
    return int(np.argmax(read)) if read.any() else 0


def _spoken(text: str, token: str, place: tuple[int, int]) -> str:
    return text[place[0] : place[1]].strip() or token


def tokenizer_encoder(source: TextSource) -> TokenizerEncoder:
    """Read ``--tokenizer``.

    Raises:
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
        whole: Any = Tokenizer.from_str(text)
    except Exception as error:  # the package raises plain ones
        raise origin.invalid("the file is a tokenizer.json", shown(str(error), 100)) from None
    padding, truncation = tokenizer.padding or {}, tokenizer.truncation or {}
    whole.no_padding()
    whole.no_truncation()
    side = source.pad or padding.get("direction", "right")
    if padding:
        tokenizer.enable_padding(**{**padding, "direction": side})
    if source.max_length is not None:
        most = min(source.max_length, truncation.get("max_length", source.max_length))
        truncation = {**truncation, "max_length": most}
    return TokenizerEncoder(
        tokenizer,
        whole,
        truncation,
        _unknown(tokenizer, text),
        padding.get("pad_id", _first(tokenizer, PADDING)),
        side,
        source.truncate or truncation.get("direction", side),
        f"texts are read by {origin.path.name}, and its tokens are called words",
    )


def _first(tokenizer: Any, names: tuple[str, ...]) -> int | None:
    return next((n for n in map(tokenizer.token_to_id, names) if n is not None), None)


def _unknown(tokenizer: Any, text: str) -> int | None:
    """The number of the token for what the tokenizer does not know, by its own word or else by name."""
    model = json.loads(text).get("model", {})
    number = model.get("unk_id")
    if isinstance(number, int):
        return number
    name = model.get("unk_token")
    return _first(tokenizer, UNKNOWN if name is None else (name,))
