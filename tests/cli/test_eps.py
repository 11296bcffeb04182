"""The eps of a curve as people write them."""

from __future__ import annotations

import pytest

from certrnn.cli._eps import eps_axis
from certrnn.errors import UsageError


def test_a_range_has_both_ends_and_round_numbers() -> None:
    axis = eps_axis("0:0.05:11")
    assert axis == (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05)
    assert eps_axis("1e-6:3e-6:3") == (1e-06, 2e-06, 3e-06)
    assert len(eps_axis("0:1:1000")) == 1000


def test_numbers_and_ranges_mix_and_repeat() -> None:
    assert eps_axis("0.3, 0.1,0.1,0:0.2:3") == (0.0, 0.1, 0.2, 0.3)
    assert eps_axis("0.1:0.1:2") == (0.1,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "x",
        "0.1,",
        "-0.1",
        "nan",
        "inf",
        "0:1",
        "0:1:1",
        "0:1:1001",
        "0:1:2.5",
        "1:0:3",
        "-1:1:3",
        "0:inf:3",
        "0:1:3:4",
        "::",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        eps_axis(text)
    assert "\n" not in str(caught.value)
