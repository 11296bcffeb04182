"""Norms, radii, word sets and other demands from the library's front door and the command, attacks beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import certrnn
from certrnn.certification.options import specification, threat_model
from certrnn.cli import certify_main
from certrnn.errors import CertrnnError, InvalidInput, Unsupported, UsageError
from certrnn.examples import resolve
from certrnn.io.data.threats import read_radii, read_substitutes
from certrnn.model import Model

DATA = np.load(resolve("example:digits"))
X, Y = DATA["x"][:3], DATA["y"][:3]


@pytest.fixture(scope="module")
def digits() -> Model:
    return certrnn.load("example:digits_rnn")


def answers_every_frame(folder: Path, last: str = "") -> Path:
    """A GRU with a linear head on every frame: (N, T, 3) to (N, T, 2)."""
    rng = np.random.default_rng(0)
    shapes = {"W": (1, 12, 3), "R": (1, 12, 4), "V": (4, 2)}
    weights = [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in shapes.items()]
    axis = numpy_helper.from_array(np.array([1]), "axis")
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("GRU", ["t", "W", "R"], ["h"], hidden_size=4),
        helper.make_node("Squeeze", ["h", "axis"], ["s"]),
        helper.make_node("Transpose", ["s"], ["b"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["b", "V"], ["l"]),
        helper.make_node(last or "Identity", ["l"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "frames", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "frames", 2])
    graph = helper.make_graph(nodes, "tagger", [x], [y], [*weights, axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "tagger.onnx"))
    return folder / "tagger.onnx"


def test_smaller_balls_are_certified_farther(digits: Model) -> None:
    norms = [
        certrnn.NormBall(),
        certrnn.NormBall("2"),
        certrnn.NormBall("1"),
        certrnn.NormBall("2", joint=True),
    ]
    found = [
        digits.radius(X, Y, frames=[6, 7], method="zonotope", threat=norm, attack=False) for norm in norms
    ]
    inf, two, one, joint = (results.column("eps_certified") for results in found)
    assert bool((inf < two).all() and (two < one).all() and (two < joint).all())
    assert [results.threat for results in found] == ["l-inf", "l2", "l1", "l2 over the sequence"]
    assert found[1].as_json()["threat"] == "l2"


@pytest.mark.parametrize("norm", ["2", "1"])
def test_attacks_and_certificates_do_not_contradict(digits: Model, norm: str) -> None:
    rows = digits.radius(
        X[:1], Y[:1], frames=[5, 6, 7], clip=(0, 1), threat=certrnn.NormBall(norm, joint=True)
    )
    assert [row.verdict for row in rows] == ["certified"]
    assert all(row.eps_attacked is not None and row.ratio is not None and row.ratio < 1 for row in rows)


def test_radii_are_units_of_features(digits: Model) -> None:
    balls = certrnn.NormBall(), certrnn.NormBall(radii=np.full((8, 8), 2.0))
    plain, wide = (
        digits.radius(X, Y, frames="all", method="zonotope", attack=False, rel_tol=0.01, threat=ball)
        for ball in balls
    )
    assert np.allclose(plain.column("eps_certified"), 2.0 * wide.column("eps_certified"), rtol=0.03)
    with pytest.raises(InvalidInput, match="a radius for each of 8 frames of 8 features"):
        digits.radius(X, Y, threat=certrnn.NormBall(radii=np.ones(5)))


def words(count: int, spread: float) -> dict[tuple[int, int], np.ndarray]:
    rng = np.random.default_rng(1)
    return {(s, p): X[s, p] + spread * rng.normal(size=(count, 8)) for s in range(3) for p in (2, 5, 6)}


def test_word_sets_are_enumerated_where_they_are_small(digits: Model) -> None:
    mild = digits.certify(X, Y, frames="all", threat=digits.substitution(words(3, 0.02)))
    assert [(row.verdict, row.method, row.eps) for row in mild] == [("certified", "enumeration", 1.0)] * 3
    wild = digits.certify(X, Y, frames="all", threat=digits.substitution(words(12, 3.0)))
    assert {row.verdict for row in wild} == {"falsified"}
    large = digits.certify(X, Y, frames="all", threat=digits.substitution(words(30, 0.004)))
    assert [(row.verdict, row.method) for row in large] == [("certified", "zonotope")] * 3


def test_one_frame_of_a_word_set_is_its_own_threat(digits: Model) -> None:
    own = {place: vectors for place, vectors in words(5, 0.01).items() if place[0] == 0}
    rows = digits.certify(X[:1], Y[:1], frames=[2], threat=digits.substitution(own))
    assert [(row.frames, row.verdict) for row in rows] == [([2], "certified")]


def test_other_demands_than_the_label(digits: Model) -> None:
    once = {"frames": "all", "method": "zonotope", "attack": False}
    strict = digits.radius(X, Y, **once).column("eps_certified")
    for label, row in zip(Y.tolist(), range(3), strict=True):
        either = certrnn.Accept(tuple(sorted({label, (label + 1) % 10})))
        loose = digits.radius(X[row], [label], **once, specification=either)
        assert loose[0].eps_certified is not None
        assert loose[0].eps_certified >= strict[row]
        assert loose.specification.startswith("the answer stays")
    never = digits.certify(
        X, Y, eps=0.02, frames="all", specification=certrnn.Accept((int(Y[0]),), never=True)
    )
    assert never[0].verdict == "misclassified"
    far = digits.certify(X, Y, eps=0.001, frames="all", specification=certrnn.Threshold(-1e6, 1e6))
    assert [(row.verdict, row.label, row.prediction) for row in far] == [
        ("certified", y, y) for y in Y.tolist()
    ]
    near = digits.certify(X, Y, eps=0.5, frames="all", specification=certrnn.Threshold(-1e6, 5.0))
    assert {row.verdict for row in near} <= {"falsified", "unknown", "misclassified"}


def test_a_label_for_every_frame(tmp_path: Path) -> None:
    model = certrnn.load(answers_every_frame(tmp_path, "Softmax"))
    x = np.random.default_rng(2).normal(size=(4, 5, 3)).astype(np.float32)
    own = model.certify(x, eps=1e-3, frames="all")
    assert {(row.label, row.prediction) for row in own} == {(5, 5)}
    assert "certified" in own.counts()
    scores = model.network.run_onnxruntime(x).reshape(4, 5, 2)
    labels = scores.argmax(axis=2)
    labels[:, 0] = -1
    asked = model.certify(x, labels, eps=1e-3, frames="all")
    assert {(row.label, row.prediction) for row in asked} == {(4, 4)}
    labels[0, 3] = 1 - labels[0, 3]
    wrong = model.certify(x, labels, eps=1e-3, frames="all")
    assert wrong[0].verdict == "misclassified"
    assert (wrong[0].label, wrong[0].prediction) == (4, 3)
    broken = model.certify(x, eps=3.0, frames="all")
    assert {row.verdict for row in broken} == {"falsified"}
    with pytest.raises(InvalidInput, match="a label for each of the network's 5 answers"):
        model.certify(x, [0, 1, 0, 1])
    with pytest.raises(UsageError, match="answers once a sample"):
        model.certify(x, specification=certrnn.Accept((0,)))
    with pytest.raises(Unsupported, match="a network that ends in Softmax"):
        model.certify(x, specification=certrnn.Threshold(0.0, 1.0))


def substitutes(folder: Path, lines: list[Any]) -> str:
    path = folder / "words.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return str(path)


def test_the_command_takes_them_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["example:digits_rnn", "--data", "example:digits", "--samples", "0", "--frames", "all", "--json"]
    radii = tmp_path / "radii.csv"
    radii.write_text("1,1,1,0,0,1,1,1\n")
    given = [{"sample": 0, "position": 3, "substitutes": X[1, 3:5].tolist()}]
    for options, threat, demanded in (
        (["--norm", "2", "--joint", "--eps", "0.01"], "l2 over the sequence", ""),
        (["--norm", "1", "--radii", str(radii), "--eps", "0.01"], "l1, a radius each feature", ""),
        (["--words", substitutes(tmp_path, given)], "word substitution", ""),
        (["--target", "3", "--eps", "0.01"], "l-inf", "the answer never becomes 3"),
        (["--accept", "7,1", "--eps", "0.01"], "l-inf", "the answer stays 1, 7"),
        (["--threshold", "-inf", "1e3", "--eps", "0.01"], "l-inf", "-inf < output < 1000"),
    ):
        code = certify_main([*common, *options])
        document = json.loads(capsys.readouterr().out)
        assert (document["threat"], document["specification"]) == (threat, demanded)
        assert code in (0, 1, 4)
        assert document["rows"][0]["verdict"] in ("certified", "falsified", "unknown")


@pytest.mark.parametrize(
    "options",
    [
        ["--norm", "3"],
        ["--joint"],
        ["--target", "1", "--accept", "2"],
        ["--target", "10"],
        ["--accept", "one"],
        ["--threshold", "2", "1"],
        ["--words", "w.jsonl", "--eps", "0.1"],
        ["--words", "w.jsonl", "--norm", "2"],
        ["--words", "w.jsonl", "--rel-tol", "0.1"],
    ],
)
def test_options_that_make_no_sense_exit_with_2(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert certify_main(["example:digits_rnn", "--data", "example:digits", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        '{"sample": 0, "position": 1}',
        '{"sample": -1, "position": 1, "substitutes": [[1]]}',
        '{"sample": 0, "position": true, "substitutes": [[1]]}',
        '{"sample": 0, "position": 1, "substitutes": []}',
        '{"sample": 0, "position": 1, "substitutes": [[1], [1, 2]]}',
        '{"sample": 0, "position": 1, "substitutes": [[1], ["a"]]}',
        '{"sample": 0, "position": 1, "substitutes": [[NaN]]}',
        '{"sample": 0, "position": 1, "substitutes": [[1e999]]}',
        '{"sample": 0, "position": 1, "substitutes": [[1]]}\n{"sample": 0, "position": 1, "substitutes": [[2]]}',
        "",
    ],
)
def test_damaged_substitutes_are_refused_in_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidInput, match=r"w\.jsonl"):
        read_substitutes(path)


@pytest.mark.parametrize("text", ["", "a b", "1 2\n3", "nan,1", "-1,2"])
def test_damaged_radii_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "radii.txt"
    path.write_text(text)
    with pytest.raises(CertrnnError, match="radii"):
        threat_model(radii=read_radii(path))


def test_words_must_be_the_network_s(digits: Model) -> None:
    with pytest.raises(InvalidInput, match="looks no words up"):
        digits.substitution({(0, 1): np.array([3, 4])})
    with pytest.raises(InvalidInput, match="vectors have 8 features"):
        digits.certify(X, Y, threat=digits.substitution({(0, 1): np.ones((2, 5))}))
    with pytest.raises(InvalidInput, match=r"its words 0\.\.7"):
        digits.certify(X, Y, threat=digits.substitution({(0, 8): np.ones((2, 8))}))


def test_one_thing_is_asked_at_a_time() -> None:
    with pytest.raises(UsageError, match="one thing is asked for"):
        specification(target=1, threshold=(0.0, 1.0))
    assert specification(accept=[2, 0, 2]).name == "the answer stays 0, 2"
