"""Words that a network masks as no others: edits keep its masks, or are refused; onnxruntime on whole texts decides."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import certrnn
from certrnn.cli import main
from certrnn.errors import InvalidInput
from certrnn.threats import THREAT_MODELS, Edits, NormBall, Place, ThreatModel, WordSet, WordSubstitution
from tests.cli.test_texts import VOCABULARY, answered, asked, deployed, refused
from tests.io.onnx_models import model, node, saved

FRAMES, FIRST = 3, 5
"""Words of a text, and the first word of the vocabulary that counts less."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scores of a sum of word vectors, in which words from the fifth on count a ninth."""
    table = np.random.default_rng(3).uniform(0.5, 1.5, (len(VOCABULARY), 2)).astype(np.float32)
    numbers = {
        "table": table,
        "first": np.int64(FIRST),
        "eighth": np.float32(0.125),
        "W": np.array([[1, 0], [0, 0]], dtype=np.float32),
        "b": np.array([0.0, 2.1], dtype=np.float32),
        "one": np.array([1]),
        "two": np.array([2]),
    }
    nodes = [
        node("Less", ["x", "first"], "whole"),
        node("Cast", ["whole"], "weights", to=TensorProto.FLOAT),
        node("Add", ["weights", "eighth"], "heavy"),
        node("Unsqueeze", ["heavy", "two"], "mask"),
        node("Gather", ["table", "x"], "looked"),
        node("Mul", ["looked", "mask"], "kept"),
        node("ReduceSum", ["kept", "one"], "sum", keepdims=0),
        node("MatMul", ["sum", "W"], "product"),
        node("Add", ["product", "b"], "scores"),
    ]
    saved(tmp_path, model(nodes, numbers, ["N", FRAMES], kind=TensorProto.INT64), "m.onnx")
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path


def robust(folder: Path, text: str, most: int, alike: bool) -> bool:
    """Whether no change of at most ``most`` words, to words masked ``alike`` or to any, changes the answer."""
    own = [VOCABULARY.index(word) for word in text.split()]
    every = [own]
    for changed in combinations(range(FRAMES), most):
        pools = [
            [n for n in range(2, len(VOCABULARY)) if not alike or (n < FIRST) == (own[t] < FIRST)]
            for t in changed
        ]
        for some in product(*pools):
            ids = list(own)
            for t, number in zip(changed, some, strict=True):
                ids[t] = number
            every.append(ids)
    answers = deployed(folder, every).argmax(axis=1)
    return bool((answers == answers[0]).all())


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (
            ["good bad film", "film film bad"],
            "5 that the network masks otherwise than the texts' words were left",
        ),
        (
            ["good bad film", "the very film", "good a film"],
            "none that the network masks otherwise than the word",
        ),
    ],
)
def test_verdicts_are_those_of_every_text_whose_masks_are_the_same(
    texts: list[str], note: str, most: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(asked(folder, "\n".join(texts) + "\n", "--edits", str(most)), capsys)
    verdicts = [row["verdict"] for row in found["rows"]]
    assert [v == "certified" for v in verdicts] == [robust(folder, text, most, True) for text in texts]
    assert not all(robust(folder, text, most, False) for text in texts)
    assert note in " ".join(found["notes"])


def test_synonyms_that_are_masked_otherwise_are_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = asked(folder, "good bad film\n", "--edits", "1", "--synonyms", str(folder / "s.json"))
    (folder / "s.json").write_text(json.dumps({"good": ["the", "film"], "bad": ["very"]}))
    found = answered(arguments, capsys)
    assert "1 of 3 words have synonyms; the others stay; 2 that the network masks" in " ".join(found["notes"])
    (folder / "s.json").write_text(json.dumps({"good": ["the"], "bad": ["very"]}))
    assert "only some that the network masks otherwise" in refused(arguments, capsys)
    (folder / "a.txt").write_text("the\nvery\n")
    arguments = asked(folder, "good bad film\n", "--edits", "1", "--alphabet", str(folder / "a.txt"))
    assert "masks as it masks the texts' own" in refused(arguments, capsys)


def test_vectors_of_words_that_are_masked_otherwise_are_refused(folder: Path) -> None:
    network = certrnn.load(str(folder / "m.onnx"))
    table = network.network.embed(np.arange(len(VOCABULARY))[None])[0]
    text = np.array([[2, 6, 3]])
    for threat in (Edits(1, table[2:7]), Edits(1, table, (Place(0, 1, np.array([2])),))):
        with pytest.raises(InvalidInput, match=r"sample 0, position \d: the network masks a substitute"):
            network.certify(text, frames="all", threat=threat)
        with pytest.raises(InvalidInput, match="masks a substitute where it masks the word"):
            network.attack(text, frames="all", threat=threat)
    with pytest.raises(InvalidInput, match="each is that of words of one class"):
        network.certify(text, frames="all", threat=Edits(1, table[2:3] + 1.0))
    row = network.certify(text, frames=[0, 2], threat=Edits(1, table[2:FIRST]))[0]
    every = [[n, 6, 3] for n in range(2, FIRST)] + [[2, 6, n] for n in range(2, FIRST)]
    answers = deployed(folder, [text[0].tolist(), *every]).argmax(axis=1)
    assert (row.verdict == "certified") == bool((answers == answers[0]).all())


DISCRETE: dict[str, ThreatModel] = {
    "words": WordSubstitution((WordSet(0, 1, np.array([[5.0]])),)),
    "edits": Edits(1, np.array([[5.0]])),
}
"""One of every registered threat model that puts words in the place of others: a word of class 5."""


def test_every_threat_that_replaces_words_says_where_masks_would_change() -> None:
    assert {name for name, kind in THREAT_MODELS.items() if kind.discrete} == set(DISCRETE)

    def classes(vectors: np.ndarray) -> tuple[int, ...]:
        return tuple(vectors[:, 0].astype(int).tolist())

    for threat in DISCRETE.values():
        assert threat.misfit([0], [1], (0, 5, 0), classes) is None
        assert threat.misfit([0], [1], (0, 4, 0), classes) == (0, 1)
    assert NormBall().misfit([0], [1], (0, 4, 0), classes) is None


def test_words_do_not_fade_to_one_that_is_masked_otherwise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, *more = asked(folder, "good bad film\n")
    assert main(["words", model, *more, "--toward", "very"]) == 3
    assert "fading words to 'very': the network masks it" in capsys.readouterr().err
    assert main(["words", model, *more, "--toward", "film", "--json"]) == 0
    assert main(["words", model, *more, "--toward", "zero", "--json"]) == 0
    assert "(masks) stays as each sample's own words say" in capsys.readouterr().out
