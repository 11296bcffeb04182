"""What a file of counterexamples says of what may change and what must hold: typed text, never a program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from certrnn.errors import CertrnnError
from certrnn.results.attacks import Counterexample
from certrnn.results.question import read, written
from certrnn.threats import (
    SPECIFICATIONS,
    Edits,
    NormBall,
    Place,
    Specification,
    SpecificationRecord,
    ThreatModel,
    WordSet,
    WordSubstitution,
)

BALL, WORDS, EDITS = "ball", "words", "edits"


@dataclass(frozen=True)
class WrittenWord:
    """The substitutes of one word: its frame, and their vectors (K, features), flattened."""

    frame: int
    features: int
    vectors: tuple[float, ...]


@dataclass(frozen=True)
class WrittenPlace:
    """What the word of one frame may become, by their numbers in the pool."""

    frame: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class WrittenEdits:
    """At most so many frames become vectors of a pool, (V, features) flattened; None for any of them wherever."""

    most: int
    features: int
    pool: tuple[float, ...]
    places: tuple[WrittenPlace, ...] | None = None


@dataclass(frozen=True)
class WrittenThreat:
    """What may change of one sample: a ``ball`` in a norm, with radii of this shape, flattened, ``words`` or
    ``edits``."""

    kind: str
    norm: str = "inf"
    joint: bool = False
    shape: tuple[int, ...] = ()
    radii: tuple[float, ...] = ()
    words: tuple[WrittenWord, ...] = ()
    edits: WrittenEdits | None = None


@dataclass(frozen=True)
class WrittenDemand:
    """What may change, what must hold, and what that asks of the sample, a number a step."""

    threat: WrittenThreat
    specification: SpecificationRecord
    required: tuple[int, ...]


def spell(member: Counterexample) -> str:
    """The text of one counterexample."""
    demand = WrittenDemand(_threat(member.threat), member.specification.record(), member.required)
    return json.dumps(written(demand), allow_nan=False)


def parse(text: str, sample: int) -> tuple[ThreatModel, Specification, tuple[int, ...]]:
    """What :func:`spell` wrote: threat model, specification, and what is required.

    Raises:
        ValueError: anything else.
    """
    try:
        demand: WrittenDemand = read(WrittenDemand, json.loads(text), _need)
        if demand.specification.kind not in SPECIFICATIONS:
            raise ValueError(f"what must hold is one of {', '.join(SPECIFICATIONS)}")
        held = SPECIFICATIONS[demand.specification.kind].restored(demand.specification)
        return _restored(demand.threat, sample), held, demand.required
    except (CertrnnError, RecursionError, OverflowError) as error:
        raise ValueError(f"what it asks makes no sense: {type(error).__name__}: {error}") from None


def _threat(threat: ThreatModel) -> WrittenThreat:
    if isinstance(threat, WordSubstitution):
        words = [
            WrittenWord(one.position, one.vectors.shape[1], tuple(one.vectors.reshape(-1).tolist()))
            for one in threat.sets
        ]
        return WrittenThreat(WORDS, words=tuple(words))
    if isinstance(threat, Edits):
        return WrittenThreat(EDITS, edits=_edits(threat))
    assert isinstance(threat, NormBall)
    radii = np.zeros(0) if threat.radii is None else threat.radii
    shape = () if threat.radii is None else radii.shape
    return WrittenThreat(BALL, threat.order, threat.joint, shape, tuple(radii.reshape(-1).tolist()))


def _restored(threat: WrittenThreat, sample: int) -> ThreatModel:
    if threat.kind == BALL:
        radii = np.array(threat.radii, dtype=np.float64).reshape(threat.shape) if threat.shape else None
        return NormBall(threat.norm, threat.joint, radii)
    if threat.kind == EDITS and threat.edits is not None:
        return _edited(threat.edits, sample)
    if threat.kind != WORDS:
        raise ValueError(f"what may change is {BALL}, {WORDS} or {EDITS}")
    sets = [
        WordSet(sample, one.frame, np.array(one.vectors, dtype=np.float64).reshape(-1, one.features))
        for one in threat.words
    ]
    return WordSubstitution(tuple(sets))


def _edits(threat: Edits) -> WrittenEdits:
    listed = threat.places
    places = (
        None
        if listed is None
        else tuple(WrittenPlace(one.position, tuple(one.members.tolist())) for one in listed)
    )
    return WrittenEdits(threat.most, threat.pool.shape[1], tuple(threat.pool.reshape(-1).tolist()), places)


def _edited(edits: WrittenEdits, sample: int) -> Edits:
    pool = np.array(edits.pool, dtype=np.float64).reshape(-1, edits.features)
    if edits.places is None:
        return Edits(edits.most, pool)
    places = [Place(sample, one.frame, np.array(one.members, dtype=np.int64)) for one in edits.places]
    return Edits(edits.most, pool, tuple(places))


def _need(holds: bool, requirement: str, received: Any) -> None:
    if not holds:
        raise ValueError(f"{requirement}, not {str(received)[:80]}")
