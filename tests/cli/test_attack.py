"""``certrnn attack`` on bundled networks and on words: what is found, written and replayed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import certrnn
from certrnn.attacks import NAMED
from certrnn.cli import main
from certrnn.examples import resolve
from certrnn.falsification.counterexamples import Counterexample, Counterexamples
from tests.cli.terminal import DIGITS, RNN, one_line
from tests.io.onnx_models import of_words

QUICK = ["attack", RNN, "--data", DIGITS, "--samples", "0:3", "--clip", "0", "1"]


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("attack") / "found.npz"
    assert main([*QUICK, "--out", str(file)]) == 0
    return file.read_bytes()


@pytest.fixture
def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "found.npz"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", [n for n in NAMED if n not in ("words", "substitution")])
def test_every_attack_by_name_finds_what_onnxruntime_confirms(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.npz"
    code, document = answered(capsys, *QUICK, "--attack", name, "--eps", "0.9", "--out", str(file))
    falsified = [row for row in document["rows"] if row["verdict"] == "falsified"]
    assert code == 1
    assert falsified
    assert document["attack"] == name
    network = certrnn.load(RNN).network
    with np.load(file, allow_pickle=False) as data:
        scores = network.run_onnxruntime(data["x"])
        moved = np.abs(data["x"].astype(np.float64) - data["center"].astype(np.float64))
    assert scores.argmax(axis=1).tolist() == [row["answer"] for row in falsified]
    for row, change in zip(falsified, moved, strict=True):
        assert row["answer"] != row["label"]
        assert change.max() == pytest.approx(row["linf"])
        assert np.linalg.norm(change) == pytest.approx(row["l2"])
        assert np.count_nonzero(change) == row["l0"]
        assert row["linf"] <= 0.9
    assert main(["attack", RNN, "--replay", str(file)]) == 0
    assert f"{len(falsified)} of {len(falsified)} counterexamples confirmed" in capsys.readouterr().out


def test_each_attack_is_best_in_the_distance_it_minimises(capsys: pytest.CaptureFixture[str]) -> None:
    means = {}
    for name in ("pgd", "cw-l2", "saliency"):
        code, document = answered(capsys, *QUICK, "--samples", "0:2", "--attack", name)
        assert code == 0
        rows = document["rows"]
        means[name] = {norm: sum(row[norm] for row in rows) / len(rows) for norm in ("linf", "l2", "l0")}
    assert min(means, key=lambda n: means[n]["linf"]) == "pgd"
    assert min(means, key=lambda n: means[n]["l2"]) == "cw-l2"
    assert min(means, key=lambda n: means[n]["l0"]) == "saliency"


def test_the_smallest_eps_is_the_one_that_certify_shows(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = answered(capsys, *QUICK)
    data = np.load(resolve(DIGITS))
    rows = certrnn.load(RNN).radius(data["x"][:3], data["y"][:3], frames="all", clip=(0, 1))
    found = [row["linf"] for row in document["rows"]]
    assert found == pytest.approx([row.eps_attacked for row in rows], rel=0.02)


def test_a_target_comes_out_and_its_own_samples_are_not_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    label = int(np.load(resolve(DIGITS))["y"][0])
    code, document = answered(capsys, *QUICK, "--target", str(label), "--attack", "cw-l2")
    rows = document["rows"]
    assert code == 0
    assert [row["sample"] for row in rows if row["verdict"] == "misclassified"] == [0]
    assert [row["answer"] for row in rows if row["verdict"] == "falsified"] == [label] * (len(rows) - 1)
    assert any(f"1 of 3 samples: class {label} is their answer" in note for note in document["notes"])


def test_nothing_found_is_no_statement(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answered(capsys, *QUICK, "--eps", "1e-6", "--frames", "0,2")
    assert code == 4
    assert {row["verdict"] for row in document["rows"]} == {"unknown"}
    assert {row["answer"] for row in document["rows"]} == {None}
    assert document["rows"][0]["frames"] == [0, 2]


def test_a_written_file_is_data_for_every_command(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["certify", RNN, "--data", str(written), "--frames", "all", "--eps", "0.01", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert code == 4
    assert {row["verdict"] for row in rows} == {"misclassified"}


def one_ulp_out(m: Counterexample) -> Counterexample:
    x = m.x.copy()
    place = np.unravel_index(np.abs(x - m.center).argmax(), x.shape)
    x[place] = np.nextafter(np.float32(x[place]), np.float32(np.sign(x[place] - m.center[place]) * 9))
    return replace(m, x=x, eps=float(np.abs(m.x - m.center).max()))


WRONG = {
    "one unit in the last place outside": (one_ulp_out, "outside its region"),
    "a radius that is too small": (lambda m: replace(m, eps=0.9 * m.eps), "outside its region"),
    "a frame that may not change": (lambda m: replace(m, frames=m.frames[1:]), "outside its region"),
    "no disturbance": (lambda m: replace(m, x=m.center), "answers the label"),
    "another label": (lambda m: replace(m, label=m.answer), "undisturbed"),
    "another target": (lambda m: replace(m, target=(m.answer + 1) % 10), "does not answer the target"),
    "words of a network without": (lambda m: replace(m, words=np.zeros(8, dtype=np.int64)), "no such words"),
    "numbers that the network does not read": (
        lambda m: replace(m, x=m.center + 0.999999 * (m.x - m.center)),
        "input numbers",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_counterexample_is_refuted(
    what: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, reason = WRONG[what]
    network = certrnn.load(RNN)
    read = Counterexamples.read(str(written))
    assert [row.reason for row in read.replayed(network.network, np.float32)] == [""] * len(read.members)
    first = change(read.members[0])
    rows = replace(read, members=(first,)).replayed(network.network, np.float32)
    assert reason in rows[0].reason
    written.write_bytes(replace(read, members=(first, *read.members[1:])).content(np.float64))
    if "words" not in what:  # a file holds words of all sequences or of none
        assert main(["attack", RNN, "--replay", str(written)]) == 1
        out = capsys.readouterr().out
        assert f"{len(read.members) - 1} of {len(read.members)} counterexamples confirmed" in out


def test_a_valid_range_belongs_to_the_region(written: Path) -> None:
    read = Counterexamples.read(str(written))
    outside = replace(read, clip=(0.0, 0.9)).replayed(certrnn.load(RNN).network, np.float32)
    assert any("outside its region" in row.reason for row in outside)


def test_the_file_of_another_network_says_so(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["attack", "example:digits_gru", "--replay", str(written)])
    assert "another sha256" in capsys.readouterr().out


def damaged() -> dict[str, bytes]:
    stream = io.BytesIO()
    np.savez(stream, x=np.zeros((1, 2, 3)))
    whole = stream.getvalue()
    return {"text": b"nothing", "another npz": whole, "cut off": whole[:-40]}


@pytest.mark.parametrize("what", damaged())
def test_a_file_that_is_none_is_refused(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.npz"
    file.write_bytes(damaged()[what])
    assert main(["attack", RNN, "--replay", str(file)]) == 3
    assert one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["attack", RNN], 2),
        ([*QUICK, "--attack", "nonsense"], 2),
        ([*QUICK, "--attack", "words"], 2),
        ([*QUICK, "--target", "10"], 2),
        ([*QUICK, "--eps", "-1"], 2),
        ([*QUICK, "--eps", "0.1", "--budget", "1"], 2),
        ([*QUICK, "--eps", "much"], 2),
        ([*QUICK, "--replay", "found.npz"], 2),
        (["attack", RNN, "--replay", "missing.npz"], 3),
        ([*QUICK, "--out", "missing/found.npz"], 2),
    ],
)
def test_options_without_sense_are_one_line(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert one_line(capsys.readouterr().err)


def test_the_help_names_every_attack(capsys: pytest.CaptureFixture[str]) -> None:
    main(["attack", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert [name for name in NAMED if name not in said] == []


def test_words_are_replaced_by_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data, out = tmp_path / "words.onnx", tmp_path / "data.npz", tmp_path / "found.npz"
    of_words(model, 40)
    words = np.random.default_rng(2).integers(0, 40, size=(5, 4))
    np.savez(data, x=words)
    arguments = ["attack", str(model), "--data", str(data), "--attack", "words", "--out", str(out)]
    code, document = answered(capsys, *arguments)
    assert code == 0
    network = certrnn.load(str(model)).network
    with np.load(out, allow_pickle=False) as file:
        replaced, samples = file["x"], file["sample"]
    falsified = {row["sample"]: row for row in document["rows"] if row["verdict"] == "falsified"}
    assert sorted(falsified) == samples.tolist()
    scores = network.run_onnxruntime_on_words(replaced)
    for row, sample in enumerate(samples.tolist()):
        changes = falsified[sample]["words"]
        assert changes
        assert [[t, int(words[sample, t]), int(replaced[row, t])] for t, _, _ in changes] == changes
        assert (replaced[row] != words[sample]).sum() == len(changes)
        assert scores[row].argmax() == falsified[sample]["answer"] != falsified[sample]["label"]
    assert main(["attack", str(model), "--replay", str(out)]) == 0
    read = Counterexamples.read(str(out))
    swapped = replace(read.members[0], words=(read.members[0].words + 1) % 40)  # type: ignore[operator]
    assert "words stand for" in replace(read, members=(swapped,)).replayed(network, np.float32)[0].reason


def test_from_python_rows_come_with_their_counterexamples() -> None:
    data = np.load(resolve(DIGITS))
    model = certrnn.load(RNN)
    results, found = model.attack(data["x"][:2], data["y"][:2], attack="cw-l2", clip=(0, 1))
    assert [row.verdict for row in results.rows] == ["falsified"] * 2
    assert [m.sample for m in found.members] == [0, 1]
    assert [row.reason for row in found.replayed(model.network, np.float32)] == ["", ""]
