"""A Hugging Face tokenizer's own encoding, id for id, and which of it are words of the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.text import TextSource, read_encoder

WORDS = {
    "[PAD]": 0,
    "[UNK]": 1,
    "[CLS]": 2,
    "[SEP]": 3,
    "good": 4,
    "bad": 5,
    "film": 6,
    "cafe": 7,
    ".": 8,
    "##s": 9,
}
PIECES = [
    "good",
    "Bad",
    "films",
    "caf\u00e9",
    "cafe\u0301",
    ".",
    "odd",
    " ",
    "  ",
    "[SEP]",
    "<pad>",
    "\u4e2d",
    "\t",
]


def made(random: np.random.Generator) -> Any:
    """A tokenizer with any normaliser, pre-tokenizer, post-processor, padding and truncation."""
    kinds = [models.WordPiece(WORDS, unk_token="[UNK]"), models.WordLevel(WORDS, unk_token="[UNK]")]
    found: Any = Tokenizer(kinds[random.integers(2)])
    if random.integers(2):
        found.normalizer = normalizers.BertNormalizer()
    found.pre_tokenizer = [pre_tokenizers.BertPreTokenizer, pre_tokenizers.Whitespace][random.integers(2)]()
    if random.integers(3):
        found.post_processor = processors.TemplateProcessing(
            single=["[CLS] $A [SEP]", "[CLS] $A", "$A [SEP] [SEP]"][random.integers(3)],
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
    if random.integers(2):
        found.add_special_tokens(["[SEP]", "[CLS]", "[PAD]"])
    if random.integers(3):
        length = [None, 8, 12][random.integers(3)]
        multiple = [None, 4, 8][random.integers(3)]
        side = ["left", "right"][random.integers(2)]
        found.enable_padding(
            direction=side, pad_id=0, pad_token="[PAD]", length=length, pad_to_multiple_of=multiple
        )
    if random.integers(2):
        found.enable_truncation(int(random.integers(4, 9)), direction=["left", "right"][random.integers(2)])
    return found


def drawn(random: np.random.Generator) -> str:
    return " ".join(random.choice(PIECES, size=random.integers(1, 10)))


def test_the_tokenizers_own_encoding_id_for_id(tmp_path: Path) -> None:
    random, cut, before, after = np.random.default_rng(0), 0, 0, 0
    for _ in range(60):
        theirs = made(random)
        theirs.save(str(tmp_path / "t.json"))
        ours = read_encoder(TextSource("t", tokenizer=str(tmp_path / "t.json")))
        whole: Any = Tokenizer.from_file(str(tmp_path / "t.json"))
        whole.no_padding()
        whole.no_truncation()
        for _ in range(20):
            text = drawn(random)
            expected, one = theirs.encode(text), ours.encode(text)
            assert one.ids.tolist() == expected.ids
            ids = whole.encode(text, add_special_tokens=False).ids
            stop = one.first + len(one.words)
            assert [ids[place] for place in one.places] == one.ids[one.first : stop].tolist()
            read = expected.attention_mask
            if not any(read):
                continue
            assert sum(one.filled) == read.count(0)
            assert all(read[one.filled[0] : len(read) - one.filled[1]])
            assert one.cut == len(ids) - len(one.words)
            cut, before, after = cut + (one.cut > 0), before + one.filled[0], after + one.filled[1]
    assert min(cut, before, after) > 50


def saved(folder: Path, **options: Any) -> str:
    found: Any = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    template = [("[CLS]", 2), ("[SEP]", 3)]
    found.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=template)
    if "most" in options:
        found.enable_truncation(options["most"])
    if "side" in options:
        found.enable_padding(direction=options["side"], length=6)
    found.save(str(folder / "t.json"))
    return str(folder / "t.json")


@pytest.mark.parametrize(
    ("made_with", "options", "ids", "places"),
    [
        ({}, {}, [2, 4, 6, 5, 3], (0, 1, 2)),
        ({"most": 4}, {}, [2, 4, 6, 3], (0, 1)),
        ({"most": 4}, {"truncate": "left"}, [2, 6, 5, 3], (1, 2)),
        ({"most": 9}, {"max_length": 4}, [2, 4, 6, 3], (0, 1)),
        ({"side": "left"}, {}, [0, 2, 4, 6, 5, 3], (0, 1, 2)),
        ({"side": "left"}, {"pad": "right"}, [2, 4, 6, 5, 3, 0], (0, 1, 2)),
        ({"side": "left"}, {"max_length": 4}, [0, 0, 2, 6, 5, 3], (1, 2)),
    ],
)
def test_options_beside_a_tokenizer(
    made_with: dict[str, Any],
    options: dict[str, Any],
    ids: list[int],
    places: tuple[int, ...],
    tmp_path: Path,
) -> None:
    one = read_encoder(TextSource("t", tokenizer=saved(tmp_path, **made_with), **options)).encode(
        "good film bad"
    )
    assert (one.ids.tolist(), one.places, one.words) == (
        ids,
        places,
        ("good", "film", "bad")[places[0] :][: len(places)],
    )


def test_special_tokens_alone_are_no_text(tmp_path: Path) -> None:
    found = read_encoder(TextSource("t", tokenizer=saved(tmp_path)))
    assert (found.encode("").words, found.encode("").ids.tolist()) == ((), [2, 3])
    with pytest.raises(UsageError, match="room for a word beside 2 special tokens"):
        read_encoder(TextSource("t", tokenizer=saved(tmp_path), max_length=2)).encode("good")
    with pytest.raises(UsageError, match="it stands alone"):
        TextSource("t", tokenizer="t.json", split="words")


def test_unknown_words_are_those_of_the_tokenizers_model(tmp_path: Path) -> None:
    file = json.loads(Path(saved(tmp_path)).read_text())
    file["model"]["unk_token"] = "bad"
    (tmp_path / "u.json").write_text(json.dumps(file))
    found = read_encoder(TextSource("t", tokenizer=str(tmp_path / "u.json")))
    assert (found.unknown, found.encode("good odd film").unknown) == (5, 1)


def test_a_text_that_the_tokenizer_cannot_read_is_named(tmp_path: Path) -> None:
    file = json.loads(Path(saved(tmp_path)).read_text())
    file["model"]["unk_token"] = "nosuch"
    (tmp_path / "u.json").write_text(json.dumps(file))
    with pytest.raises(InvalidInput, match="the tokenizer reads it"):
        read_encoder(TextSource("t", tokenizer=str(tmp_path / "u.json"))).encode("odd")
