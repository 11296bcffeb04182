"""Texts, vocabularies, tokenizers and word vectors: what is read, and that damage is a clear error."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from certrnn.errors import CertrnnError, InvalidInput, UsageError
from certrnn.io.text import TextSource, read_encoder, read_texts
from certrnn.io.text.embeddings import read_embeddings
from certrnn.io.text.vocabulary import read_vocabulary
from tests.effort import at_most

GLOVE = "the 0.1 -0.2 3e-1\nfilm 1 2 3\n<unk> 0 0 1\n"


def write(path: Path, content: str) -> str:
    path.write_text(content, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "content", "texts", "labels"),
    [
        ("a.txt", "one two\n\nthree, four\n", ("one two", "", "three, four"), None),
        ("a.txt", "{ a brace }\n", ("{ a brace }",), None),
        ("a.csv", 'Label,id,Text\n1,x,"good, very"\n0,y,bad\n', ("good, very", "bad"), (1, 0)),
        ("a.tsv", "text\tlabel\ngood, very\t1\n", ("good, very",), (1,)),
        ("a.jsonl", '{"sentence": "good", "label": 2}\n{"text": "bad", "y": 0}\n', ("good", "bad"), (2, 0)),
        ("a.jsonl", '{"text": "good"}\n', ("good",), None),
    ],
)
def test_files_of_texts(name: str, content: str, texts: tuple, labels: tuple | None, tmp_path: Path) -> None:
    found = read_texts(write(tmp_path / name, content))
    assert (found.texts, found.labels) == (texts, labels)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert read_texts(packed) == found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "  \n", "empty file"),
        ("a.csv", "x,label\n1,2\n", "names a column text"),
        ("a.csv", "text,label\na\n", "every row has 2 cells"),
        ("a.csv", "text,label\n", "at least one text"),
        ("a.csv", "text,label\ngood,positive\n", "'positive' at text 0|positive at text 0"),
        ("a.jsonl", '{"text": "a", "label": 0.5}\n', "numbers of classes"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "a"}\n', "None at text 1"),
        ("a.jsonl", '{"text": "a"\n', "JSON object"),
        ("a.jsonl", '{"x": [1]}\n', "every record has a text under"),
    ],
)
def test_damaged_files_of_texts(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_texts(write(tmp_path / name, content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.txt", "<pad>\n<unk>\nfilm\n"),
        ("v.json", '{"film": 2, "<unk>": 1, "<pad>": 0}'),
        ("v", ' ["<pad>", "<unk>", "film"]'),
    ],
)
def test_vocabularies(name: str, content: str, tmp_path: Path) -> None:
    found = read_vocabulary(write(tmp_path / name, content))
    assert dict(found.ids) == {"<pad>": 0, "<unk>": 1, "film": 2}
    assert (found.padding, found.unknown, found.lower) == (0, "<unk>", True)


def test_words_that_look_like_json_are_words(tmp_path: Path) -> None:
    assert dict(read_vocabulary(write(tmp_path / "v.txt", "[PAD]\n[UNK]\n{\nfilm\n")).ids)["film"] == 3
    keras = read_vocabulary(write(tmp_path / "k.json", '{"film": 1, "Good": 2}'))
    assert (keras.padding, keras.unknown, keras.lower) == (0, None, False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", "film\n\nthe\n", "line 2 is empty"),
        ("v.txt", "film\nfilm\n", "'film' twice"),
        ("v.json", '{"film": 0, "film": 1}', "'film' twice"),
        ("v.json", '{"film": -1}', "maps every word"),
        ("v.json", '{"film": true}', "maps every word"),
        ("v.json", "{", "is JSON"),
        ("v.json", '{"model": {"vocab": {}}}', "--tokenizer"),
    ],
)
def test_damaged_vocabularies(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_vocabulary(write(tmp_path / name, content))


def source(tmp_path: Path, vocabulary: str = "<pad>\n<unk>\nit's\ngood\n,\n", **options: Any) -> TextSource:
    return TextSource("t.txt", vocab=write(tmp_path / "v.txt", vocabulary), **options)


def test_words_become_numbers(tmp_path: Path) -> None:
    one = read_encoder(source(tmp_path)).encode("It's  GOOD, good")
    assert (one.words, one.ids.tolist(), one.unknown) == (("it's", "good,", "good"), [2, 1, 3], 1)
    apart = read_encoder(source(tmp_path, split="words", max_length=3)).encode("It's good, good")
    assert (apart.words, apart.ids.tolist(), apart.unknown, apart.cut) == (
        ("it's", "good", ","),
        [2, 3, 4],
        0,
        1,
    )
    dropped = read_encoder(source(tmp_path, unknown="drop")).encode("so good")
    assert (dropped.words, dropped.dropped) == (("good",), 1)
    other = read_encoder(source(tmp_path, unknown="good")).encode("so")
    assert (other.ids.tolist(), other.unknown) == ([3], 1)


def test_a_word_without_a_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'so'.*--unknown drop"):
        read_encoder(source(tmp_path, "good\n")).encode("so good")
    with pytest.raises(UsageError, match="--unknown"):
        read_encoder(source(tmp_path, unknown="nosuch"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vocab": "v", "tokenizer": "t"},
        {"vocab": "v", "max_length": 0},
        {"vocab": "v", "split": "x"},
        {"vocab": "v", "pad": "x"},
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TextSource("t.txt", **options)


@pytest.mark.parametrize("heading", ["", "3 3\n"])
def test_word_vectors_in_text(heading: str, tmp_path: Path) -> None:
    found = read_embeddings(write(tmp_path / "g.txt", heading + GLOVE))
    assert found.vocabulary is not None
    assert dict(found.vocabulary.ids) == {"the": 0, "film": 1, "<unk>": 2}
    np.testing.assert_array_equal(found.table, [[0.1, -0.2, 0.3], [1, 2, 3], [0, 0, 1]])


def test_word_vectors_in_npz(tmp_path: Path) -> None:
    table = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "g.npz", words=["the", "film"], vectors=table)
    found = read_embeddings(tmp_path / "g.npz")
    assert found.vocabulary is not None
    assert dict(found.vocabulary.ids) == {"the": 0, "film": 1}
    np.testing.assert_array_equal(found.table, table)


def test_words_without_a_vector_are_zero_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    named = read_encoder(TextSource("t", embeddings=write(tmp_path / "g.txt", GLOVE)))
    assert named.table is not None
    assert named.table[named.encode("nosuch").ids[0]].tolist() == [0, 0, 1]
    bare = read_encoder(TextSource("t", embeddings=write(tmp_path / "b.txt", "the 1 2\nfilm 3 4\n")))
    assert bare.table is not None
    assert bare.padding is not None
    one = bare.encode("the nosuch")
    assert bare.table[one.ids].tolist() == [[1, 2], [0, 0]]
    assert bare.table[bare.padding].tolist() == [0, 0]


def test_a_vocabulary_beside_word_vectors(tmp_path: Path) -> None:
    """It narrows the words of the file, or numbers vectors that have no words."""
    glove, few = write(tmp_path / "g.txt", GLOVE), write(tmp_path / "v.txt", "film\nmovie\n")
    narrow = read_encoder(TextSource("t", vocab=few, embeddings=glove))
    assert narrow.encode("the film").unknown == 1
    np.savez(tmp_path / "g.npz", vectors=[[1.0], [2.0]])
    numbered = read_encoder(TextSource("t", vocab=few, embeddings=str(tmp_path / "g.npz")))
    assert numbered.table is not None
    assert numbered.table[numbered.encode("movie").ids].tolist() == [[2.0]]
    with pytest.raises(UsageError, match="vectors alone"):
        read_encoder(TextSource("t", embeddings=str(tmp_path / "g.npz")))


@pytest.mark.parametrize(
    "content", ["the 1 2\nfilm 1\n", "the 1 x\nfilm 1 2\n", "the nan\n", "the\n", "\x00", ""]
)
def test_damaged_word_vectors(content: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_embeddings(write(tmp_path / "g.txt", content))


def tokenizer(path: Path, **options: Any) -> str:
    """A word-level tokenizer.json made by the package itself."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(
        models.WordLevel({"[PAD]": 0, "[UNK]": 1, "good": 2, "film": 3, ",": 4}, unk_token="[UNK]")
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    if "pad" in options:
        made.enable_padding(length=options["pad"], pad_id=0, direction="left")
    if "most" in options:
        made.enable_truncation(options["most"])
    made.save(str(path))
    return str(path)


def test_tokenizers(tmp_path: Path) -> None:
    path = tokenizer(tmp_path / "t.json", pad=6, most=3)
    encoder = read_encoder(TextSource("t", tokenizer=path))
    one = encoder.encode("good film, odd")
    assert (one.words, one.unknown, one.cut) == (("good", "film", ","), 0, 1)
    assert (one.ids.tolist(), one.first, one.filled) == ([0, 0, 0, 2, 3, 4], 3, (3, 0))
    assert (encoder.padding, encoder.side, encoder.unknown) == (0, "left", 1)
    shorter = read_encoder(TextSource("t", tokenizer=path, max_length=2, pad="right"))
    assert (shorter.encode("odd film,").ids.tolist(), shorter.side) == ([1, 3, 0, 0, 0, 0], "right")


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"model": 3}'])
def test_damaged_tokenizers(content: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"tokenizer\.json"):
        read_encoder(TextSource("t", tokenizer=write(tmp_path / "t.json", content)))


def test_mutated_files_give_clean_errors(tmp_path: Path) -> None:
    """1,200 files with bytes changed, cut, doubled or put in: read, or refused in a line, with little work."""
    texts = 'text,label\n"good, film",1\nbad,0\n'
    lines = json.dumps({"text": "good film", "label": 1}) + "\n"
    seeds = {
        "a.csv": (texts, read_texts),
        "a.jsonl": (lines, read_texts),
        "v.json": ('{"<pad>": 0, "film": 1}', read_vocabulary),
        "g.txt": (GLOVE, read_embeddings),
        "t.json": (
            Path(tokenizer(tmp_path / "seed.json")).read_text(),
            lambda p: read_encoder(TextSource("t", tokenizer=str(p))),
        ),
    }
    random, read, refusals = np.random.default_rng(0), 0, []
    for number in range(1200):
        name = list(seeds)[number % len(seeds)]
        content, reader = seeds[name]
        raw = bytearray(content.encode())
        for _ in range(random.integers(1, 4)):
            first, last = sorted(random.integers(0, len(raw) + 1, 2))
            choice = random.integers(4)
            if choice == 0:
                raw[first:last] = b""
            elif choice == 1:
                raw[first:first] = raw[first:last]
            else:
                raw[first : first + 1] = bytes(random.integers(0, 256, choice - 1, dtype=np.uint8))
        path = tmp_path / name
        path.write_bytes(bytes(raw))
        try:
            with at_most():
                reader(path)
            read += 1
        except CertrnnError as error:
            refusals.append(str(error))
    assert 60 < read < 1100
    assert all(len(text.splitlines()) == 1 for text in refusals)


def test_a_pad_is_a_word_like_others(tmp_path: Path) -> None:
    """Word vectors of everyday language list it, and must not be read as padding."""
    bare = read_encoder(TextSource("t", embeddings=write(tmp_path / "b.txt", "the 1 2\npad 3 4\nunk 5 6\n")))
    assert bare.table is not None
    assert bare.padding is not None
    assert bare.table[[bare.padding, bare.encode("nosuch").ids[0]]].tolist() == [[0, 0], [0, 0]]
