"""Every attack on every threat model and specification: whatever it finds is replayed from its file, and confirmed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn
from certrnn.attacks import NAMED
from certrnn.certification import Query
from certrnn.errors import InvalidInput, UsageError
from certrnn.falsification.counterexamples import Counterexamples
from certrnn.falsification.query import AttackQuery, usual
from certrnn.results.attacks import AttackResults
from certrnn.threats import Accept, Labels, NormBall, Specification, ThreatModel, Threshold

MODEL = certrnn.load("example:digits_rnn")
SAMPLES = MODEL.read("example:digits").take([1, 3])  # radii and words of a sample go by its number
CHANCE = np.random.default_rng(0)
THREATS: dict[str, ThreatModel] = {
    "l-inf": NormBall(),
    "l2 a frame": NormBall("2"),
    "l2 jointly": NormBall("2", joint=True),
    "l1": NormBall("1"),
    "radii": NormBall(radii=np.arange(8.0)),
    "radii a sample": NormBall("2", True, CHANCE.uniform(0.1, 2.0, (4, 8, 8))),
    "words": MODEL.substitution({(n, 7): CHANCE.uniform(-9.0, 9.0, (9, 8)) for n in (1, 3)}),
}
SPECIFICATIONS: dict[str, Specification] = {
    "label": Labels(),
    "accept": Accept((5, 7, 9)),
    "target": Accept((8,), never=True),
    "threshold": Threshold(-9.0, 9.0),
}
EMBEDDED = ("words",)
"""Attacks that need a network with an embedding: see tests/attacks/test_words.py."""


def attacked(name: str, threat: ThreatModel, held: Specification, eps: float | None) -> AttackResults:
    asked = 1.0 if threat.name == "word substitution" else eps
    query = Query(None if asked is None else (asked,), "6-7", threat=threat, specification=held)
    job = MODEL.job(SAMPLES, AttackQuery(name, query))
    return job.collect([row for some in MODEL.stream(SAMPLES, job.query) for row in some])


def confirmed(results: AttackResults, tmp_path: Path) -> int:
    """How many counterexamples there are, each of them read back from a file and held against its region."""
    found = Counterexamples.of(results)
    assert len(found.members) == sum(row.verdict == "falsified" for row in results.rows)
    path = tmp_path / "found.npz"
    path.write_bytes(found.content(np.float32))
    read = Counterexamples.read(str(path))
    assert [row.reason for row in read.replayed(MODEL.network, np.float32)] == [""] * len(found.members)
    for row, member in zip([r for r in results.rows if r.verdict == "falsified"], read.members, strict=True):
        x, center = (torch.from_numpy(part[None]) for part in (member.x, member.center))
        region = member.threat.region(
            [row.sample], center, torch.tensor([row.radius], dtype=torch.float64), member.frames, None
        )
        assert bool(region.contains(x)[0])
    return len(found.members)


@pytest.mark.parametrize("name", sorted({*NAMED} - {*EMBEDDED}))
def test_every_attack_knows_every_threat(name: str, tmp_path: Path) -> None:
    found = {t: confirmed(attacked(name, threat, Labels(), 3.0), tmp_path) for t, threat in THREATS.items()}
    assert found["l-inf"] > 0


@pytest.mark.parametrize("what", THREATS)
def test_the_usual_attack_succeeds_on_every_threat_and_specification(what: str, tmp_path: Path) -> None:
    threat = THREATS[what]
    name = usual(Query((1.0,), "all", threat=threat))
    found = 0
    for held in SPECIFICATIONS.values():
        results = attacked(name, threat, held, 30.0)
        some = confirmed(results, tmp_path)
        assert some > 0 or what == "words", held  # a few words need not break each of them
        found += some
    assert found > 0


@pytest.mark.parametrize("what", ["l2 jointly", "radii a sample"])
def test_the_smallest_radius_is_in_the_threats_own_norm(what: str, tmp_path: Path) -> None:
    threat = THREATS[what]
    results = attacked("pgd", threat, Labels(), None)
    assert confirmed(results, tmp_path) == 2
    for row in results.rows:
        nothing = attacked("pgd", threat, Labels(), 0.5 * (row.radius or 0.0))
        assert [r.verdict for r in nothing.rows if r.sample == row.sample] == ["unknown"]


def test_a_wider_region_is_tried_where_a_norm_needs_it() -> None:
    """With a valid range an attack that minimises its own distance looks at all of it, in any norm."""
    one = SAMPLES.take([0])
    results = [
        MODEL.attack(one, attack="saliency", clip=(0, 1), threat=threat, frames="all")[0].rows[0].l0
        for threat in (NormBall(), NormBall("1"), NormBall("2", joint=True))
    ]
    assert results[0] is not None
    assert results == [results[0]] * 3


def test_a_file_of_before_threats_is_the_l_inf_ball(tmp_path: Path) -> None:
    found = Counterexamples.of(attacked("pgd", NormBall(), Labels(), 3.0))
    with np.load(io.BytesIO(found.content(np.float32))) as file:
        old = {n: file[n] for n in file.files if n != "asked"}
    np.savez(tmp_path / "old.npz", **old)
    read = Counterexamples.read(str(tmp_path / "old.npz"))
    assert [row.reason for row in read.replayed(MODEL.network, np.float32)] == ["", ""]


def test_another_threat_or_demand_is_seen(tmp_path: Path) -> None:
    found = Counterexamples.of(attacked("pgd", NormBall("2", True), Labels(), 3.0))
    first = found.members[0]
    for other, reason in (
        (replace(first, threat=NormBall("1", joint=True)), "outside its region"),
        (replace(first, specification=Accept((first.label, first.answer))), "what must hold does"),
        (replace(first, specification=Accept((first.answer,))), "undisturbed, what must hold does not"),
    ):
        rows = replace(found, members=(other,)).replayed(MODEL.network, np.float32)
        assert reason in rows[0].reason


def test_two_targets_are_refused() -> None:
    with pytest.raises(UsageError, match="target"):
        MODEL.attack(SAMPLES, target=1, specification=Accept((1,)))


DEEP = "[" * 3000 + "]" * 3000
STRANGE = {
    "deeply nested": lambda asked: DEEP,
    "no object": lambda asked: "[]",
    "another type": lambda asked: json.dumps({**asked, "threat": {"kind": 5}}),
    "another norm": lambda asked: json.dumps({**asked, "threat": {**asked["threat"], "norm": "7"}}),
    "radii of another shape": lambda asked: json.dumps(
        {**asked, "threat": {**asked["threat"], "shape": [7], "radii": [1.0]}}
    ),
    "text for a truth": lambda asked: json.dumps({**asked, "threat": {**asked["threat"], "joint": "x"}}),
    "numbers beyond numbers": lambda asked: json.dumps(
        {**asked, "specification": {"kind": "threshold", "high": 10**400}}
    ),
    "requirements that are none": lambda asked: json.dumps({**asked, "required": ["a"]}),
    "requirements beyond whole numbers": lambda asked: json.dumps({**asked, "required": [10**30]}),
    "a demand that does not exist": lambda asked: json.dumps({**asked, "specification": {"kind": "nothing"}}),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_file_that_asks_nonsense_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    found = Counterexamples.of(attacked("pgd", NormBall(), Labels(), 3.0))
    with np.load(io.BytesIO(found.content(np.float32))) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["asked"] = np.array([STRANGE[what](json.loads(str(text))) for text in arrays["asked"]])
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InvalidInput, match="a damaged one"):
        Counterexamples.read(str(tmp_path / "bad.npz"))


ALTERED = {
    "frames of padding": {"span": np.array([[7, 8], [7, 8]])},
    "a negative sample": {"sample": np.array([-5, 1])},
    "complex sequences": {"center": np.zeros((2, 8, 8), dtype=complex)},
    "lengths that are no whole numbers": {"lengths": np.array([8.0, 8.0])},
    "a range without ends": {"clip": np.array([-np.inf, np.inf])},
    "two names": {"attack": np.array(["a", "b"])},
}


@pytest.mark.parametrize("what", ALTERED)
def test_a_file_that_no_attack_writes_is_refused(what: str, tmp_path: Path) -> None:
    found = Counterexamples.of(attacked("pgd", NormBall(), Labels(), 3.0))
    with np.load(io.BytesIO(found.content(np.float32))) as file:
        arrays = {name: file[name] for name in file.files} | ALTERED[what]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InvalidInput, match="a damaged one"):
        Counterexamples.read(str(tmp_path / "bad.npz"))
