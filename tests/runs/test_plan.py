"""Keys change with everything that an answer depends on, and with nothing else; what is written comes back."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from certrnn import encode
from certrnn.certification import Query, parse_frames
from certrnn.certification.job import CertifyJob
from certrnn.certification.robustness import frame_set_of
from certrnn.datasets import Sequences
from certrnn.encode import as_text, digest, from_text, pack, unpack
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.io.onnx import Choices
from certrnn.results.row import Row
from certrnn.results.subject import Subject
from certrnn.runs import parquet
from certrnn.runs.plan import Plan
from certrnn.search import RelativeTolerance

X = np.linspace(0.0, 1.0, 24).reshape(3, 4, 2)
SEQUENCES = Sequences.of([X[0], X[1][:2], X[2]], [0, 1, 2])
SUBJECT = Subject("model.onnx", "0" * 64, (), True)
QUERY = Query((0.1, 0.2), "each")


@dataclass(frozen=True, eq=False)
class Planned(CertifyJob):
    """A job that is planned only: nothing is read for its subject."""

    given: Subject = SUBJECT

    @property
    def subject(self) -> Subject:
        return self.given


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrnn.runs.plan.name_of", lambda kind: kind.__name__)


def job(sequences: Sequences = SEQUENCES, query: Query = QUERY, subject: Subject = SUBJECT) -> Planned:
    network: Any = SimpleNamespace(choices=Choices())
    return Planned("model.onnx", network, sequences, query, subject)


def keys(
    sequences: Sequences = SEQUENCES, query: Query = QUERY, subject: Subject = SUBJECT, **rest: Any
) -> set:
    asked = job(sequences, query, subject)
    plan = replace(Plan.of(asked), **rest)
    found = [key for task in plan.every_task(asked) for key in task.keys]
    assert len(found) == len(set(found))
    return set(found)


def test_every_question_has_its_key_once() -> None:
    assert len(keys()) == (4 + 2 + 4) * 2
    assert keys() == keys()


@pytest.mark.parametrize(
    "other",
    [
        {"subject": replace(SUBJECT, sha256="1" * 64)},
        {"subject": replace(SUBJECT, external=(("w.data", "0"),))},
        {"query": replace(QUERY, eps=(0.1000000001, 0.3))},
        {"query": replace(QUERY, eps=None)},
        {"query": replace(QUERY, frames="all")},
        {"query": replace(QUERY, clip=(0.0, 1.0))},
        {"query": replace(QUERY, method="interval")},
        {"query": replace(QUERY, attack=False)},
        {"query": replace(QUERY, budget=1.0)},
        {"query": replace(QUERY, schedule=RelativeTolerance())},
        {"sequences": Sequences.of([X[0] + 1e-12, X[1][:2] + 1e-12, X[2] + 1e-12], [0, 1, 2])},
        {"sequences": Sequences.of([X[0], X[1][:2], X[2]])},
        {"sequences": Sequences.of([X[0], X[1][:2], X[2]], [2, 0, 1])},
        {"choices": Choices(output="other")},
        {"engine": "another"},
        {"semantics": "float32"},
    ],
)
def test_another_question_has_other_keys(other: dict[str, Any]) -> None:
    assert not keys() & keys(**other)


def test_notes_tasks_and_names_change_no_key() -> None:
    assert keys() == keys(subject=replace(SUBJECT, path="elsewhere.onnx", note="rounded"))
    assert keys() == keys(sequences=SEQUENCES.noted("rounded"))
    assert keys() == keys(size=1, shard=(1, 2), command={"name": "certify"})
    assert keys(SEQUENCES.take([2])) < keys()


@dataclass(frozen=True)
class Longer(Query):
    """A question with a field that came later."""

    norm: str = "inf"


def test_a_field_that_is_added_later_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_HOUSE", "tests.")
    monkeypatch.setattr(encode, "name_of", lambda kind: kind.__name__)
    assert digest(Longer()) != digest(Longer(norm="2"))
    assert digest(Longer()) != digest(Query())


@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=9),
    frames=st.sampled_from(("each", "all", "0")),
    eps=st.lists(st.sampled_from((0.1, 0.2, 0.3)), max_size=3, unique=True),
    size=st.integers(1, 5),
    count=st.integers(1, 4),
)
@settings(deadline=None)
def test_shards_take_every_row_once(
    lengths: list[int], frames: str, eps: list[float], size: int, count: int
) -> None:
    sequences = Sequences.of([np.zeros((length, 2)) for length in lengths], list(range(len(lengths))))
    whole = job(sequences, Query(tuple(eps) or None, frames))
    shards = [Plan.of(whole, size, (number, count)) for number in range(1, count + 1)]
    rows = [key for shard in shards for task in shard.tasks(whole) for key in task.keys]
    assert len(rows) == len({*rows}) == whole.total
    assert {*rows} == {key for task in Plan.of(whole, size).tasks(whole) for key in task.keys}
    assert all(one.differs(other) == "shard" for one, other in itertools.pairwise(shards))


def test_a_task_asks_only_for_its_own() -> None:
    for task in Plan.of(job(), 2).tasks(job()):
        ask = unpack(pack(task.ask(SEQUENCES)))
        assert ask.part == task.part
        assert [frame_set_of(ask.part, kind).name for kind in ask.sequences.kinds] == [task.part.name]
        assert [SEQUENCES.numbers[p] for p in task.positions] == list(ask.sequences.numbers)
        assert all(
            (a == SEQUENCES.frames[n]).all()
            for a, n in zip(ask.sequences.frames, task.positions, strict=True)
        )


@pytest.mark.parametrize("frames", ["each", "all", "0"])
def test_a_task_is_the_same_threat_where_it_is_answered(frames: str) -> None:
    sequences = Sequences.of([X[0], X[1][:1]])
    asked = job(sequences, replace(QUERY, frames=frames))
    for task in Plan.of(asked, 2).tasks(asked):
        (threat,) = parse_frames(task.part.frames, len(sequences.frames[task.positions[0]]))
        assert threat.name == task.part.name


@pytest.mark.parametrize(("size", "shard"), [(0, None), (1, (0, 2)), (1, (3, 2))])
def test_tasks_and_shards_that_make_no_sense_are_refused(size: int, shard: tuple[int, int] | None) -> None:
    with pytest.raises(UsageError):
        Plan.of(job(), size, shard)


def test_a_sample_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="once"):
        Plan.of(job(SEQUENCES.take([0, 0])))


@pytest.mark.parametrize("way", [lambda v: from_text(as_text(v)), lambda v: unpack(pack(v))])
def test_what_is_written_comes_back(way: Any) -> None:
    value = (1, 0.1, float("inf"), "é\n", None, True, [1, (2,)], {"a": (1.0, 2.0)}, SUBJECT)
    assert way(value) == value
    assert digest(way(QUERY)) == digest(QUERY)
    array, tensor = way((np.arange(6.0).reshape(2, 3), torch.tensor([[1], [2]])))
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensor.tolist() == [[1], [2]]
    assert np.isnan(way(float("nan")))


def test_what_cannot_be_told_apart_is_not_written() -> None:
    for value in (object(), lambda: 0, np.array([object()])):
        with pytest.raises(Unsupported):
            digest((QUERY, value))


@pytest.mark.parametrize(
    "name", ["os:system", "certrnn.runs.disk:os", "certrnn.certification.query:nothing", "builtins:eval"]
)
def test_only_our_own_dataclasses_are_read(name: str) -> None:
    with pytest.raises(InvalidInput):
        from_text({"$type": name})


def test_rows_come_back_from_parquet(tmp_path: Any) -> None:
    rows = [
        ("a", Row(0, "all", 1, 1, "certified", None, 0.1, 0.2, 0.5, 1e-300, "zonotope", 0.5)),
        ("b", Row(1, [0, 2], 1, -1, "error", 0.1, None, None, None, None, "joint", 0.0, "it died")),
    ]
    path = tmp_path / "rows.parquet"
    path.write_bytes(parquet.written(rows, Row, {"engine": "1"}))
    assert list(parquet.read(path)) == rows
    content = bytearray(path.read_bytes())
    for position in range(8, len(content) - 8, 97):
        broken = bytearray(content)
        broken[position] ^= 0xFF
        path.write_bytes(bytes(broken))
        try:
            found = list(parquet.read(path))
        except InvalidInput:
            continue
        assert found == rows  # a byte that says nothing of the rows
