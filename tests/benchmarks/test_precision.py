"""The precision benchmark on a small network with invented peers: what it measures, keeps and finds violated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., object]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """One bundled network, one sample, an attack that reaches eps 1 and a peer far beyond what can be certified."""
    examples = Path(str(files("certrnn.examples")))
    shutil.copy(examples / "digits_rnn.onnx", tmp_path)
    with np.load(examples / "digits.npz") as data:
        np.savez(tmp_path / "digits_rnn.npz", x=data["x"][:1], y=data["y"][:1], t10k_index=np.array([7]))
    eps = {"PGD-upper-bound": 1.0, "cert-rnn-py": 1e-6, "bold": 0.9}
    peers = {who: {"digits_rnn": {"7": {"7": [value, 1.0]}}} for who, value in eps.items()}
    (tmp_path / "peers.json").write_text(
        json.dumps({"eps": peers, "popqorn_2d_margins_at_fixed_eps": []}), "utf-8"
    )
    return tmp_path


def test_figures_are_kept_and_compared(models: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    record = models / "record.json"
    asked = ("--models", str(models), "--network", "digits_rnn", "--threats", "last", "--record", str(record))
    assert run("precision.methods", *asked, "--methods", "interval,zonotope,crown") is None
    kept = json.loads(record.read_text("utf-8"))
    interval, zonotope, crown = (
        kept[who]["digits_rnn"]["7"]["7"][0] for who in ("interval", "zonotope", "crown")
    )
    # a method is asked again at the eps that a cheaper one reached, so that these never fall
    assert 0.0 < interval <= zonotope <= crown < 0.9
    shown = capsys.readouterr().out
    assert f"{crown:9.5f} {crown:6.3f} {crown / 1e-6:6.2f}" in shown
    assert "crown: below recorded peers in 1 of 2, by more than 2% in 1" in shown
    assert "crown: below our cheaper methods in 0 of 2, by more than 2% in 0" in shown


def test_what_is_kept_is_not_measured_again_and_a_fall_is_listed(
    models: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    record = models / "record.json"
    figures = {"interval": 0.5, "auto at 2 s": 0.4}
    kept = {who: {"digits_rnn": {"7": {"7": [eps, 1.0]}}} for who, eps in figures.items()}
    record.write_text(json.dumps(kept), "utf-8")
    asked = ("--models", str(models), "--network", "digits_rnn", "--threats", "last", "--record", str(record))
    assert run("precision.methods", *asked, "--methods", "interval,auto", "--budget", "2") is None
    shown = capsys.readouterr().out
    assert json.loads(record.read_text("utf-8")) == kept
    assert "digits_rnn 7 7: auto at 2 s 0.400000 below interval 0.500000 (-20.0%)" in shown
    assert "digits_rnn 7 7: auto at 2 s 0.400000 below bold 0.900000 (-55.6%)" in shown
