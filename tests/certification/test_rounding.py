"""A valid range in a network's own numbers holds all of the range that was asked, and as little more as can be."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import certrnn
from certrnn.certification.rounding import outward
from transformers_abs.decimals import meant

TYPES = (np.float16, np.float32, np.float64)


def ranges(count: int) -> list[tuple[float, float]]:
    chance = random.Random(2)
    ends = [
        sorted(round(chance.uniform(-3, 3), chance.randint(0, 9)) for _ in range(2)) for _ in range(count)
    ]
    return [(0.0, 0.7), (0.0, 1.0), (-1e-9, 1e-9), *((low, high) for low, high in ends if low < high)]


def holds(found: tuple[float, float], asked: tuple[float, float]) -> bool:
    return Fraction(found[0]) <= meant(asked[0]) and meant(asked[1]) <= Fraction(found[1])


@pytest.mark.parametrize("precision", TYPES)
def test_the_range_is_rounded_outward_to_the_next_number(precision: type[np.floating[Any]]) -> None:
    for asked in ranges(2000):
        found = outward(asked, precision)
        assert found is not None
        assert holds(found, asked)
        for end, wanted, inward in zip(found, asked, (math.inf, -math.inf), strict=True):
            assert float(precision(end)) == end
            assert end == wanted or not holds_alone(
                np.nextafter(precision(end), precision(inward)), wanted, inward
            )


def holds_alone(end: Any, wanted: float, inward: float) -> bool:
    """Whether an end nearer to the range would do as well."""
    return Fraction(float(end)) <= meant(wanted) if inward > 0 else meant(wanted) <= Fraction(float(end))


@pytest.mark.parametrize("precision", TYPES)
def test_data_at_an_end_stays_inside_once_it_is_rounded(precision: type[np.floating[Any]]) -> None:
    for asked in ranges(500):
        low, high = outward(asked, precision) or asked
        assert low <= float(precision(asked[0]))
        assert float(precision(asked[1])) <= high


def test_rounding_to_nearest_is_caught() -> None:
    """Planted: the clip that was rounded inward."""
    for precision in TYPES[:2]:
        nearest = [tuple(float(precision(end)) for end in asked) for asked in ranges(100)]
        assert not all(holds(found, asked) for found, asked in zip(nearest, ranges(100), strict=True))


def test_an_end_beyond_the_type_stays() -> None:
    assert outward((-1e6, 1e6), np.float16) == (-1e6, 1e6)


def line(path: Path) -> str:
    """One score that is positive at the float32 next below 0.7, and not at 0.7 itself."""
    text = """<ir_version: 8, opset_import: ["": 17]>
    g (float[1, 1, 1] x) => (float[1, 1] y) <float[1, 1] W = {-0.509}, float[1] b = {0.3563}>
    { f = Flatten <axis: int = 1> (x)  y = Gemm (f, W, b) }"""
    onnx.save(onnx.parser.parse_model(text), path)
    return str(path)


def verdicts(path: str) -> list[str]:
    x = np.full((1, 1, 1), 0.5, dtype=np.float32)
    found = certrnn.load(path).certify(x, [1], eps=0.5, clip=(0.0, 0.7), method="zonotope", attack=False)
    return [row.verdict for row in found]


def test_nothing_is_certified_on_less_than_the_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = line(tmp_path / "line.onnx")
    weight, offset = (Fraction(float(np.float32(v))) for v in (-0.509, 0.3563))
    assert weight * Fraction(7, 10) + offset < 0 < weight * Fraction(float(np.float32(0.7))) + offset
    assert verdicts(path) == ["unknown"]
    monkeypatch.setattr(
        "certrnn.certification.robustness.outward", lambda clip, kind: tuple(float(kind(end)) for end in clip)
    )
    assert verdicts(path) == ["certified"]  # planted: the nearest float32


def test_an_eps_is_the_decimal_that_it_is_written_as() -> None:
    """0.3 lies above the float64 next to it: a region of radius 0.3 holds what lies three tenths away."""
    from certrnn.certification.rounding import as_written
    from certrnn.threats import Threshold

    radii = as_written(torch.tensor([0.3, 0.1, 0.5], dtype=torch.float64)).tolist()
    assert all(Fraction(found) >= meant(eps) for found, eps in zip(radii, (0.3, 0.1, 0.5), strict=True))
    assert radii[2] == 0.5
    inside = Threshold(0.3, 0.7)
    ends = inside.spec(torch.ones(1), 1, 1).offset[0].tolist()
    assert Fraction(-ends[0]) >= Fraction(3, 10)
    assert Fraction(ends[1]) <= Fraction(7, 10)
    assert Threshold(0.1234567, math.inf).name == "0.1234567 < output < inf"


def test_radii_as_text_are_rounded_up(tmp_path: Path) -> None:
    from certrnn.io.data.threats import read_radii

    file = tmp_path / "radii.txt"
    file.write_text("0.3, 0.1\n1e-3 7\n")
    for found, text in zip(read_radii(file).reshape(-1), ("0.3", "0.1", "1e-3", "7"), strict=True):
        assert meant(text) <= Fraction(float(found)) <= Fraction(math.nextafter(float(text), math.inf))
