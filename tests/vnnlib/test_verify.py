"""Answers to queries of known truth: never ``unsat`` where something satisfies, ``sat`` only with what replays."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel, read
from certrnn.regions import Box
from certrnn.vnnlib import normal_form as disjuncts
from certrnn.vnnlib.answer import SAT, TIMED_OUT, UNKNOWN, UNSAT, Answer
from certrnn.vnnlib.binding import bind
from certrnn.vnnlib.cases import _scale, cases_of, down, up
from certrnn.vnnlib.parse import formula as formulas
from certrnn.vnnlib.parse import holds, parse, terms
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.verify import verify
from tests.vnnlib.queries import query, written

WEIGHT = np.array([[1, -1], [2, 0.5], [-1, 1]], dtype=np.float32)
"""y0 = x0 + 2 x1 - x2 and y1 = -x0 + x1 / 2 + x2: every value is exact."""
UNIT = ["(>= X0 0.0)", "(<= X0 1.0)", "(>= X1 0.0)", "(<= X1 1.0)", "(>= X2 0.0)", "(<= X2 1.0)"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


def network(folder: Path, head: str = "", weight: np.ndarray = WEIGHT) -> OnnxModel:
    """``x`` (1, inputs) times the weight, and an activation at the end."""
    nodes = [helper.make_node("MatMul", ["x", "W"], ["y" if not head else "s"])]
    if head:
        axis: dict[str, Any] = {} if head == "Sigmoid" else {"axis": 1}
        nodes.append(helper.make_node(head, ["s"], ["y"], **axis))
    shapes = [(name, ["batch", n]) for name, n in (("x", len(weight)), ("y", weight.shape[1]))]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes)
    if head == "ArgMax":
        y = helper.make_tensor_value_info("y", TensorProto.INT64, ["batch", 1])
    graph = helper.make_graph(nodes, "linear", [x], [y], [numpy_helper.from_array(weight, "W")])
    path = folder / f"{head or 'linear'}{len(weight)}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return read(path)


def answered(model: OnnxModel, text: str, seconds: float = 60.0) -> Answer:
    asked = query(text)
    answer = verify(model, asked, time.perf_counter() + seconds)
    if answer.assignment is not None:
        both = (answer.assignment.inputs, answer.assignment.outputs)
        values = [[Fraction(float(v)) for v in part.tolist()] for part in both]
        assert holds(asked.formula, *values)
    return answer


ASKED = {
    "reaches nearly its maximum": (["(>= Y0 2.9990234375)"], SAT),
    "a maximum is reached in one point, whose enclosure has a width": (["(>= Y0 3.0)"], UNKNOWN),
    "a maximum of inputs is exact": (["(>= (+ X0 X1) 2.0)"], SAT),
    "a strict bound at the maximum of inputs": (["(> (+ X0 X1) 2.0)"], UNKNOWN),
    "no more than it": (["(>= Y0 3.0009765625)"], UNSAT),
    "well below": (["(<= Y0 -1.5)"], UNSAT),
    "a strict bound at the maximum is not reached": (["(> Y0 3.0)"], UNKNOWN),
    "order": (["(> Y0 Y1)"], SAT),
    "one of two": (["(or (>= Y0 4.0) (<= Y1 -0.75))"], SAT),
    "none of two": (["(or (>= Y0 4.0) (<= Y1 -1.25))"], UNSAT),
    "both, of which each is possible alone": (["(>= (- Y0 Y1) 3.0)", "(>= Y1 0.5)"], UNSAT),
    "by halves": (["(and (>= Y0 2.6) (>= Y1 0.2))"], UNSAT),
    "inputs in two boxes": (["(or (<= X0 0.25) (>= X0 0.75))", "(>= Y1 1.25)"], SAT),
    "inputs in an empty box": (["(< X0 0.5)", "(>= X0 0.5)"], UNSAT),
    "inputs that exclude each other": (["(>= (+ X0 X1) 1.5)", "(<= Y0 0.25)"], UNSAT),
    "inputs and outputs compared": (["(>= Y0 (+ X0 (* 2.0 X1) 0.001))"], UNSAT),
    "inputs and outputs that agree": (["(>= Y0 (- (+ X0 (* 2.0 X1)) 0.5))"], SAT),
    "equality of outputs": (["(== Y0 Y1)", "(>= X1 0.9)", "(<= X2 0.1)"], UNSAT),
    "always true": (["(<= Y0 Y0)"], SAT),
    "always false": (["(< Y0 Y0)"], UNSAT),
    "no float32 between": (["(>= X0 0.1)", "(<= X0 0.1)", "(>= Y0 0.0)"], UNKNOWN),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("version", [1, 2])
def test_known_answers_in_both_versions(name: str, version: int, folder: Path) -> None:
    assertions, expected = ASKED[name]
    answer = answered(network(folder), written(version, [*UNIT, *assertions]))
    assert answer.verdict == expected
    assert (answer.refuted == answer.cases) == (expected == UNSAT)


def satisfied(rng: np.random.Generator) -> list[str]:
    """Assertions that hold at a random input and its output; several are tight there."""
    x = rng.integers(0, 9, 3) / 8
    y = x @ WEIGHT
    out = []
    for i, value in enumerate(x.tolist()):
        out += [f"(>= X{i} {value - rng.integers(2) / 8})", f"(<= X{i} {value + rng.integers(1, 3) / 8})"]
    for j, value in enumerate(y.tolist()):
        low, high = f"(>= Y{j} {value - 1 / 64})", f"(<= Y{j} {value + 1 / 64})"
        other = f"(or (>= Y{j} 99.0) {high})"
        out += [low, high if rng.random() < 0.5 else other]
    strict = f"(< {rng.choice(['Y0', 'Y1'])} 9.0)"
    return [*out, strict]


def wrongly_answered(model: OnnxModel, count: int = 15) -> int:
    """How many queries with a known solution are called unsat, or are refused."""
    rng = np.random.default_rng(5)
    texts = [written(1 + n % 2, satisfied(rng)) for n in range(count)]
    return sum(_wrong(model, text) for text in texts)


def _wrong(model: OnnxModel, text: str) -> bool:
    try:
        return verify(model, query(text), time.perf_counter() + 20.0).verdict == UNSAT
    except CertrnnError:
        return True


def test_what_has_a_solution_is_never_refuted(folder: Path) -> None:
    assert wrongly_answered(network(folder), 40) == 0


def _read_as(patch: pytest.MonkeyPatch, swaps: dict[str, str]) -> None:
    def comparison(name: str, *parts: Any) -> formulas.Comparison:
        return formulas.Comparison(swaps.get(name, name), *parts)

    patch.setattr(terms, "Comparison", comparison)


def _and_or(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(terms, "Junction", lambda name, parts: formulas.Junction("and", parts))


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "<= read as >=": lambda patch: _read_as(patch, {"<=": ">="}),
    ">= read as <=": lambda patch: _read_as(patch, {">=": "<="}),
    "or read as and": _and_or,
    "negation forgotten": lambda patch: patch.setattr(formulas.Linear, "__neg__", lambda self: self),
    "boxes rounded inwards by far": lambda patch: patch.setattr(
        "certrnn.vnnlib.cases.up", lambda number: up(number - Fraction(3, 16))
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_refute_what_has_a_solution(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(folder)
    PLANTED[name](monkeypatch)
    assert wrongly_answered(model) > 0


def test_strictness_lost_in_a_proof_is_caught_by_exact_evaluation(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the border what is written decides; only where reading itself forgets strictness, the border is a solution."""
    text, literal = written(2, [*UNIT, "(> (+ X0 X1) 2.0)"]), disjuncts.Literal
    monkeypatch.setattr(disjuncts, "Literal", lambda form, strict: literal(form, False))
    assert answered(network(folder), text).verdict == UNKNOWN
    _read_as(monkeypatch, {">": ">="})
    assert answered(network(folder), text).verdict == SAT


HEADS = {
    ("Softmax", "(>= Y0 Y1)"): SAT,
    ("Softmax", "(>= Y1 (* 1.0 Y0))"): SAT,
    ("LogSoftmax", "(>= (- Y0 Y1) 4.0)"): UNSAT,
    ("LogSoftmax", "(>= (- Y0 Y1) 2.0)"): SAT,
    ("Sigmoid", "(<= Y0 0.5)"): SAT,
    ("Sigmoid", "(> Y1 Y0)"): SAT,
}


@pytest.mark.parametrize(("head", "assertion"), HEADS)
def test_comparisons_that_the_last_activation_keeps_are_answered(
    head: str, assertion: str, folder: Path
) -> None:
    answer = answered(network(folder, head), written(2, [*UNIT, assertion]))
    assert answer.verdict == HEADS[head, assertion]


@pytest.mark.parametrize(
    ("head", "assertion"),
    [
        ("Softmax", "(>= Y0 0.5)"),
        ("Softmax", "(>= Y0 (+ Y1 0.1))"),
        ("Softmax", "(>= Y0 (* 2.0 Y1))"),
        ("LogSoftmax", "(>= Y0 -1.0)"),
    ],
)
def test_what_the_last_activation_does_not_keep_is_refused(head: str, assertion: str, folder: Path) -> None:
    with pytest.raises(Unsupported, match=f"ends in {head}"):
        answered(network(folder, head), written(2, [*UNIT, assertion]))


def test_the_class_itself_is_refused(folder: Path) -> None:
    with pytest.raises(Unsupported, match="ends in ArgMax"):
        answered(network(folder, "ArgMax"), written(1, [*UNIT, "(>= Y0 1)"], outputs=1))


def test_queries_that_do_not_fit_are_refused(folder: Path) -> None:
    model = network(folder)
    for text in (written(1, UNIT, inputs=4), written(2, UNIT, inputs=4), written(2, UNIT, outputs=3)):
        with pytest.raises(InvalidInput, match="fitting"):
            answered(model, text)
    with pytest.raises(Unsupported, match=r"bounds of X\[0,2\].*no bound"):
        answered(model, written(2, UNIT[:-1]))


def test_a_query_without_time_is_timed_out(folder: Path) -> None:
    assert answered(network(folder), written(2, [*UNIT, "(>= Y0 3.0)"]), -1.0).verdict == TIMED_OUT


def test_coefficients_that_no_float_holds_are_rounded_to_the_safe_side(folder: Path) -> None:
    """1/3 as a decimal of 40 digits: rows are no multiples any more, and lie below what they stand for."""
    third = "0." + "3" * 40
    asked = query(written(2, [*UNIT, f"(>= (+ (* {third} Y0) (* 0.1234567890123456789 Y1)) 2.0)"]))
    (case,) = cases_of(asked, bind(network(folder), asked))
    form = case.conjunctions[0][0].form
    exact = {v.index: c for v, c in form.coefficients.items()}
    row, offset = case.spec.rows[0, 0].tolist(), float(case.spec.offset)
    scale = _scale(form)
    for x in torch.rand(50, 3, dtype=torch.float64).tolist():
        y = [
            sum(Fraction(w) * Fraction(v) for w, v in zip(column, x, strict=True))
            for column in WEIGHT.T.tolist()
        ]
        below = sum(Fraction(r) * v for r, v in zip(row, y, strict=True)) + Fraction(offset)
        assert below <= scale * (exact[0] * y[0] + exact[1] * y[1] + form.constant)
    assert Fraction(row[1]) != scale * exact[1]


def test_floats_enclose_fractions() -> None:
    for number in (
        Fraction(1, 10),
        Fraction(-1, 3),
        Fraction(2) ** 2000,
        -(Fraction(2) ** 2000),
        Fraction(1, 2),
    ):
        low, high = down(number), up(number)
        assert low <= number <= high
        assert high <= math.nextafter(low, math.inf)


@cache
def digits() -> tuple[OnnxModel, np.ndarray, int]:
    import certrnn
    from certrnn.examples import resolve

    with np.load(resolve("example:digits")) as data:
        return certrnn.load("example:digits_rnn").network, data["x"][0], int(data["y"][0])


def robustness(version: int, eps: float) -> str:
    _, x, label = digits()
    if version == 1:
        lines = [f"(declare-const {n}_{i} Real)" for n, size in (("X", 64), ("Y", 10)) for i in range(size)]
        names = [f"X_{i}" for i in range(64)], [f"Y_{j}" for j in range(10)]
    else:
        lines = ["(vnnlib-version <2.0>)"]
        lines += ["(declare-network f (declare-input X real [1,8,8]) (declare-output Y real [1,10]))"]
        names = [f"X[0,{i // 8},{i % 8}]" for i in range(64)], [f"Y[0,{j}]" for j in range(10)]
    for name, value in zip(names[0], x.reshape(-1).tolist(), strict=True):
        lines.append(f"(assert (<= {name} {value + eps!r}))\n(assert (>= {name} {value - eps!r}))")
    wrong = " ".join(f"(>= {names[1][j]} {names[1][label]})" for j in range(10) if j != label)
    return "\n".join([*lines, f"(assert (or {wrong}))"])


@pytest.mark.parametrize(("eps", "expected"), [(0.004, UNSAT), (0.4, SAT)])
@pytest.mark.parametrize("version", [1, 2])
def test_robustness_of_a_recurrent_network(version: int, eps: float, expected: str) -> None:
    model, x, label = digits()
    answer = answered(model, robustness(version, eps))
    assert answer.verdict == expected
    if answer.assignment is not None:
        moved = answer.assignment.inputs.reshape(1, 8, 8)
        assert np.abs(moved - x).max() <= eps + 1e-6
        assert model.run_onnxruntime(moved).argmax() != label
        assert np.array_equal(model.run_onnxruntime(moved)[0], answer.assignment.outputs)


def test_regions_hold_the_inputs_that_queries_allow() -> None:
    """Row-major inputs, frame after frame, each rounded outwards."""
    model, x, _ = digits()
    asked = parse(Source(Path("q"), robustness(2, 0.1)))
    for case in cases_of(asked, bind(model, asked)):
        assert isinstance(case.region, Box)
        for index, ends in enumerate(case.ranges):
            frame, feature = divmod(index, 8)
            low, high = case.region.lower[0, frame, feature], case.region.upper[0, frame, feature]
            assert ends.low is not None
            assert ends.high is not None
            assert Fraction(float(low)) <= ends.low < ends.high <= Fraction(float(high))
            assert float(low) <= float(x[frame, feature]) <= float(high)
    assert replace(asked, network=None).network is None
