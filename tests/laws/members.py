"""Every registered domain, with the options that change what it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import certrnn.domains
from certrnn.analyses import Analysis, Backward, BranchAndBound
from certrnn.certification.methods import METHODS
from certrnn.domains import Domain, Fold, Intervals, Points, Zonotopes
from transformers_abs import SLOPES, Region, Transformer


@dataclass(frozen=True)
class AnySlope:
    """Slopes by chance, far from good ones: soundness must not depend on them."""

    seed: int = 0

    def __call__(self, transformer: Transformer, region: Region) -> np.ndarray:
        return np.random.default_rng(self.seed).uniform(-2.0, 2.0, region.lower.shape)


DOMAINS: dict[str, Callable[[], Domain[Any]]] = {
    "interval": Intervals,
    **{f"zonotope, {type(p).__name__}": lambda p=p: Zonotopes(policy=p) for p in SLOPES},
    "zonotope, no cuts": lambda: Zonotopes(cuts=False),
    "zonotope, any slope": lambda: Zonotopes(policy=AnySlope()),
    "zonotope, 6 generators": lambda: Zonotopes(reduction=Fold(6)),
    "zonotope, 1 generator, no cuts": lambda: Zonotopes(reduction=Fold(1), cuts=False),
}
"""Sound domains by name."""


def registered() -> set[type]:
    """Every sound domain that the package exports."""
    exported = (getattr(certrnn.domains, name) for name in certrnn.domains.__all__)
    members = {x for x in exported if isinstance(x, type) and issubclass(x, Domain)}
    return members - {Domain, Points}


def _climbs(analysis: Analysis) -> bool:
    return isinstance(analysis, BranchAndBound) or (
        isinstance(analysis, Backward) and analysis.ascent is not None
    )


DIRECT = [name for name, make in METHODS.items() if not _climbs(make())]
"""Registered analyses that choose nothing by ascent. The others are held to the laws in ``test_rows`` and
``test_branching``, with short ascents and parameters by chance: no proof may depend on where an ascent stops."""
