"""What a result says of its question is all of it: written, read back and asked again it is the same."""

from __future__ import annotations

import json
import math
import random
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

import certrnn
from certrnn.certification import Query
from certrnn.certification.methods import METHODS
from certrnn.certification.restatement import query_of
from certrnn.certification.statement import question_of
from certrnn.encode import digest
from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data import spelled_samples
from certrnn.repetition import again
from certrnn.results.certificates import Results
from certrnn.results.from_json import parse_results
from certrnn.results.question import Question, read, written
from certrnn.search import EpsGrid, PaperGrid, RelativeTolerance
from certrnn.threats import Accept, Labels, NormBall, Threshold, WordSet, WordSubstitution

MODEL = certrnn.load("example:digits_rnn")
FEW = MODEL.read("example:digits").take([0, 1, 2, 7])


def asked(query: Query) -> Question:
    return question_of(MODEL.network, MODEL.precision, FEW, query)


def reread(question: Question) -> Question:
    """Through a JSON document and back."""

    def need(holds: bool, requirement: str, received: object) -> None:
        assert holds, (requirement, received)

    return read(Question, json.loads(json.dumps(written(question), allow_nan=False)), need)


def some_query(chance: random.Random) -> Query:
    """Any question of a command or a program; every field takes several values."""
    radii = [None, np.array([0.3, 0.1, 1.0, 0.0] * 2), np.abs(np.random.default_rng(0).normal(size=(8, 8)))]
    words = WordSubstitution((WordSet(0, 1, np.ones((2, 8))),))
    searched = (PaperGrid(), PaperGrid(last=9), RelativeTolerance(0.1), EpsGrid((0.1, 0.3)))
    orders = (
        NormBall("inf", radii=chance.choice(radii)),
        NormBall("2", chance.random() < 0.5),
        NormBall("1", True),
    )
    demands = (
        Labels(),
        Accept((1, 2)),
        Accept((3,), never=True),
        Threshold(-math.inf, 0.3),
        Threshold(0.1, 7.0),
    )
    disturbance = chance.choice([*orders, words])
    eps = (1.0,) if disturbance is words else chance.choice([None, (0.3,), (0.1, 0.7)])
    return Query(
        eps,
        chance.choice(["each", "all", "0,3-5"]),
        None if disturbance is words else chance.choice([None, (0.0, 0.7), (-1.0, 1.0)]),
        chance.choice(["auto", *METHODS]),
        chance.choice(searched) if eps is None else PaperGrid(),
        chance.random() < 0.5,
        chance.choice([None, 1.5]),
        disturbance,
        chance.choice(demands),
    )


def test_every_question_survives_its_document() -> None:
    chance = random.Random(3)
    for _ in range(300):
        query = some_query(chance)
        question = reread(asked(query))
        assert question == asked(query)
        words = query.threat if isinstance(query.threat, WordSubstitution) else None
        assert digest(query_of(question, words=words)) == digest(query)


OTHERS: dict[str, Any] = {
    "eps": (0.5,),
    "frames": "all",
    "clip": (0.0, 0.9),
    "method": "interval",
    "schedule": RelativeTolerance(0.5),
    "attack": False,
    "budget": 3.0,
    "threat": NormBall("2"),
    "specification": Accept((1,)),
    "steps": ("alpha-crown",),
}


def test_every_field_of_a_query_is_part_of_the_statement() -> None:
    """A field that is added later must be stated as well."""
    assert {field.name for field in fields(Query)} == set(OTHERS)
    for name, value in OTHERS.items():
        assert asked(replace(Query(), **{name: value})) != asked(Query()), name


@pytest.mark.parametrize("part", ["attack", "clip", "frames", "specification"])
def test_a_statement_that_leaves_something_out_is_caught(part: str) -> None:
    """Planted: the question of every query says the same about one part."""
    chance = random.Random(3)
    forgetful = [replace(some_query(chance), **{part: getattr(Query(), part)}) for _ in range(50)]
    chance = random.Random(3)
    queries = [some_query(chance) for _ in range(50)]
    assert any(asked(one) != asked(other) for one, other in zip(forgetful, queries, strict=True))


def test_samples_and_what_was_done_to_them_are_stated() -> None:
    question = asked(Query())
    source = question.data.source
    assert source is not None
    assert (question.data.samples, question.data.count, source.total) == ("0:3,7", 4, 50)
    assert question.data.sha256 != asked_of(FEW.take([0, 1, 2])).data.sha256
    rounded = certrnn.datasets.Sequences.of(np.full((1, 8, 8), 0.1)).rounded(np.float32)
    assert "float32" in asked_of(rounded).data.done
    assert asked_of(rounded).data.labels == "own answers"


def asked_of(sequences: Any) -> Question:
    return question_of(MODEL.network, MODEL.precision, sequences, Query())


def test_samples_are_spelled_as_the_option_takes_them() -> None:
    from certrnn.io.data import parse_selection

    chance = random.Random(4)
    for _ in range(100):
        numbers = chance.sample(range(30), chance.randint(1, 20))
        assert list(parse_selection(spelled_samples(numbers))) == numbers


def few() -> Results:
    return MODEL.certify(FEW, eps=[0.001, 0.3], frames=[2, 3], clip=(0, 1), method="interval", attack=False)


def test_any_row_is_asked_again_from_its_document() -> None:
    found = few()
    document = parse_results(json.loads(found.to_json()))
    assert document == found
    for number, row in enumerate(found):
        (one,) = again(MODEL, document, number)
        bare = [replace(r, seconds=0.0, margin=None) for r in (one, row)]
        assert bare[0] == bare[1]  # the last digits of a margin depend on who is bounded beside it
    whole = again(MODEL, document)
    assert whole.question == found.question
    assert [row.verdict for row in whole] == [row.verdict for row in found]


def test_other_data_another_model_and_missing_words_are_refused() -> None:
    found = few()
    moved = replace(FEW, frames=tuple(part + 2.0**-10 for part in FEW.frames))
    with pytest.raises(InvalidInput, match="samples as the network gets them"):
        again(MODEL, found, 0, data=moved)
    with pytest.raises(InvalidInput, match="sha256 of the model"):
        again(certrnn.load("example:digits_lstm"), found, 0)
    with pytest.raises(UsageError, match=r"0\.\.7"):
        again(MODEL, found, 8)
    with pytest.raises(UsageError, match="earlier version"):
        again(MODEL, replace(found, question=None), 0)
    assert found.question is not None
    other = WordSubstitution((WordSet(0, 1, np.ones((2, 8))),))
    query = Query((1.0,), threat=other)
    with pytest.raises(UsageError, match="--words"):
        query_of(asked(query))
    with pytest.raises(InvalidInput, match="digest"):
        query_of(asked(query), words=WordSubstitution((WordSet(0, 2, np.ones((2, 8))),)))
    radii = NormBall(radii=np.ones(8))
    with pytest.raises(InvalidInput, match="digest"):
        query_of(asked(Query(threat=radii)), radii=np.full(8, 2.0))


def test_a_run_is_not_taken_up_with_other_versions(tmp_path: Any) -> None:
    from certrnn.runs.plan import Plan

    query = Query((0.001,), "all", method="interval", attack=False)
    plan = Plan.of(MODEL.job(FEW, query))
    assert plan.subject.question is not None
    other = replace(plan.subject, question=replace(plan.subject.question, versions=(("torch", "0"),)))
    assert plan.differs(replace(plan, subject=other)) == "question's versions"
    elsewhere = replace(FEW.source, files=(replace(FEW.source.files[0], name="elsewhere"),))  # type: ignore
    assert plan.differs(Plan.of(MODEL.job(replace(FEW, source=elsewhere), query))) is None
