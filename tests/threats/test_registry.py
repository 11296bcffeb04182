"""Laws of what may change and what must hold, over every registered threat model and specification."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.errors import InvalidInput, UsageError
from certrnn.results.question import read, written
from certrnn.threats import (
    SPECIFICATIONS,
    THREAT_MODELS,
    NormBall,
    SpecificationRecord,
    Supplied,
    ThreatModel,
    ThreatRecord,
    WordSubstitution,
)
from tests.threats import members as some
from tests.threats.members import CLASSES, FEATURES, FRAMES, SAMPLES

KINDS = sorted(some.threat_models(np.random.default_rng(0)))
SPECIFIED = sorted(some.specifications(np.random.default_rng(0)))
MOVED = (1, 2)
"""Frames that are disturbed."""


def again(kind: Any, record: Any) -> Any:
    """What a document holds of a record."""

    def need(holds: bool, requirement: str, received: object) -> None:
        assert holds, (requirement, received)

    return read(kind, json.loads(json.dumps(written(record))), need)


def regions(threat: ThreatModel, x: torch.Tensor, eps: float) -> Any:
    return threat.region(range(SAMPLES), x, torch.full((SAMPLES,), eps, dtype=torch.float64), MOVED, None)


def sequences(rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=(SAMPLES, FRAMES, FEATURES)))


def test_every_registered_class_has_members() -> None:
    rng = np.random.default_rng(0)
    assert {type(one) for one in some.threat_models(rng).values()} == set(THREAT_MODELS.values())
    assert {type(one) for one in some.specifications(rng).values()} == set(SPECIFICATIONS.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_regions_hold_their_sample_and_grow_with_eps(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    threat, x = some.threat_models(rng)[kind], sequences(rng)
    small, large = regions(threat, x, 0.25), regions(threat, x, 0.75)
    assert small.contains(x).all()
    moved = small.project(x + torch.from_numpy(rng.normal(size=tuple(x.shape))))
    inside = small.contains(moved)
    assert large.contains(moved)[inside].all()
    fixed = [frame for frame in range(FRAMES) if frame not in MOVED]
    assert torch.equal(moved[:, fixed], x[:, fixed])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_a_record_restores_to_the_same_regions(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    threat, x = some.threat_models(rng)[kind], sequences(rng)
    record = again(ThreatRecord, threat.record())
    assert record == threat.record()
    words = threat if threat.discrete else None
    restored = THREAT_MODELS[record.kind].restored(record, Supplied(words=words))
    for mine, others in zip(regions(threat, x, 0.5).boxes(), regions(restored, x, 0.5).boxes(), strict=True):
        assert torch.equal(mine, others)
    assert restored.name == threat.name


def test_what_a_record_knows_by_a_digest_must_be_supplied_and_be_the_same() -> None:
    rng = np.random.default_rng(1)
    words = some.threat_models(rng)["words"]
    with pytest.raises(UsageError, match="--words FILE"):
        WordSubstitution.restored(words.record(), Supplied())
    with pytest.raises(InvalidInput, match="digest"):
        WordSubstitution.restored(words.record(), Supplied(words=some.threat_models(rng)["words"]))
    many = NormBall(radii=rng.uniform(size=(2, 50, 50)))
    with pytest.raises(UsageError, match="--radii FILE"):
        NormBall.restored(many.record(), Supplied())
    with pytest.raises(InvalidInput, match="digest"):
        NormBall.restored(many.record(), Supplied(radii=np.ones((2, 50, 50))))
    assert NormBall.restored(many.record(), Supplied(radii=many.radii)).record() == many.record()


@pytest.mark.parametrize("kind", SPECIFIED)
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_positive_exactly_where_the_specification_holds(
    kind: str, labelled: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    specification = some.specifications(rng)[kind]
    labels = torch.from_numpy(rng.integers(CLASSES, size=64)) if labelled else None
    scores = torch.from_numpy(rng.normal(size=(64, CLASSES)))
    targets = specification.targets(labels, scores, 1)
    margins = specification.spec(targets.required, CLASSES, 1).margins(scores)
    assert torch.equal((margins > 0).all(dim=1), targets.right)


@pytest.mark.parametrize("kind", SPECIFIED)
def test_a_record_restores_to_the_same_specification(kind: str) -> None:
    specification = some.specifications(np.random.default_rng(2))[kind]
    record = again(SpecificationRecord, specification.record())
    assert SPECIFICATIONS[record.kind].restored(record) == specification


def shrinking(self: NormBall, *arguments: Any) -> Any:
    """Planted: a larger eps gives a smaller ball."""
    numbers, x, eps, frames, clip = arguments
    return TRUE(self, numbers, x, 1.0 - eps, frames, clip)


def forgetful(self: NormBall) -> ThreatRecord:
    """Planted: radii are not written down."""
    return replace(RECORDED(self), radii=None)


TRUE, RECORDED = NormBall.region, NormBall.record


@pytest.mark.parametrize(
    ("name", "planted", "law", "kind"),
    [
        ("region", shrinking, test_regions_hold_their_sample_and_grow_with_eps, "l-inf"),
        ("record", forgetful, test_a_record_restores_to_the_same_regions, "l2 a frame"),
    ],
)
def test_a_planted_error_is_found(
    name: str, planted: Any, law: Callable[..., None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NormBall, name, planted)
    with pytest.raises(AssertionError):
        law(kind, 0)
