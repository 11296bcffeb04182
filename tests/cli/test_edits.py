"""At most k words of a text change: verdicts against every such text in onnxruntime, by the commands alone."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from certrnn.cli import main
from tests.cli.test_texts import FRAMES, VOCABULARY, answered, asked, deployed, folder, network, refused

__all__ = ["folder"]

TEXTS = ["the good film", "not very bad", "a bad film was the very good film", "good", "the film was not bad"]


def read(text: str) -> list[int]:
    ids = [VOCABULARY.index(word) for word in text.split()][:FRAMES]
    return [*ids, *[0] * (FRAMES - len(ids))]


def robust(
    folder: Path, text: str, most: int, options: dict[str, list[str]], places: list[int] | None = None
) -> bool:
    """Whether onnxruntime answers all texts with at most ``most`` words changed as it answers this one."""
    own = read(text)
    words = text.split()[:FRAMES]
    every = [own]
    for changed in combinations(range(len(words)) if places is None else places, most):
        choices = [[own[t], *(VOCABULARY.index(w) for w in options.get(words[t], []))] for t in changed]
        for some in product(*choices):
            ids = list(own)
            for t, number in zip(changed, some, strict=True):
                ids[t] = number
            every.append(ids)
    answers = deployed(folder, every).argmax(axis=1)
    return bool((answers == answers[0]).all())


ALL = dict.fromkeys(VOCABULARY, VOCABULARY[2:])
"""Any word may become any other, but neither padding nor the unknown word."""


@pytest.mark.parametrize("most", [1, 2])
def test_verdicts_are_those_of_every_changed_text(
    most: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(asked(folder, "\n".join(TEXTS) + "\n", "--edits", str(most)), capsys)
    assert found["threat"] == f"at most {most} edit" + ("s" if most > 1 else "")
    want = [robust(folder, text, min(most, len(text.split())), ALL) for text in TEXTS]
    assert [row["verdict"] == "certified" for row in found["rows"]] == want
    assert all(row["verdict"] in ("certified", "falsified") for row in found["rows"])
    assert {row["frames"] for row in found["rows"] if row["sample"] != 3} == {"all"}
    assert "a changed word is one of the 8 of the vocabulary" in " ".join(found["notes"])


def test_an_alphabet_and_positions_restrict_what_may_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.txt").write_text("good\nbad\n")
    alphabet = ["--edits", "1", "--alphabet", str(folder / "a.txt")]
    some = {word: ["good", "bad"] for word in VOCABULARY}
    rows = answered(asked(folder, "\n".join(TEXTS) + "\n", *alphabet), capsys)["rows"]
    assert [row["verdict"] == "certified" for row in rows] == [
        robust(folder, text, 1, some) for text in TEXTS
    ]
    each = answered(asked(folder, TEXTS[0] + "\n", *alphabet, "--frames", "each"), capsys)["rows"]
    want = [robust(folder, TEXTS[0], 1, some, [place]) for place in range(3)]
    assert [row["verdict"] == "certified" for row in each] == want


def test_synonyms_say_what_each_word_becomes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = {"good": ["bad", "very", "zzz", "<pad>"], "film": ["a", "was"], "not": ["the"]}
    (folder / "s.json").write_text(json.dumps(listed))
    arguments = ["--edits", "2", "--synonyms", str(folder / "s.json")]
    found = answered(asked(folder, "\n".join(TEXTS) + "\n", *arguments), capsys)
    inside = {word: [one for one in some if one in VOCABULARY[2:]] for word, some in listed.items()}
    want = [robust(folder, text, min(2, len(text.split())), inside) for text in TEXTS]
    assert [row["verdict"] == "certified" for row in found["rows"]] == want
    assert "2 synonyms that are not in the vocabulary were left out" in " ".join(found["notes"])
    left = answered(asked(folder, TEXTS[0] + "\n", *arguments, "--pad", "left"), capsys)["rows"]
    assert left[0]["verdict"] in ("certified", "falsified")


def test_texts_of_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network(tmp_path)
    letters = ["<pad>", "<unk>", "a", "b", "c", ".", "/", "long", "x", "y"]
    (tmp_path / "v.txt").write_text("\n".join(letters) + "\n")
    arguments = asked(tmp_path, "ab/c\nc.q\n", "--split", "chars", "--edits", "1", "--alphabet", "chars")
    found = answered(arguments, capsys)
    notes = " ".join(found["notes"])
    assert "texts are split into characters" in notes
    assert "1 of 7 words are unknown" in notes
    assert "one of the 7 of the alphabet chars" in notes
    for row, text in zip(found["rows"], ("ab/c", "c.q"), strict=True):
        own = [letters.index(c) if c in letters else 1 for c in text]
        every = [own, *([*own[:t], n, *own[t + 1 :]] for t in range(len(own)) for n in (2, 3, 4, 5, 6, 8, 9))]
        answers = deployed(tmp_path, [[*ids, *[0] * (FRAMES - len(ids))] for ids in every]).argmax(axis=1)
        assert (row["verdict"] == "certified") == bool((answers == answers[0]).all())


def test_many_combinations_are_bounded_or_searched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Six words, each of eight: 262,143 texts with at most five changes, more than are tried one by one."""
    text = "a bad film was the very\n"
    rows = answered(asked(folder, text, "--edits", "5", "--budget", "20"), capsys)["rows"]
    assert rows[0]["method"] != "enumeration"
    assert rows[0]["verdict"] == ("certified" if robust(folder, text, 5, ALL) else "falsified")


def test_a_question_about_edits_is_put_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "r.json"
    arguments = asked(folder, "\n".join(TEXTS) + "\n", "--edits", "1", "--out", str(out))
    rows = answered(arguments, capsys)["rows"]
    again = answered(["--like", str(out)], capsys)["rows"]
    assert [row["verdict"] for row in again] == [row["verdict"] for row in rows]
    kept = answered([*arguments, "--run", str(folder / "run")], capsys)["rows"]
    assert [row["verdict"] for row in kept] == [row["verdict"] for row in rows]
    assert "--edits" in refused(["--like", str(out), "--edits", "2"], capsys)


def test_an_attack_writes_texts_that_replay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(folder / "a.npz")
    model, *more = asked(folder, "\n".join(TEXTS) + "\n", "--edits", "2", "--out", out, "--json")
    assert main(["attack", model, *more]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(len(row["words"]) <= 2 for row in rows if row["verdict"] == "falsified")
    assert all(new >= 2 for row in rows for _, _, new in row["words"] or ())
    assert main(["attack", model, "--replay", out]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--alphabet", "chars"], "--alphabet: it belongs to --edits"),
        (["--edits", "0"], "at least one word may change"),
        (["--edits", "1", "--eps", "0.1"], "--eps beside it"),
        (["--edits", "1", "--norm", "2"], "--norm beside it"),
        (["--edits", "1", "--rel-tol", "0.1"], "--edits beside it"),
        (["--edits", "1", "--clip", "0", "1"], "--clip beside it"),
        (["--edits", "1", "--alphabet", "nothing.txt"], "nothing.txt"),
    ],
)
def test_what_makes_no_sense_is_refused(
    more: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(asked(folder, "good film\n", *more), capsys)


def test_words_outside_of_the_vocabulary_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.txt").write_text("good\nzzz\n<unk>\n")
    arguments = asked(folder, "good film\n", "--edits", "1", "--alphabet", str(folder / "a.txt"))
    assert "'zzz' and 1 more" in refused(arguments, capsys)
    np.savez(folder / "x.npz", x=np.full((2, FRAMES), 2))
    assert "--text" in refused(
        [str(folder / "m.onnx"), "--data", str(folder / "x.npz"), "--edits", "1"], capsys
    )
