"""Laws over every job: the same rows and results wherever they are answered and kept, whatever stopped them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import certrnn
from certrnn.certification import Query
from certrnn.certification.comparing import CompareQuery
from certrnn.certification.conditions import ConditionsQuery
from certrnn.certification.words import WordQuery
from certrnn.encode import as_text
from certrnn.errors import CertrnnError, TimedOut
from certrnn.falsification.query import AttackQuery
from certrnn.model import JOBS
from certrnn.results.record import Record
from certrnn.runs.answerer import opening
from certrnn.runs.executors import InProcess
from certrnn.runs.job import Job
from certrnn.runs.loop import answer, answer_here, carry_out, run
from certrnn.runs.parcel import Parcel
from certrnn.runs.plan import Plan
from certrnn.runs.settings import Settings
from certrnn.runs.store import Memory, read_results
from certrnn.threats import Accept, Edits, NormBall, Threshold, WordSet, WordSubstitution
from certrnn.vnnlib.job import CaseAnswer, Known, VerifyJob, VerifyQuery
from certrnn.vnnlib.search import Search
from tests.cli.test_words import TEXTS, VOCABULARY, Sentiment
from tests.datasets.packed import export
from tests.runs.test_settled import edited

MODEL = certrnn.load("example:digits_rnn")
SEQUENCES = MODEL.read("example:digits").take(range(3))
SWAPPED = WordSubstitution((WordSet(1, 2, np.ones((2, 8))),))
RADII = NormBall("2", joint=True, radii=np.arange(1.0, 3 * 8 * 8 + 1).reshape(3, 8, 8))
QUERIES: dict[str, Any] = {
    "certify": Query((0.001, 0.5), "each", method="zonotope", attack=False),
    "certify, searched": Query(None, "0,3", method="zonotope", attack=False),
    "certify, words": Query((1.0,), "all", threat=SWAPPED),
    "certify, edits": Query((1.0,), "all", threat=Edits(1, np.ones((2, 8)))),
    "attack, edits": AttackQuery("substitution", Query((1.0,), "all", threat=Edits(2, np.ones((2, 8))))),
    "attack": AttackQuery("fgsm", Query((0.2, 0.5), "all")),
    "attack, closest": AttackQuery("pgd", Query(None, "0-2", threat=NormBall("1"), clip=(0, 1))),
    "attack, radii": AttackQuery("fgsm", Query((0.2,), "all", threat=RADII, specification=Accept((7, 5)))),
    "attack, words": AttackQuery("substitution", Query((1.0,), "all", threat=SWAPPED)),
    "attack, threshold": AttackQuery("fgsm", Query((0.2,), "all", specification=Threshold(-30.0, 30.0))),
    "words": WordQuery("ball", method="zonotope", rel_tol=0.5),
    "conditions": ConditionsQuery((0.1,), "6"),
    "compare": CompareQuery(Query(None, "all"), ("interval", "zonotope")),
}


def asserted(radius: float, *rows: str) -> VerifyQuery:
    """Is there a sequence within ``radius`` of the first sample for which one of these rows of scores holds?"""
    center = SEQUENCES.frames[0].reshape(-1)

    def within(share: float) -> str:
        reach = share * radius
        return " ".join(
            f"(>= X_{i} {v - reach:.9f}) (<= X_{i} {v + reach:.9f})" for i, v in enumerate(center)
        )

    names = [f"X_{i}" for i in range(64)] + [f"Y_{i}" for i in range(10)]
    declared = [f"(declare-const {name} Real)" for name in names]
    boxes = [f"(and {within(1.0 - number / 10)} {row})" for number, row in enumerate(rows)]
    return VerifyQuery("q.vnnlib", "\n".join([*declared, f"(assert (or {' '.join(boxes)}))"]))


VERIFIED = {
    "verify, unsat": asserted(0.001, "(>= Y_0 Y_7)", "(>= Y_1 Y_7)", "(>= Y_2 Y_7)"),
    "verify, sat": asserted(0.5, "(>= Y_3 Y_7)", "(>= Y_0 Y_7)", "(>= Y_1 Y_7)"),
}
QUERIES.update(VERIFIED)
BROAD = ("attack", "compare")
"""Those that are also put to real worker processes."""


def timeless(value: Any) -> Any:
    """A value as text without the times in it."""
    tree = as_text(value) if not isinstance(value, str) else json.loads(value)

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            return {k: bare(v) for k, v in part.items() if "seconds" not in k}
        return [bare(one) for one in part] if isinstance(part, list) else part

    return bare(tree)


def ordered(rows: Iterator[list[Record]]) -> list[Any]:
    return timeless(tuple(sorted((row for some in rows for row in some), key=lambda row: row.place)))


def job(name: str) -> Job[Any, Any, Any]:
    query = QUERIES[name]
    if isinstance(query, VerifyQuery):
        return VerifyJob.of(MODEL.path, MODEL.network, query)
    return MODEL.job(SEQUENCES, query)


def worker(asked: Job[Any, Any, Any]) -> InProcess:
    """What a worker does, in this process."""
    return InProcess(opening(Parcel.of(asked).packed())[0])


WAYS: dict[str, Callable[[Job[Any, Any, Any], Path], Iterator[list[Record]]]] = {
    "in a folder": lambda asked, folder: carry_out(asked, folder=folder),
    "by a worker": lambda asked, folder: answer(asked, partial(worker, asked), Memory(Plan.of(asked))),
}


def leaves(base: type) -> set[type]:
    """The product's classes that derive from it and that no other of them derives from."""
    own = [one for one in base.__subclasses__() if one.__module__.startswith("certrnn.")]
    below = {leaf for one in own for leaf in leaves(one)}
    return below or {base}


def test_every_job_has_a_case() -> None:
    assert {type(query) for query in QUERIES.values()} == {*JOBS, VerifyQuery}
    assert {type(job(name)) for name in QUERIES} == leaves(Job)


@pytest.mark.parametrize("name", QUERIES)
def test_rows_are_the_same_wherever_they_are_answered(name: str, tmp_path: Path) -> None:
    asked = job(name)
    here = [row for some in answer_here(asked) for row in some]
    assert asked.total == sum(rows * len(asked.sequences) for rows, _ in asked.expected)
    assert len(here) == asked.total or asked.enough(here)
    assert all(isinstance(row, asked.record) and not row.failed for row in here)
    results = asked.collect(here)
    for way, carried in WAYS.items():
        there = ordered(carried(job(name), tmp_path / "run"))
        assert there == ordered(iter([here])) or asked.enough(here), way
    kept = read_results(tmp_path / "run")
    assert timeless(kept.to_json()) == timeless(results.to_json())
    assert kept.exit_code() == results.exit_code()


@pytest.mark.parametrize("name", BROAD)
def test_processes_answer_the_same_without_a_folder(name: str) -> None:
    here = ordered(answer_here(job(name)))
    assert ordered(carry_out(job(name), Settings(workers=1))) == here


@pytest.mark.parametrize("name", QUERIES)
def test_a_run_that_stopped_goes_on_to_the_same_end(name: str, tmp_path: Path) -> None:
    whole = run(job(name), tmp_path / "whole", Settings(size=2))
    parts = carry_out(job(name), Settings(size=2), tmp_path / "run")
    next(parts)
    parts.close()  # as Ctrl-C does
    partly = read_results(tmp_path / "run")
    assert "stopped early" in " ".join(partly.notes) or name in VERIFIED
    resumed = run(job(name), tmp_path / "run", Settings(size=2))
    assert timeless(resumed.to_json()) == timeless(whole.to_json())


@pytest.mark.parametrize("name", QUERIES)
def test_shards_come_together(name: str, tmp_path: Path) -> None:
    from certrnn.runs.merge import merge

    whole = run(job(name), tmp_path / "whole", Settings(size=1))
    for shard in (1, 2):
        part = run(job(name), tmp_path / f"{shard}", Settings(size=1, shard=(shard, 2)))
        assert any(f"shard {shard}/2" in note for note in part.notes)
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert timeless(merged.to_json()) == timeless(whole.to_json())


def refusing(task: bytes) -> bytes:
    raise MemoryError


@pytest.mark.parametrize("name", QUERIES)
def test_a_task_without_an_answer_is_a_row_that_is_tried_again(name: str, tmp_path: Path) -> None:
    from certrnn.runs.store import writing

    asked = job(name)
    with writing(tmp_path / "run", Plan.of(asked)) as store:
        found = [row for some in answer(asked, lambda: InProcess(refusing), store) for row in some]
    assert len(found) == asked.total
    assert all(row.failed and row.reason == "out of memory" for row in found)
    failed = read_results(tmp_path / "run")
    assert failed.exit_code() == 3
    assert "out of memory" in failed.to_json()
    retried = run(job(name), tmp_path / "run", Settings(retry=True))
    assert timeless(retried.to_json()) == timeless(
        asked.collect(r for some in answer_here(asked) for r in some).to_json()
    )


@pytest.mark.parametrize("name", QUERIES)
def test_another_question_is_not_taken_up(name: str, tmp_path: Path) -> None:
    parts = carry_out(job(name), Settings(size=1), tmp_path / "run")
    next(parts)
    parts.close()
    for other in QUERIES:
        if other != name:
            with pytest.raises(CertrnnError, match="has the same"):
                next(carry_out(job(other), Settings(size=1), tmp_path / "run"))


def test_another_reading_of_the_file_is_not_taken_up(tmp_path: Path) -> None:
    """Of a query nothing but the model's reading differs: the answer of one output is none of the other's."""
    path = edited(tmp_path / "two.onnx", "two outputs")
    query = asserted(0.001, "(>= Y_0 Y_7)")
    scores, other = (
        VerifyJob.of(path, certrnn.load(path, output=name).network, query) for name in ("scores", "other")
    )
    assert run(scores, tmp_path / "run").answer.verdict == "unsat"
    with pytest.raises(CertrnnError, match="same choices"):
        run(other, tmp_path / "run")
    assert not {k for t in Plan.of(scores).tasks(scores) for k in t.keys} & {
        k for t in Plan.of(other).tasks(other) for k in t.keys
    }


def test_a_command_that_ran_out_of_time_records_nothing_false(tmp_path: Path) -> None:
    late = replace(job("verify, unsat"), deadline=0.0)
    with pytest.raises(TimedOut):
        run(late, tmp_path / "run")
    assert read_results(tmp_path / "run").answer.verdict == "unknown"
    assert run(job("verify, unsat"), tmp_path / "run").answer.verdict == "unsat"


def test_an_assignment_is_kept_when_the_next_case_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacked, tried = Search.attacked, []

    def failing(self: Search, case: Any) -> Any:
        tried.append(case)
        if len(tried) == 2:
            raise MemoryError
        return attacked(self, case)

    asked = VerifyJob.of(MODEL.path, MODEL.network, asserted(0.5, "(>= Y_3 Y_7)", "(>= Y_0 Y_7)"))
    first = Search.quickly
    monkeypatch.setattr(
        Search, "quickly", lambda self, case: False if asked.known.found else first(self, case)
    )
    monkeypatch.setattr(Search, "attacked", failing)
    monkeypatch.setattr(
        Known, "satisfied", property(lambda self: False)
    )  # both cases are attacked in one task
    found = run(asked, tmp_path / "run")
    assert found.answer.verdict == "sat"
    assert len(tried) == 2


@pytest.mark.parametrize("size", [0, -1])
def test_a_task_has_samples(size: int) -> None:
    with pytest.raises(CertrnnError, match="at least one sample"):
        Settings(size=size)


def test_a_proof_and_an_assignment_of_one_case_contradict_each_other() -> None:
    refuted, sat = (CaseAnswer(0, "attack", verdict) for verdict in ("refuted", "sat"))
    assert refuted.contradicts(sat)
    assert not sat.contradicts(sat)


def test_texts_are_the_same_by_a_worker(tmp_path: Path) -> None:
    """Words, padding and lengths travel with the samples."""
    network = tmp_path / "m.onnx"
    export(Sentiment(), (torch.ones(1, 4, dtype=torch.long),), ["words"], True, network)
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    (tmp_path / "t.txt").write_text(TEXTS)
    model = certrnn.load(network)
    texts = model.read_text(certrnn.TextSource(text=str(tmp_path / "t.txt"), vocab=str(tmp_path / "v.txt")))
    for query in (
        WordQuery(method="zonotope"),
        Query((0.1,), "each", method="zonotope", attack=False),
        AttackQuery("words", Query((3.0,), "all")),
    ):
        asked = model.job(texts.take([2, 0, 1]), query)
        there = answer(asked, partial(worker, asked), Memory(Plan.of(asked)))
        assert ordered(there) == ordered(answer_here(asked))
