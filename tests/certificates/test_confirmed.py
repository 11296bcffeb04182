"""Every certified row is confirmed, for every method, threat and property that has certificates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from certrnn.certification import Query
from certrnn.examples import names
from certrnn.search import EpsGrid
from certrnn.threats import Accept, NormBall, Threshold
from tests.certificates.written import METHODS, certificates, certified, changed, checker, outcomes

FIXTURES = Path(__file__).parent.parent / "importer" / "fixtures" / "dynamo"
RADII = np.random.default_rng(0).uniform(0.0, 1.5, size=(8, 8)) * (np.arange(8) != 3)
EPS = {
    "popqorn": (0.004,),
    "joint-output": (0.0166,),
    "interval": (0.00005, 0.001),
    "zonotope": (0.004, 0.016),
    "crown": (0.0165,),
    "alpha-crown": (0.0166,),
    "auto": (0.0166,),
}
"""Eps by method, the last near the end of what it certifies on the GRU."""


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("method", ["interval", "zonotope"])
def test_forward_methods(name: str, method: str, tmp_path: Path) -> None:
    query = Query(EPS[method], "all", method=method)
    rows = certified(f"example:{name}", query, tmp_path, (0, 1))
    assert rows or method == "interval"
    assert all(one.confirmed for one in outcomes(f"example:{name}", tmp_path))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_with_a_clip_and_a_set_of_frames(method: str, tmp_path: Path) -> None:
    query = Query((EPS[method][0],), "1,3-4", (0.0, 1.0), method)
    assert certified("example:digits_rnn", query, tmp_path)
    assert all(one.confirmed for one in outcomes("example:digits_rnn", tmp_path))


@pytest.mark.parametrize(
    ("name", "eps"), [("digits_rnn", 0.0273), pytest.param("digits_gru", 0.0175, marks=pytest.mark.slow)]
)
def test_what_only_backward_substitution_proves(name: str, eps: float, tmp_path: Path) -> None:
    query = Query((eps,), "all", method="alpha-crown")
    rows = certified(f"example:{name}", query, tmp_path)
    assert len(rows) == 1
    (found,) = outcomes(f"example:{name}", tmp_path)
    assert found.confirmed
    assert found.margin is not None


def test_what_only_deficits_prove(tmp_path: Path) -> None:
    query = Query((0.0284,), "all", method="joint-output")
    assert certified("example:digits_rnn", query, tmp_path)
    (one,) = certificates(tmp_path)
    assert {"curved", "curvature", "diagonal", "point"} <= set(one.arrays)
    assert all(found.confirmed for found in outcomes("example:digits_rnn", tmp_path))
    for name in ("diagonal",):
        broken = changed(one)
        broken.arrays[name][:] *= -1.0
        (found,) = checker("example:digits_rnn").check([broken])
        assert not found.confirmed, name
    broken = changed(one)
    broken.arrays["diagonal"] = broken.arrays["diagonal"][:, 1:]
    (found,) = checker("example:digits_rnn").check([broken])
    assert "have shape" in found.reason


def test_the_largest_certified_eps(tmp_path: Path) -> None:
    """At the end of what a method certifies margins are small: the checker's bounds are no looser."""
    query = Query(None, "2", method="zonotope", schedule=Query.search(1e-3))
    (row,) = certified("example:digits_lstm", query, tmp_path)
    (found,) = outcomes("example:digits_lstm", tmp_path)
    assert found.confirmed
    assert found.claim is not None
    assert found.claim["threat"]["eps"] == repr(row.eps_certified)


@pytest.mark.parametrize(
    "asked",
    [
        Accept((3, 8), never=True),
        Accept((0, 1, 2, 7)),
        Threshold(-60.0, 60.0),
        Threshold(-60.0, float("inf")),
    ],
)
def test_every_property(asked: object, tmp_path: Path) -> None:
    query = Query((0.002,), "all", method="zonotope", specification=asked)  # type: ignore[arg-type]
    assert certified("example:digits_lstm", query, tmp_path)
    assert all(one.confirmed for one in outcomes("example:digits_lstm", tmp_path))


@pytest.mark.parametrize(
    ("name", "method", "ball", "frames"),
    [
        ("digits_gru", "zonotope", NormBall("2"), "2"),
        ("digits_rnn", "zonotope", NormBall("1"), "2,5"),
        ("digits_rnn", "crown", NormBall("2", joint=True), "2,5"),
        ("digits_rnn", "crown", NormBall("1", joint=True), "2,5"),
        ("digits_rnn", "alpha-crown", NormBall("2"), "2,5"),
        ("digits_rnn", "zonotope", NormBall(radii=RADII[0]), "all"),
        ("digits_rnn", "crown", NormBall("2", joint=True, radii=RADII), "all"),
    ],
)
def test_balls_of_other_norms(name: str, method: str, ball: NormBall, frames: str, tmp_path: Path) -> None:
    """Up to the largest certified eps, where the valid range cuts the balls."""
    query = Query(None, frames, (0.0, 1.0), method, schedule=Query.search(0.03), threat=ball)
    assert certified(f"example:{name}", query, tmp_path)
    assert all(one.confirmed for one in outcomes(f"example:{name}", tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "logit",
        "sigmoid",
        "log_softmax",
        "gru_bidirectional",
        "lstm_two_layers",
        "rnn_relu",
        "mean",
        "time_first",
    ],
)
def test_other_networks_and_lone_scores(name: str, tmp_path: Path) -> None:
    """Data without labels: the network's own answers are what is certified."""
    data = tmp_path / "data.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32))
    path, query = str(FIXTURES / f"{name}.onnx"), Query((0.001,), "all", method="zonotope")
    rows = certified(path, query, tmp_path / "certificates", range(6), str(data))
    assert rows
    assert all(one.confirmed for one in outcomes(path, tmp_path / "certificates", str(data)))


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("method", METHODS)
def test_every_row_of_a_search(name: str, method: str, tmp_path: Path) -> None:
    query = Query(None, "all", method=method, schedule=EpsGrid(tuple(0.002 * k for k in range(1, 16))))
    certified(f"example:{name}", query, tmp_path, range(10))
    assert all(one.confirmed for one in outcomes(f"example:{name}", tmp_path))
