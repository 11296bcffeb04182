"""The word of a number, and which entries of a vocabulary are no words of a text."""

from __future__ import annotations

from pathlib import Path

from certrnn.io.text import TextSource
from certrnn.io.text.names import names
from tests.io.test_tokenizers import WORDS
from tests.io.test_tokenizers import saved as tokenizer


def test_of_a_vocabulary(tmp_path: Path) -> None:
    words = ["<pad>", "<unk>", "the", "<eos>", "<", "[GO]"]
    (tmp_path / "v.txt").write_text("\n".join(words) + "\n")
    spell, special = names(TextSource("t.txt", vocab=str(tmp_path / "v.txt")))
    assert [spell(number) for number in range(7)] == [*words, ""]
    assert special == {
        "<pad>": 0,
        "<eos>": 3,
        "[GO]": 5,
    }  # a word may be <, and the unknown word may be put in


def test_of_a_tokenizer(tmp_path: Path) -> None:
    file = tokenizer(tmp_path)
    spell, special = names(TextSource("t.txt", tokenizer=str(file)))
    assert {spell(number): number for number in WORDS.values()} == WORDS
    assert special == {"[PAD]": 0, "[CLS]": 2, "[SEP]": 3}
