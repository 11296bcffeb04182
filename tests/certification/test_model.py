"""The library's front door on bundled networks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import certrnn
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.examples import path
from certrnn.report.table import plain

MODEL = certrnn.load("example:digits_rnn")


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path("digits")) as data:
        return data["x"][:count], data["y"][:count]


def test_importing_certrnn_loads_nothing_heavy() -> None:
    program = "import certrnn, sys; print({'torch', 'numpy', 'onnx'} & set(sys.modules), certrnn.__version__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"set() {certrnn.__version__}"
    with pytest.raises(AttributeError):
        certrnn.nothing  # noqa: B018


def test_a_verdict_agrees_with_the_radius() -> None:
    x, y = digits(2)
    radii = MODEL.radius(x, y, frames=[7], method="zonotope", attack=False).column("eps_certified")
    below = MODEL.certify(x, y, eps=float(radii.min()), frames=[7], attack=False)
    assert [row.verdict for row in below] == ["certified"] * 2
    assert radii.min() > 0


def test_one_sequence_and_a_list_are_like_a_stack() -> None:
    x, y = digits(2)
    once = {"eps": 0.01, "frames": [0], "method": "zonotope", "attack": False}
    stack = MODEL.certify(x, y, **once)
    single = MODEL.certify(x[0], int(y[0]), **once)
    listed = MODEL.certify(list(x), y, **once)
    assert single.column("verdict").tolist() == stack.column("verdict").tolist()[:1]
    assert listed.column("verdict").tolist() == stack.column("verdict").tolist()
    assert len(stack) == 2
    assert stack[0].frames == [0]


def test_without_labels_the_answers_stand_in() -> None:
    x, _ = digits(2)
    found = MODEL.certify(x, eps=0.001, frames="all", attack=False)
    assert all(row.label == row.prediction for row in found)
    assert "certified predictions at eps 0.001" in plain(found)


def test_inside_the_valid_range_nothing_is_lost() -> None:
    x, y = digits(2)
    once = {"frames": "all", "method": "zonotope", "attack": False}
    free = MODEL.radius(x, y, **once).column("eps_certified")
    clipped = MODEL.radius(x, y, **once, clip=(0, 1)).column("eps_certified")
    assert (clipped >= free).all()


def test_data_with_more_digits_than_float32_is_rounded_and_still_attacked() -> None:
    x, y = digits(1)
    shifted = np.clip(x * 0.9 + 0.03, 0, 1)
    found = MODEL.certify(shifted, y, eps=0.5, frames="all", clip=(0.03, 0.93))
    assert found[0].verdict == "falsified"
    assert any("rounded to float32" in note for note in found.notes)


def test_what_does_not_fit_is_refused() -> None:
    x, y = digits(1)
    with pytest.raises(InvalidInput):
        MODEL.certify(x[:, :, :7], y)
    with pytest.raises(InvalidInput, match=r"0\.\.9"):
        MODEL.certify(x, [10])
    with pytest.raises(InvalidInput, match="--clip"):
        MODEL.certify(x, y, clip=(0.0, 0.5), frames="all")
    with pytest.raises(UsageError):
        MODEL.certify(x, y, frames="8")
    with pytest.raises(UsageError):
        MODEL.radius(x, y, rel_tol=-1.0)


def test_a_network_that_disagrees_with_onnxruntime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = certrnn.load("example:digits_rnn")
    honest = type(model.network).run_outputs
    monkeypatch.setattr(
        type(model.network),
        "run_outputs",
        lambda self, x, *rest, **more: honest(self, x, *rest, **more) + 0.5,
    )
    x, y = digits(1)
    with pytest.raises(Unsupported, match="agree"):
        model.certify(x, y, eps=0.01)


def test_the_grid_says_where_it_ends() -> None:
    x, y = digits(1)
    found = MODEL.radius(x, y, frames="all", method="interval", attack=False)
    assert found[0].verdict == "unknown"
    assert any("--rel-tol goes below" in note for note in found.notes)
