"""What is changed in a certificate is rejected, or true all the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn
from certrnn.certificates.checker.check import Outcome
from certrnn.certificates.checker.claim import Certificate, Refused, at_least, read_certificate
from certrnn.certification import Query
from certrnn.domains import evaluate
from tests.certificates.written import DATA, certificates, certified, changed, checker

NAME = "example:digits_rnn"
EPS = 0.02


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Certificate]:
    folder = tmp_path_factory.mktemp("certificates")
    certified(NAME, Query((EPS,), "all", method="zonotope"), folder, range(3))
    found = certificates(folder)
    more = tmp_path_factory.mktemp("more")
    certified(NAME, Query((0.0273,), "all", method="alpha-crown"), more)
    return [*found, *certificates(more)]


Random = np.random.Generator


def _noisy(name: str) -> Callable[[Certificate, Random], Certificate]:
    def change(one: Certificate, random: Random) -> Certificate:
        found = changed(one)
        values = found.arrays.get(name, found.arrays["slopes"]).reshape(-1)
        chosen = random.integers(len(values), size=1 + int(random.integers(8)))
        values[chosen] += (random.normal(size=len(chosen)) * 10.0 ** random.uniform(-7, 3)).astype(np.float32)
        return found

    return change


def _eps(one: Certificate, random: Random) -> Certificate:
    eps = float(one.claim["threat"]["eps"])
    more = [math.nextafter(eps, 1.0), eps * 1.001, eps * 1.5, 10.0 * eps, eps / 2]
    return changed(
        one, threat={"norm": "inf", "eps": repr(float(random.choice(more))), "joint": False, "radii": None}
    )


def _label(one: Certificate, random: Random) -> Certificate:
    return changed(one, property={"kind": "label", "label": int(random.integers(10))})


def _sample(one: Certificate, random: Random) -> Certificate:
    return changed(one, sample=int(random.integers(50)))


def _frames(one: Certificate, random: Random) -> Certificate:
    return changed(one, frames=sorted({int(t) for t in random.integers(8, size=3)}))


def _property(one: Certificate, random: Random) -> Certificate:
    return changed(one, property={"kind": "accept", "classes": [int(c) for c in random.integers(10, size=2)]})


def _shorter(one: Certificate, random: Random) -> Certificate:
    found = changed(one)
    return found._replace(arrays={"slopes": found.arrays["slopes"][: int(random.integers(100))]})


CHANGES = [_noisy("slopes"), _noisy("planes"), _eps, _label, _sample, _frames, _property, _shorter]


def true(outcome: Outcome) -> bool:
    """Whether a claim holds at the corners of its region and at random members; a mark of truth, no proof."""
    claim = outcome.claim
    assert claim is not None
    model = certrnn.load(NAME)
    x = torch.from_numpy(model.read(DATA).frames[claim["sample"]])[None]
    frames = list(range(8)) if claim["frames"] == "all" else claim["frames"]
    random = torch.Generator().manual_seed(0)
    step = 2.0 * torch.rand(400, 8, 8, generator=random, dtype=torch.float64) - 1.0
    step[:200] = step[:200].sign()
    moved = torch.zeros_like(step)
    moved[:, frames] = step[:, frames] * float(claim["threat"]["eps"])
    answers = set(evaluate(model.network.graph((8, 8)), x + moved).argmax(1).tolist())
    asked = claim["property"]
    return answers <= ({asked["label"]} if asked["kind"] == "label" else set(asked["classes"]))


def tampered(whole: list[Certificate], count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    some = [CHANGES[k % len(CHANGES)](whole[int(random.integers(len(whole)))], random) for k in range(count)]
    found = checker(NAME).check(some)
    assert all(true(outcome) for outcome in found if outcome.confirmed)
    rejected = sum(not outcome.confirmed for outcome in found)
    assert count // 4 < rejected < count


def test_fifty_changes_are_rejected_or_true(whole: list[Certificate]) -> None:
    tampered(whole, 50, 0)


@pytest.mark.slow
def test_five_hundred_changes_are_rejected_or_true(whole: list[Certificate]) -> None:
    tampered(whole, 500, 1)


def test_what_is_false_is_rejected(whole: list[Certificate]) -> None:
    """At a distance at which a counterexample is known nothing is confirmed, whatever the slopes."""
    model = certrnn.load(NAME)
    results, _ = model.attack(model.read(DATA).take([0]), frames="all")
    broken = changed(
        whole[0],
        sample=0,
        threat={"norm": "inf", "eps": repr(results.rows[0].linf), "joint": False, "radii": None},
    )
    (found,) = checker(NAME).check([broken])
    assert "the bound reaches" in found.reason


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"model": {"sha256": "0" * 64, "external": {}}}, "another digest"),
        ({"data": "0" * 64}, "another digest"),
        ({"sample": 50}, "the sample is one of 50"),
        ({"sample": -1}, "the sample is one of 50"),
        ({"sample": True}, "the sample is one of 50"),
        ({"frames": [8]}, "frames lie in 0..7"),
        ({"frames": []}, "frames lie in 0..7"),
        ({"output": "nothing"}, "depends on the sample"),
        ({"layout": "f,t,n"}, "samples lie as"),
        ({"threat": {"norm": "3", "eps": "0.1", "joint": False, "radii": None}}, "l-inf"),
        ({"threat": {"norm": "inf", "eps": "nan", "joint": False, "radii": None}}, "finite"),
        ({"threat": {"norm": "inf", "eps": "-0.1", "joint": False, "radii": None}}, "not negative"),
        ({"threat": {"norm": "inf", "eps": 0.1, "joint": False, "radii": None}}, "decimal texts"),
        ({"property": {"kind": "nothing"}}, "the property is"),
        ({"property": {"kind": "accept", "classes": list(range(10))}}, "some but not all"),
        ({"property": {"kind": "accept", "classes": [11]}}, "some but not all"),
        ({"property": 3}, "fit together"),
        ({"clip": ["0"]}, "fit together"),
    ],
)
def test_a_claim_that_makes_no_sense_is_rejected_with_its_reason(
    told: dict[str, object], reason: str, whole: list[Certificate]
) -> None:
    (found,) = checker(NAME).check([changed(whole[0], **told)])
    assert not found.confirmed
    assert reason in found.reason


def test_the_label_of_the_data_counts(whole: list[Certificate]) -> None:
    label = whole[0].claim["property"]["label"]
    (found,) = checker(NAME).check([changed(whole[0], property={"kind": "label", "label": label + 1})])
    assert "the label is the data's" in found.reason


def test_a_truncated_file_is_rejected(tmp_path: Path) -> None:
    certified(NAME, Query((0.001,), "0", method="zonotope"), tmp_path)
    (path,) = tmp_path.glob("*.npz")
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(Refused):
            read_certificate(path)


def test_eps_means_the_decimal_that_is_written() -> None:
    assert at_least("0.3") == math.nextafter(0.3, 1.0)
    assert at_least("0.25") == 0.25
