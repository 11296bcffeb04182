"""Texts as a network of words takes them: files of texts, vocabularies, tokenizers and word vectors.

How to add another way from a text to numbers: write an :class:`Encoder` in a file of its own, say in ``rule`` what it
does to a text, and choose it in :func:`read_encoder` by an option of :class:`TextSource`.

>>> from certrnn.io.text.vocabulary import Vocabulary
>>> vocabulary = Vocabulary({"<pad>": 0, "<unk>": 1, "good": 2})
>>> vocabulary.padding, vocabulary.unknown, vocabulary.lower
(0, '<unk>', True)
"""

from certrnn.io.text.encode import read_encoder
from certrnn.io.text.encoder import Encoded, Encoder
from certrnn.io.text.source import TextSource
from certrnn.io.text.texts import Texts, read_texts

__all__ = ["Encoded", "Encoder", "TextSource", "Texts", "read_encoder", "read_texts"]
