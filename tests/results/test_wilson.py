"""Wilson's interval against scipy's, and what must hold of it."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from certrnn.results.wilson import wilson


@pytest.mark.parametrize("samples", [1, 2, 7, 50, 1000])
def test_the_interval_is_scipys(samples: int) -> None:
    for successes in range(0, samples + 1, max(1, samples // 25)):
        theirs = binomtest(successes, samples).proportion_ci(confidence_level=0.95, method="wilson")
        assert wilson(successes, samples) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_share_lies_inside_and_the_ends_are_exact() -> None:
    for samples in (1, 3, 10, 12345):
        assert wilson(0, samples)[0] == 0.0
        assert wilson(samples, samples)[1] == 1.0
        for successes in range(0, samples + 1, max(1, samples // 10)):
            low, high = wilson(successes, samples)
            assert 0.0 <= low <= successes / samples <= high <= 1.0
            assert low < high


def test_no_samples_say_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
