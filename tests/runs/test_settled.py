"""What a person settles about a file travels to workers: they answer that question, not the file's default."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import certrnn
from certrnn.certification import Query
from certrnn.datasets import Sequences
from certrnn.encode import pack, unpack
from certrnn.errors import CertrnnError
from certrnn.examples import resolve
from certrnn.io.onnx import Choices
from certrnn.model import Model
from certrnn.results.row import Row
from certrnn.runs.answerer import Answerer, opening
from certrnn.runs.job import Part
from certrnn.runs.parcel import Ask, Parcel

QUERY = Query((0.001, 0.02), "all", method="zonotope", attack=False)


def edited(path: Path, kind: str) -> str:
    """The digits' network with a second output, with the first score alone, or with scores times an input."""
    proto = onnx.load(resolve("example:digits_rnn"))
    scores = proto.graph.output[0]
    if kind == "two outputs":
        proto.graph.node.append(helper.make_node("Neg", [scores.name], ["other"]))
        proto.graph.output.append(helper.make_tensor_value_info("other", 1, [None, 10]))
    elif kind == "a factor":
        proto.graph.node.append(helper.make_node("Mul", [scores.name, "factor"], ["scaled"]))
        proto.graph.input.append(helper.make_tensor_value_info("factor", 1, []))
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("scaled", 1, [None, 10]))
    else:
        proto.graph.initializer.append(helper.make_tensor("first", onnx.TensorProto.INT64, [1], [0]))
        proto.graph.node.append(helper.make_node("Gather", [scores.name, "first"], ["lone"], axis=1))
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("lone", 1, [None, 1]))
    onnx.save(proto, path)
    return str(path)


SETTLED: dict[str, tuple[str, dict[str, Any]]] = {
    "output": ("two outputs", {"output": "other"}),
    "layout": ("", {"layout": "n,f,t"}),
    "cut": ("lone score", {"cut": 3.0}),
    "multi_label": ("", {"multi_label": True}),
    "label": ("", {"multi_label": True, "label": 3}),
    "fix": ("a factor", {"fix": {"factor": 0.25}}),
}
"""For each choice a file that it changes the question of, and what is settled. ``numbers`` follows from the query."""


def question(tmp_path: Path, name: str) -> tuple[Model, Sequences]:
    kind, settled = SETTLED[name]
    path = edited(tmp_path / "model.onnx", kind) if kind else "example:digits_rnn"
    model = certrnn.load(path, **settled)
    x = np.load(resolve("example:digits"))["x"][:4]
    return model, model.sequences(x)


def rows(answer: Any, model: Model, sequences: Sequences, query: Query) -> list[Row]:
    tasks = [pack(Ask(sequences.bare(), Part("all", "all", eps))) for eps in query.eps or ()]
    found = [row for task in tasks for row in unpack(answer(task))]
    return [replace(row, seconds=0.0) for row in found]


def test_every_choice_has_a_case() -> None:
    assert {field.name for field in fields(Choices)} == {*SETTLED, "numbers"}


@pytest.mark.parametrize("name", SETTLED)
def test_workers_read_the_file_as_it_was_settled(name: str, tmp_path: Path) -> None:
    model, sequences = question(tmp_path, name)
    answer, _ = opening(Parcel.of(model.job(sequences, QUERY)).packed())
    here = rows(Answerer(model.job(sequences, QUERY)), model, sequences, QUERY)
    assert rows(answer, model, sequences, QUERY) == here
    if name == "layout":
        return  # the samples were turned as it says before they travel
    try:
        default = certrnn.load(model.path)
        assert rows(Answerer(default.job(sequences, QUERY)), default, sequences, QUERY) != here, (
            "the case shows no difference"
        )
    except CertrnnError:
        pass  # without the choice the file is refused
