"""Names as they are, made safe to look at."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every character that cannot be seen or encoded, or that turns the direction of writing, spelled.

    A model's path may hold anything: lone surrogates (which no UTF-8 file can hold), marks that make a name read
    backwards, or line breaks.

    >>> visible("model\\u202egnp.onnx\\n"), visible("a\\udc80b"), visible("Größe 模型")
    ('model\\\\u202egnp.onnx\\\\u000a', 'a\\\\udc80b', 'Größe 模型')
    """
    return "".join(_spelled(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
