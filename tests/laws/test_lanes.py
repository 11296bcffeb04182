"""The compiled pass computes the same numbers, to the last bit, with vectors of every width.

Each number has its own lane: which of them stand in one register changes no sum. Products are added to sums by fused
operations, which round once whether a processor has them or a library stands in.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from certrnn.domains import Zonotopes
from certrnn.domains.zonotope.compiled import simd
from tests.laws.networks import FAMILIES, region

ROOT = Path(__file__).resolve().parents[2]


def digest() -> str:
    """Of the bounds of every node of networks of every family."""
    found = hashlib.sha256()
    for number, make in enumerate(FAMILIES.values()):
        rng = np.random.default_rng(number)
        graph = make(rng)
        ball = region(rng, graph, (0, 1), clip=True, eps=(1e-6, 0.05, 1.0))
        run = Zonotopes().compiled(graph, ball)
        if run is not None:
            eye = np.eye(graph.outputs)[None]
            rows = ball.center.new_tensor(eye)
            found.update(run.lower(ball, rows, rows[:, :, 0] * 0.0).numpy().tobytes())
    return found.hexdigest()


def elsewhere(lanes: int | None, **environment: str) -> str:
    """The digest that a process of its own finds, with so many lanes or as many as it chooses."""
    chosen = "" if lanes is None else f"simd.lanes = lambda: {lanes}; "
    program = f"from certrnn.domains.zonotope.compiled import simd; {chosen}from tests.laws import test_lanes as t; "
    program += "print(simd.lanes(), t.digest())"
    own = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=own, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_processor_without_vectors_of_four_computes_the_same() -> None:
    assert elsewhere(None, NUMBA_CPU_NAME="generic") == f"2 {digest()}"


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_every_width_computes_the_same(tmp_path: Path, lanes: int) -> None:
    cache = str(tmp_path)  # kernels are kept by processor, not by lanes
    assert elsewhere(lanes, NUMBA_CACHE_DIR=cache) == f"{lanes} {digest()}"


def test_lanes_are_those_of_the_processor_that_numba_compiles_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for features, lanes in (("", 2), ("+sse2,-avx", 2), ("+avx,+avx2,+fma", 4), ("+avx,+avx512f", 8)):
        monkeypatch.setattr(simd.config, "CPU_FEATURES", features)
        assert simd.lanes() == lanes
