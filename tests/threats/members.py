"""A few of every registered threat model and specification: what the laws run over."""

from __future__ import annotations

import math

import numpy as np

from certrnn.threats import (
    Accept,
    Edits,
    Labels,
    NormBall,
    Place,
    Specification,
    ThreatModel,
    Threshold,
    WordSet,
    WordSubstitution,
)

SAMPLES, FRAMES, FEATURES, CLASSES = 3, 4, 2, 5


def threat_models(rng: np.random.Generator) -> dict[str, ThreatModel]:
    def word(sample: int, position: int) -> WordSet:
        return WordSet(sample, position, rng.normal(size=(int(rng.integers(1, 4)), FEATURES)))

    pool = np.random.default_rng(9).normal(size=(4, FEATURES))
    return {
        "l-inf": NormBall(),
        "l-inf, radii": NormBall(radii=rng.uniform(0.0, 2.0, FEATURES)),
        "l2 a frame": NormBall("2", radii=rng.uniform(0.1, 2.0, (FRAMES, FEATURES))),
        "l2 jointly": NormBall("2", joint=True),
        "l1 a frame": NormBall("1"),
        "l1 jointly, radii a sample": NormBall("1", True, rng.uniform(0.1, 2.0, (SAMPLES, FRAMES, FEATURES))),
        "words": WordSubstitution((word(0, 1), word(0, 2), word(2, 1))),
        "edits": Edits(1, pool[:3], None, "vocab"),
        "edits to synonyms": Edits(2, pool, (Place(0, 1, np.array([0, 2])),)),
        "no words": WordSubstitution(()),
    }


def specifications(rng: np.random.Generator) -> dict[str, Specification]:
    some = tuple(sorted(rng.choice(CLASSES, size=2, replace=False).tolist()))
    low, high = sorted(rng.normal(size=2).tolist())
    return {
        "labels": Labels(),
        "accept": Accept(some),
        "never": Accept(some[:1], never=True),
        "between": Threshold(low - 1.0, high + 1.0),
        "above": Threshold(low, math.inf),
        "below": Threshold(-math.inf, high),
    }
