"""Documents are read back as they were written; whatever is no such document is refused in one line."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certrnn.errors import InvalidInput
from certrnn.results.certificates import Results
from certrnn.results.from_json import parse_results, read_results
from tests.report.cases import HOSTILE, results, row

WHOLE = results(
    row(0, 0.1, 0.3),
    row(1, 0.0, seconds=1e-9, frames=[0, 3]),
    row(2, None),
    row(3, None, 0.2, eps=0.5, verdict="falsified", prediction=1),
    row(4, None, verdict="error", prediction=-1, label=-1, reason="out of memory"),
    path=HOSTILE[4],
    labelled=False,
    notes=HOSTILE,
    external=(("weights.data", "cd" * 32),),
    threat="l2 over the sequence",
    specification="the answer stays 1, 2",
    grid=(0.0, 0.1),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(WHOLE.to_json())
    assert read_results(str(file)) == WHOLE


def test_a_document_without_the_newer_keys_is_read() -> None:
    document = WHOLE.as_json()
    for name in ("labelled", "threat", "specification", "grid"):
        del document[name]
    assert parse_results(document) == replace(WHOLE, labelled=True, threat="l-inf", specification="", grid=())


WRONG: dict[str, tuple[str, Any]] = {
    "nothing certified": ("eps_certified", None),
    "certified at zero": ("eps_certified", 0.0),
    "negative": ("eps_certified", -0.1),
    "a truth value": ("eps_certified", True),
    "too large": ("eps_certified", 10**400),
    "a text": ("eps_certified", "0.1"),
    "contradicted": ("eps_attacked", 0.1),
    "unknown verdict": ("verdict", "proved"),
    "a fractional sample": ("sample", 0.5),
    "a negative sample": ("sample", -1),
    "a huge sample": ("sample", 10**30),
    "no label": ("label", None),
    "frames": ("frames", "some"),
    "negative frames": ("frames", [-1]),
    "method": ("method", 3),
    "reason": ("reason", []),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_row_that_makes_no_sense_is_refused(case: str) -> None:
    document = results(row(0, 0.1, 0.3)).as_json()
    name, value = WRONG[case]
    document["rows"][0][name] = value
    with pytest.raises(InvalidInput, match="row 0"):
        parse_results(document)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"rows": []}', "NaN", '{"model": NaN}', "[" * 100_000, "\ud800"]
)
def test_what_is_no_document_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidInput) as caught:
        read_results(str(file))
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / "nul\x00"):
        with pytest.raises(InvalidInput):
            read_results(str(path))


def test_mutated_documents_are_read_or_refused() -> None:
    chance = random.Random(0)
    pool = [None, True, -1, 0, 1.5, 1e308, 10**400, "", "all", "certified", [], [0], {}, [[]], "\ud800"]
    read = 0
    for _ in range(1500):
        document = copy.deepcopy(WHOLE.as_json())
        for _ in range(chance.randint(1, 3)):
            mutate(document, pool, chance)
        try:
            found = parse_results(document)
        except InvalidInput:
            continue
        read += 1
        assert isinstance(found, Results)
        assert json.loads(found.to_json())
    assert 50 < read < 1450


def mutate(value: Any, pool: list[Any], chance: random.Random) -> None:
    """Replace or remove one part of a document somewhere inside."""
    while True:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(value[key], dict | list) and chance.random() < 0.8:
            value = value[key]
            continue
        if chance.random() < 0.2:
            del value[key]
        else:
            value[key] = copy.deepcopy(chance.choice(pool))
        return
