"""Files of texts as people have them: records are no lines, columns that are left out are said, lines end anyhow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from certrnn.errors import InvalidInput
from certrnn.io.text import read_texts

RECORDS = [{"text": "good film", "label": 1}, {"text": "bad film", "label": 0}]
LINES = "\n".join(json.dumps(record) for record in RECORDS)


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize("name", ["r.json", "r.jsonl", "r.txt", "r", "r.dat"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RECORDS, indent=1),
        json.dumps(RECORDS),
        "\ufeff" + json.dumps(RECORDS),
        LINES,
        LINES.replace("\n", "\r\n\r\n"),
    ],
)
def test_records_are_never_lines_of_text(name: str, content: str, tmp_path: Path) -> None:
    found = read_texts(write(tmp_path, name, content))
    assert (found.texts, found.labels) == (("good film", "bad film"), (1, 0))


def test_lists_of_texts_and_lists_by_name(tmp_path: Path) -> None:
    texts = ["good film", "bad film"]
    for name in ("t.json", "t.txt"):
        assert read_texts(write(tmp_path, name, json.dumps(texts))).texts == tuple(texts)
    found = read_texts(write(tmp_path, "c.json", json.dumps({"text": texts, "label": [1, 0]})))
    assert (found.texts, found.labels) == (tuple(texts), (1, 0))


def test_what_only_begins_like_json_is_text(tmp_path: Path) -> None:
    for content in ("[UNK] film\ngood\n", "{ a brace }\n", "[1]\n", '"quoted"\n'):
        assert read_texts(write(tmp_path, "t.txt", content)).texts == tuple(content.splitlines())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.json", "good film\nbad film\n", "is JSON"),
        ("r.json", "[", "is JSON"),
        ("r.json", "[1, 2]", "list of objects"),
        ("r.json", '[["good film", 1]]', "list of objects"),
        ("r.json", '["good", {"text": "bad"}]', "list of objects"),
        ("r.json", '{"data": [{"text": "good"}]}', "list of texts under text"),
        ("r.json", '{"text": {"0": "good"}}', "orient='records'"),
        ("r.json", '{"text": ["a", "b"], "label": [1]}', "one length"),
        ("r.json", '[{"text": "a", "Text": "b"}]', "each key once"),
        ("r.json", '[{"text": "a", "label": NaN}]', "is JSON"),
        ("r.json", '[{"text": "a", "label": 1, "target": 0}]', "one column holds the labels"),
        ("r.csv", "text,text\na,b\n", "named once"),
        ("r.csv", "text,label,target\na,0,1\n", "one column holds the labels"),
        ("r.csv", "review,sentiment\ngood,positive\n", "name the column otherwise"),
        ("r.txt", "text,label\ngood film,1\n", "Name it .csv"),
        ("r.txt", "a\x00b\n", "zero bytes"),
    ],
)
def test_what_is_not_sure_is_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_texts(write(tmp_path, name, content))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_other_encodings_are_refused_with_what_to_do(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes("caf\u00e9 noir\n".encode(encoding))
    with pytest.raises(InvalidInput, match="Save it as UTF-8"):
        read_texts(path)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("good film\r\nbad film\r\n", ("good film", "bad film")),
        ("good film\r\r\nbad film\r\r\n", ("good film", "bad film")),
        ("good film\rbad film\r", ("good film", "bad film")),
        ("\ufeffgood film\nbad film", ("good film", "bad film")),
        ("good film\n\nbad film\n", ("good film", "", "bad film")),
        ("good film\x0cbad\nbad film\n", ("good film\x0cbad", "bad film")),
        ("good\u2028film\nbad\x85film\n", ("good\u2028film", "bad\x85film")),
        ("good\rfilm\nbad film\n", ("good\rfilm", "bad film")),
    ],
)
def test_ends_of_lines(content: str, texts: tuple[str, ...], tmp_path: Path) -> None:
    """As ``wc -l`` counts them, so that samples have the numbers that an editor shows."""
    assert read_texts(write(tmp_path, "t.txt", content)).texts == texts


@pytest.mark.parametrize(
    ("content", "labels", "note"),
    [
        ("text,sentiment\ngood film,1\n", (1,), "the labels are the column sentiment"),
        ("title,text\nx,good film\n", None, "not read: title"),
        ("id,text,label,review\n7,good film,1,other\n", (1,), "not read: id, review"),
        ("\ufefftext;label\ngood film;1\n", (1,), ""),
        ('label,text\r\n1.0,"good film"\r\n', (1,), ""),
        ("text\tlabel\ngood film\t1\n", (1,), ""),
    ],
)
def test_columns(content: str, labels: tuple[int, ...] | None, note: str, tmp_path: Path) -> None:
    found = read_texts(write(tmp_path, "t.csv", content))
    assert (found.texts, found.labels) == (("good film",), labels)
    assert "; ".join(found.notes).endswith(note)
    assert bool(found.notes) == bool(note)
