"""A network of words: its input is looked up in a table, and the word vectors are what is disturbed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import certrnn
from certrnn.cli import certify_main, main
from certrnn.errors import InvalidInput
from tests.io.onnx_models import of_words

WORDS = np.array([[0, 1, 2], [4, 3, 4]])


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Mean of word vectors, then two scores."""
    file = tmp_path / "words.onnx"
    of_words(file, 5)
    return str(file)


def test_words_are_looked_up_and_their_vectors_certified(model: str) -> None:
    found = certrnn.load(model).radius(WORDS, frames="all", rel_tol=1e-3)
    for row in found:
        assert row.verdict == "certified"
        assert row.ratio is not None
        assert 0.98 < row.ratio < 1.0  # the network is affine: both sides meet


def test_sentences_of_different_lengths_come_as_a_list(model: str) -> None:
    found = certrnn.load(model).certify([WORDS[0], WORDS[1][:2]], eps=1e-6, frames="all", attack=False)
    assert [row.verdict for row in found] == ["certified"] * 2


def test_the_command_line_reads_words(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "words.npz", x=WORDS, y=[0, 1])
    arguments = [model, "--data", str(tmp_path / "words.npz"), "--frames", "1", "--rel-tol", "0.01", "--json"]
    assert certify_main(arguments) in (0, 4)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["frames"] for row in rows] == [[1], [1]]
    assert main(["doctor", model]) == 0
    assert "words of an embedding" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[[0, 5]], [[0.5, 1.0]]])
def test_words_that_the_table_lacks_are_refused(
    words: list, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidInput):
        certrnn.load(model).certify(np.array(words), eps=0.1)
    np.savez(tmp_path / "words.npz", x=words)
    assert certify_main([model, "--data", str(tmp_path / "words.npz")]) == 3
    assert capsys.readouterr().err.count("\n") == 1
