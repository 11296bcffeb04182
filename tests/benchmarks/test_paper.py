"""The benchmark of Cert-RNN's tables from end to end, on images so plain that a small network learns them at once."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like the real one: a digit is a band of two bright rows."""
    folder, random = tmp_path / "data" / "mnist", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part, count in (("train", 3000), ("t10k", 40)):
        labels = random.integers(0, 10, count)
        images = random.integers(0, 60, (count, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 4 : 2 * label + 6] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = np.array(array.shape, dtype=">i4").tobytes()
            content = bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    return folder.parent


def test_networks_are_trained_once_and_cells_are_kept(
    data: Path, tmp_path: Path, run: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out"
    asked = ("--data", str(data), "--cache", str(cache), "--out", str(out), "--only", "RNN-2-32")
    few = ("--samples", "3", "--methods", "interval,popqorn,zonotope,attack")
    assert run("cert_rnn.paper", "table2", "table6", "models", *asked, *few) == 0
    first = capsys.readouterr()
    assert "training RNN-2-32" in first.err
    assert (cache / "rnn-2-32.onnx").is_file()
    found = {method: _cells(first.out, method) for method in ("interval", "popqorn", "zonotope")}
    for method, (single, every) in found.items():
        assert single[2] == every[2] == "3 / 3", method
        # a network that is disturbed everywhere stands less, and no proof reaches beyond a counterexample
        assert 0.0 < float(every[3]) <= float(single[3]), method
        assert 0.0 < float(single[5]) <= 1.0, method
        assert 0.0 < float(every[5]) <= 1.0, method
    assert all(float(found["interval"][k][3]) <= float(found["zonotope"][k][3]) for k in (0, 1))
    assert found["popqorn"][0][7:] == ["0.0084", "0.0037", "0.13"]
    assert found["zonotope"][1][7:] == ["0.0126", "0.0055", "6.842"]
    assert "| RNN-2-32 | 100.0 % | 40 | 96.8 % |" in first.out

    assert run("cert_rnn.paper", "figure7", *asked, *few) == 0
    again = capsys.readouterr()
    assert "training" not in again.err
    assert again.err.count("found finished") == 4
    assert "| RNN-2-32 | zonotope | 3 | 100 % | 100 % |" in again.out
    assert {path.name for path in out.iterdir()} == {"figure_6_mnist.png", "figure_7.png"}


def _cells(printed: str, method: str) -> tuple[list[str], list[str]]:
    """The cells of a method in tables 2 and 6: accuracy, method, n, mean, deviation, share, seconds and the paper's."""
    lines = [
        line for line in printed.splitlines() if line.startswith(f"| RNN-2-32 | 100.0 % (96.8 %) | {method} ")
    ]
    single, every = ([cell.strip() for cell in line.split("|")[2:-1]] for line in lines)
    return single, every
