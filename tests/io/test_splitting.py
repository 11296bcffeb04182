"""Words of any language: no letter is torn from its accents, and text and vocabulary are in one Unicode form."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.text import TextSource, read_encoder
from certrnn.io.text.embeddings import read_embeddings
from certrnn.io.text.splitting import pieces
from certrnn.io.text.vocabulary import read_vocabulary

ALPHABET = [
    *"aZ7_ .,!?-'",
    *"\u2019\u00e9e\u0301\u0323\u00df\u0130",  # accents, composed and apart
    *"\u0939\u093f\u0928\u094d\u0926\u0940",  # Hindi with vowel signs
    *"\u0645\u06cc\u200c\u062e\u064b",  # Persian with a joiner and a mark
    *"\u05e6\u05f3\u05b8\ud55c\u1112\u1161\u4e2d\u2764\ufe0f\U0001f44d\U0001f3fd\t\u00a0",
]


def drawn(random: np.random.Generator) -> str:
    return "".join(random.choice(ALPHABET, size=random.integers(1, 12)))


def test_no_text_is_torn() -> None:
    """Nothing but white space is lost, no word begins with a mark, and both Unicode forms have the same words."""
    random = np.random.default_rng(0)
    for _ in range(3000):
        text = drawn(random)
        words = pieces(text, "words")
        assert "".join(words) == "".join(text.split())
        bare = text.split()
        for word in words:
            leading = any(part.startswith(word) for part in bare)
            assert leading or unicodedata.category(word[0])[0] != "M"
        forms = [
            [unicodedata.normalize("NFC", w) for w in pieces(unicodedata.normalize(f, text), "words")]
            for f in ("NFC", "NFD")
        ]
        assert forms[0] == forms[1]


@pytest.mark.parametrize(
    "word",
    ["cafe\u0301", "na\u00efve", "\u0939\u093f\u0928\u094d\u0926\u0940", "don't", "l\u2019amour", "c\u00b7l",
     "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u05e6\u05f3\u05d9\u05e4\u05e1", "<unk>", "[MASK]",
     "\u03bf\u03b4\u03cc\u03c2"],
)  # fmt: skip
def test_words_of_languages_are_whole(word: str) -> None:
    assert pieces(f"({word}).", "words") == ["(", word, ")", "."]


def encoder(folder: Path, vocabulary: str, name: str = "v.txt", **options: Any) -> Any:
    (folder / name).write_text(vocabulary, encoding="utf-8")
    return read_encoder(TextSource("t.txt", vocab=str(folder / name), **options))


@pytest.mark.parametrize("split", ["space", "words"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_text_is_in_the_vocabularys_form(form: Any, split: str, tmp_path: Path) -> None:
    words = [unicodedata.normalize(form, w) for w in ("caf\u00e9", "\u1e69\u00ef", "e")]
    found = encoder(tmp_path, "\n".join(["<pad>", "<unk>", *words]), split=split)
    for other in ("NFC", "NFD"):
        one = found.encode(unicodedata.normalize(other, "Caf\u00e9 e \u1e69\u00ef"))
        assert (one.ids.tolist(), one.unknown) == ([2, 4, 3], 0)
    assert ("Unicode form NFD" in found.rule) == (form == "NFD")


def test_a_vocabulary_of_both_forms_keeps_them_apart(tmp_path: Path) -> None:
    found = encoder(tmp_path, "<unk>\ncaf\u00e9\ncafe\u0301\nna\u00efve\n")
    assert found.encode("caf\u00e9 cafe\u0301 nai\u0308ve").ids.tolist() == [1, 2, 3]


def test_entries_that_no_word_matches_are_said(tmp_path: Path) -> None:
    assert (
        "1 of 3 entries of the vocabulary hold white space"
        in encoder(tmp_path, "<unk>\nnew york\nnew\n").rule
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_vocabulary_end_anyhow(end: str, tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(("\ufeff" + end.join(["<pad>", "<unk>", "film", ""])).encode())
    assert dict(read_vocabulary(path).ids) == {"<pad>": 0, "<unk>": 1, "film": 2}


@pytest.mark.parametrize(("name", "content"), [
    ("k.json", '["", "[UNK]", "good", "bad"]'),
    ("k.txt", "\n[UNK]\ngood\nbad\n"),
])  # fmt: skip
def test_the_words_of_text_vectorization(name: str, content: str, tmp_path: Path) -> None:
    """Its list begins with a nameless padding and the unknown word."""
    found = encoder(tmp_path, content, name, split="keras")
    one = found.encode("Good, BAD! It's g-o-o-d \u00c9")
    assert (one.ids.tolist(), found.padding, found.unknown) == ([2, 3, 1, 2, 1], 0, 1)
    assert "padding, as in Keras" in found.rule


def test_a_nameless_word_elsewhere_is_refused(tmp_path: Path) -> None:
    for content in ("\ngood\n", "good\n\nbad\n"):
        (tmp_path / "v.txt").write_text(content)
        with pytest.raises(InvalidInput, match="name it <pad>"):
            read_vocabulary(tmp_path / "v.txt")


def keras(**changed: Any) -> dict[str, Any]:
    index = json.dumps({"<OOV>": 1, "good": 2, "it's": 3, "film": 4})
    config = {"num_words": None, "filters": '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', "lower": True, "split": " ",
              "char_level": False, "oov_token": "<OOV>", "word_index": index}  # fmt: skip
    return {"class_name": "Tokenizer", "config": {**config, **changed}}


def test_keras_tokenizer(tmp_path: Path) -> None:
    """What ``texts_to_sequences`` of Keras answers to the same file."""
    for text in (json.dumps(keras()), json.dumps(json.dumps(keras()))):  # people write its JSON as JSON, too
        found = encoder(tmp_path, text, "k.json")
        assert found.encode("It's a GOOD-film!").ids.tolist() == [3, 1, 2, 4]
        assert (found.padding, found.unknown) == (0, 1)
    few = encoder(tmp_path, json.dumps(keras(num_words=3)), "k.json").encode("it's a good film")
    assert (few.ids.tolist(), few.unknown) == ([1, 1, 2, 1], 3)
    dropping = json.dumps(keras(oov_token=None, word_index='{"good": 1, "film": 2}'))
    left = encoder(tmp_path, dropping, "k.json").encode("a good bad film")
    assert (left.ids.tolist(), left.places, left.dropped) == ([1, 2], (1, 3), 2)
    with pytest.raises(UsageError, match="--split"):
        encoder(tmp_path, json.dumps(keras()), "k.json", split="words")


@pytest.mark.parametrize(
    "changed", [{"word_index": "{"}, {"word_index": '{"a": 0}'}, {"split": ""}, {"oov_token": "x"}]
)
def test_damaged_keras_tokenizers(changed: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="to_json"):
        encoder(tmp_path, json.dumps(keras(**changed)), "k.json")


def test_word_index(tmp_path: Path) -> None:
    for content in ('{"good": 1, "film": 2}', '{"word_index": {"good": 1, "film": 2}}'):
        (tmp_path / "k.json").write_text(content)
        found = read_vocabulary(tmp_path / "k.json")
        assert (dict(found.ids), found.padding) == ({"good": 1, "film": 2}, 0)


def test_word_vectors_of_words_with_spaces(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text("\ufeffthe 1 2\n. . . 3 4\n", encoding="utf-8")
    found = read_embeddings(tmp_path / "g.txt")
    assert found.vocabulary is not None
    assert dict(found.vocabulary.ids) == {"the": 0, ". . .": 1}
    (tmp_path / "g.txt").write_text("the 1 2\nfilm 3 4 5\n")
    with pytest.raises(InvalidInput, match="every word has 2 numbers"):
        read_embeddings(tmp_path / "g.txt")


@pytest.mark.parametrize(("options", "ids", "places"), [
    ({}, [2, 3], (0, 1)),
    ({"pad": "right"}, [2, 3], (0, 1)),
    ({"pad": "left"}, [3, 4], (1, 2)),
    ({"pad": "left", "truncate": "right"}, [2, 3], (0, 1)),
    ({"truncate": "left"}, [3, 4], (1, 2)),
])  # fmt: skip
def test_long_texts_are_cut_where_short_ones_are_filled(
    options: dict[str, str], ids: list[int], places: tuple[int, ...], tmp_path: Path
) -> None:
    found = encoder(tmp_path, "<pad>\n<unk>\na\nb\nc\n", max_length=2, **options)
    one = found.encode("a b c")
    assert (one.ids.tolist(), one.places, one.cut) == (ids, places, 1)
    short = encoder(tmp_path, "<pad>\n<unk>\na\nb\nc\n", max_length=9, **options).encode("a b c")
    assert (short.ids.tolist(), short.cut) == ([2, 3, 4], 0)
