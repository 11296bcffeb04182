"""What a network does with its words before it looks them up, and beside: arithmetic, several tables, masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

import certrnn
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.domains.points import evaluate
from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel, read
from certrnn.io.onnx.marks import WordClasses
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.tensors import Known
from tests.io.onnx_models import model, node, saved

WORDS, FRAMES = 7, 4
RANDOM = np.random.default_rng(3)
NUMBERS: dict[str, Any] = {
    "table": RANDOM.standard_normal((WORDS, 3)).astype(np.float32),
    "other": RANDOM.standard_normal((3, 2)).astype(np.float32),
    "W": RANDOM.standard_normal((1, 20, 3)).astype(np.float32),
    "R": RANDOM.standard_normal((1, 20, 5)).astype(np.float32),
    "V": RANDOM.standard_normal((5, 3)).astype(np.float32),
    **{
        name: np.int64(value)
        for name, value in {"0": 0, "1": 1, "3": 3, "size": WORDS, "last": WORDS - 1}.items()
    },
    "five": np.int64(5),
}
LSTM = [
    node("Transpose", ["vectors"], "xt", perm=[1, 0, 2]),
    helper.make_node("LSTM", ["xt", "W", "R"], ["", "hidden"], hidden_size=5),
    node("Squeeze", ["hidden", "axis"], "flat"),
    node("MatMul", ["flat", "V"], "scores"),
]
ARITHMETIC: dict[str, list[onnx.NodeProto]] = {
    "negative words wrap": [
        node("Less", ["x", "0"], "negative"),
        node("Cast", ["negative"], "by", to=TensorProto.INT64),
        node("Mul", ["by", "size"], "shift"),
        node("Add", ["x", "shift"], "row"),
    ],
    "keras": [
        node("Add", ["x", "size"], "added"),
        node("Cast", ["x"], "real", to=TensorProto.FLOAT),
        node("Less", ["real", "zero"], "negative"),
        node("Where", ["negative", "added", "x"], "row"),
    ],
    "rare words are one": [node("Less", ["x", "3"], "few"), node("Where", ["few", "x", "last"], "row")],
    "clipped": [node("Clip", ["x", "1", "five"], "row")],
    "hashed": [node("Mul", ["x", "five"], "times"), node("Mod", ["times", "size"], "row")],
    "from one": [node("Sub", ["x", "1"], "row")],
    "to float and back": [
        node("Cast", ["x"], "real", to=TensorProto.FLOAT),
        node("Floor", ["real"], "floored"),
        node("Cast", ["floored"], "row", to=TensorProto.INT64),
    ],
    "moved": [node("Transpose", ["x"], "turned"), node("Transpose", ["turned"], "row")],
}


def network(folder: Path, nodes: list[onnx.NodeProto], shape: tuple[Any, ...] = ("N", FRAMES)) -> OnnxModel:
    numbers = {**NUMBERS, "axis": np.array([0]), "zero": np.float32(0.0)}
    return read(saved(folder, model(nodes, numbers, shape, kind=TensorProto.INT64)))


def theirs(found: OnnxModel, words: np.ndarray) -> np.ndarray:
    """The whole file in onnxruntime, one text at a time."""
    session = onnxruntime.InferenceSession(str(found.path))
    return np.concatenate([session.run(None, {"x": words[k : k + 1]})[0] for k in range(len(words))])


def ours(found: OnnxModel, words: np.ndarray) -> np.ndarray:
    """The graph on the vectors of each text, told which of its words are masked."""
    scores = []
    for text in words:
        vectors = found.embed(text[None])
        graph = found.at_marks(found.marks_of(text)).graph((len(text), vectors.shape[2]))
        scores.append(evaluate(graph, torch.from_numpy(vectors)).numpy())
    return np.concatenate(scores)


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_before_the_table_is_tabulated(name: str, tmp_path: Path) -> None:
    found = network(tmp_path, [*ARITHMETIC[name], node("Gather", ["table", "row"], "vectors"), *LSTM])
    check_against_onnxruntime(found, (FRAMES, 3))
    table = found.embedding
    assert table is not None
    words = np.random.default_rng(0).integers(table.least, len(table.table), size=(30, FRAMES))
    np.testing.assert_allclose(ours(found, words), theirs(found, words), atol=1e-5)
    np.testing.assert_allclose(found.run_onnxruntime(found.embed(words)), theirs(found, words), atol=1e-6)


def test_words_that_some_table_does_not_have_are_refused(tmp_path: Path) -> None:
    nodes = [node("Add", ["x", "3"], "row"), node("Gather", ["table", "row"], "vectors"), *LSTM]
    found = network(tmp_path, nodes)
    found.embed(np.full((1, FRAMES), WORDS - 4))
    with pytest.raises(InvalidInput, match=r"numbers from \d+ to 3"):
        found.embed(np.full((1, FRAMES), WORDS - 3))


def test_several_tables_are_one_vector_a_word(tmp_path: Path) -> None:
    nodes = [
        node("Mod", ["x", "3"], "kind"),
        node("Gather", ["table", "x"], "first"),
        node("Gather", ["other", "kind"], "second"),
        node("Concat", ["first", "second"], "both", axis=2),
        node("Slice", ["both", "from", "to", "along"], "vectors"),
        *LSTM,
    ]
    numbers = {
        **NUMBERS,
        "axis": np.array([0]),
        "from": np.array([2]),
        "to": np.array([5]),
        "along": np.array([2]),
    }
    found = read(saved(tmp_path, model(nodes, numbers, ("N", "T"), kind=TensorProto.INT64)))
    check_against_onnxruntime(found, (FRAMES, 5))
    table = found.embedding
    assert table is not None
    expected = np.concatenate([NUMBERS["table"], NUMBERS["other"][np.arange(WORDS) % 3]], axis=1)
    assert np.array_equal(table.table, expected.astype(np.float64))


def test_one_hot_vectors_of_words_are_a_table(tmp_path: Path) -> None:
    nodes = [
        node("OneHot", ["x", "size", "values"], "hot"),
        node("MatMul", ["hot", "table"], "vectors"),
        *LSTM,
    ]
    numbers = {**NUMBERS, "axis": np.array([0]), "values": np.array([0, 2], dtype=np.float32)}
    found = read(saved(tmp_path, model(nodes, numbers, ("N", FRAMES), kind=TensorProto.INT64)))
    check_against_onnxruntime(found, (FRAMES, WORDS))
    words = np.random.default_rng(0).integers(-WORDS, WORDS, size=(20, FRAMES))
    np.testing.assert_allclose(ours(found, words), theirs(found, words), atol=1e-5)
    assert np.array_equal(found.embed(words[:1])[0, 0], 2 * np.eye(WORDS)[words[0, 0]])


def test_words_transposed_before_the_table_run_together(tmp_path: Path) -> None:
    """Torch's layers take time first unless told otherwise: the commonest text network."""
    nodes = [
        node("Transpose", ["x"], "turned", perm=[1, 0]),
        node("Gather", ["table", "turned"], "xt"),
        *LSTM[1:],
    ]
    found = network(tmp_path, nodes, ("N", "T"))
    check_against_onnxruntime(found, (5, 3))
    for frames in (1, 5):
        words = np.random.default_rng(1).integers(0, WORDS, size=(5, frames))
        assert np.allclose(found.run_onnxruntime(found.embed(words)), theirs(found, words), atol=1e-6)


def test_a_text_fills_a_fixed_batch(tmp_path: Path) -> None:
    nodes = [node("Gather", ["table", "x"], "vectors"), *LSTM]
    found = network(tmp_path, nodes, (3, FRAMES))
    check_against_onnxruntime(found, (FRAMES, 3))
    words = np.array([[1, 2, 3, 4], [0, 6, 6, 1]])
    session = onnxruntime.InferenceSession(str(found.path))
    rows = session.run(None, {"x": np.array([*words, words[0]])})[0]
    np.testing.assert_allclose(ours(found, words), rows[:2], atol=1e-5)


REFUSED: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "two words": (
        [
            node("Slice", ["x", "1s", "4s", "1s"], "later"),
            node("Slice", ["x", "0s", "3s", "1s"], "before"),
            node("Add", ["later", "before"], "row"),
        ],
        "a function of one word",
    ),
    "joined with numbers": ([node("Concat", ["x", "rows"], "row", axis=1)], "looked up in constant tables"),
    "many values": (
        [
            node("Cast", ["x"], "real", to=TensorProto.FLOAT),
            node("ReduceSum", ["real"], "sum", keepdims=1),
            node("Gather", ["table", "x"], "looked"),
            node("Mul", ["looked", "sum"], "vectors"),
        ],
        "at most 4 values",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_function_of_one_word_is_refused_by_name(name: str, tmp_path: Path) -> None:
    nodes, match = REFUSED[name]
    made = {output for one in nodes for output in one.output}
    gather = [] if "vectors" in made else [node("Gather", ["table", "row"], "vectors")]
    numbers = {**NUMBERS, "axis": np.array([0]), "rows": np.array([[1]])}
    numbers |= {f"{k}s": np.array([k]) for k in (0, 1, 3, 4)}
    found = read(
        saved(tmp_path, model([*nodes, *gather, *LSTM], numbers, ("N", FRAMES), kind=TensorProto.INT64))
    )
    with pytest.raises(Unsupported, match=match):
        check_against_onnxruntime(found, (FRAMES, 3))


def test_wrong_arithmetic_on_one_word_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted error: one word of many is looked up in another row."""
    nodes = [*ARITHMETIC["hashed"], node("Gather", ["table", "row"], "vectors"), *LSTM]
    found, correct = network(tmp_path, nodes), OPERATORS["Mod"]

    def wrong(context: Any) -> list[Any]:
        (result,) = correct(context)
        assert isinstance(result, Known)
        array = result.array.copy()
        array[:, array.shape[1] // 2 + 4] = 0
        return [Known(array)]

    monkeypatch.setitem(OPERATORS, "Mod", wrong)
    with pytest.raises(Unsupported, match=r"reading tensor 'row'.*same numbers from words"):
        check_against_onnxruntime(found, (FRAMES, 3))


# ---- masks


def masked(folder: Path, shape: tuple[Any, ...] = ("N", FRAMES)) -> Path:
    """The mean of the words that are not 0, then an LSTM that such words do not reach."""
    nodes = [
        node("Equal", ["x", "0"], "padding"),
        node("Not", ["padding"], "own"),
        node("Cast", ["own"], "weights", to=TensorProto.FLOAT),
        node("ReduceSum", ["weights", "one"], "count", keepdims=1),
        node("Unsqueeze", ["count", "one"], "counts"),
        node("Unsqueeze", ["weights", "two"], "mask"),
        node("Gather", ["table", "x"], "looked"),
        node("Mul", ["looked", "mask"], "kept"),
        node("Div", ["kept", "counts"], "vectors"),
        *LSTM,
    ]
    numbers = {**NUMBERS, "axis": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    return saved(folder, model(nodes, numbers, shape, kind=TensorProto.INT64))


TEXTS = np.array([[3, 1, 2, 6], [5, 0, 0, 0], [4, 2, 0, 0], [1, 0, 6, 0]])


def test_masks_are_those_of_each_texts_own_words(tmp_path: Path) -> None:
    found = read(masked(tmp_path))
    np.testing.assert_allclose(ours(found, TEXTS), theirs(found, TEXTS), atol=1e-5)
    assert len({found.marks_of(text) for text in TEXTS}) == 4
    for text in TEXTS:
        check_against_onnxruntime(found.at_marks(found.marks_of(text)), (FRAMES, 3))


def test_no_vectors_within_a_certified_radius_change_a_masked_networks_answer(tmp_path: Path) -> None:
    network = certrnn.load(masked(tmp_path))
    rows = network.radius(TEXTS, frames="all", rel_tol=0.2)
    random = np.random.default_rng(0)
    for row, text in zip(rows, TEXTS, strict=True):
        assert row.verdict == "certified"
        assert row.eps_certified is not None
        assert row.eps_attacked is None or row.eps_attacked > row.eps_certified
        told = network.network.at_marks(network.network.marks_of(text))
        x = told.embed(np.repeat(text[None], 100, axis=0))
        x += row.eps_certified * random.choice([-1.0, 1.0], size=x.shape)
        assert (told.run_onnxruntime(x).argmax(axis=1) == row.prediction).all()
    assert any("masks" in note for note in rows.notes)


def test_words_of_another_class_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted error: every word counts as padding, or none does."""
    found = read(masked(tmp_path))
    marks = found.marks_of(TEXTS[2])
    monkeypatch.setattr(WordClasses, "of_words", lambda self, words: tuple(0 for _ in words))
    with pytest.raises(Unsupported, match="words and their vectors give the same scores"):
        check_against_onnxruntime(found.at_marks(marks), (FRAMES, 3), samples=30)


def test_a_substitute_that_the_network_masks_is_refused(tmp_path: Path) -> None:
    network = certrnn.load(masked(tmp_path))
    asked = network.substitution({(0, 1): np.array([4, 5])})
    assert network.certify(TEXTS[:1], frames="all", threat=asked)[0].verdict in ("certified", "falsified")
    with pytest.raises(InvalidInput, match="masks a substitute where it masks the word"):
        network.certify(TEXTS[:1], frames="all", threat=network.substitution({(0, 1): np.array([4, 0])}))


def test_counterexamples_of_masked_texts_replay(tmp_path: Path) -> None:
    network = certrnn.load(masked(tmp_path))
    results, found = network.attack(TEXTS, eps=3.0)
    assert any(row.verdict == "falsified" for row in results.rows)
    (tmp_path / "found.npz").write_bytes(found.content(network.precision))
    assert all(row.reason == "" for row in network.replay(str(tmp_path / "found.npz")).rows)


def test_a_table_of_another_type_is_fed_in_it(tmp_path: Path) -> None:
    nodes = [node("Gather", ["half", "x"], "looked"), node("Cast", ["looked"], "vectors", to=1), *LSTM]
    numbers = {**NUMBERS, "axis": np.array([0]), "half": NUMBERS["table"].astype(np.float16)}
    found = read(saved(tmp_path, model(nodes, numbers, ("N", FRAMES), kind=TensorProto.INT64)))
    check_against_onnxruntime(found, (FRAMES, 3))


def test_a_network_of_a_mask_alone_is_refused(tmp_path: Path) -> None:
    nodes = [
        node("Equal", ["x", "0"], "padding"),
        node("Cast", ["padding"], "real", to=TensorProto.FLOAT),
        node("MatMul", ["real", "head"], "scores"),
    ]
    numbers = {**NUMBERS, "head": np.ones((FRAMES, 2), dtype=np.float32)}
    found = read(saved(tmp_path, model(nodes, numbers, ("N", FRAMES), kind=TensorProto.INT64)))
    with pytest.raises(Unsupported, match="looked up in constant tables"):
        check_against_onnxruntime(found, (FRAMES, 3))
