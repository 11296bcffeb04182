"""The compiled sums of absolute values: what they are, and that threads do not change them."""

from __future__ import annotations

import pytest
import torch

from certrnn.domains.zonotope import kernels
from certrnn.domains.zonotope.accumulate import directional_sums
from certrnn.domains.zonotope.terms import Dense, absolute_sums
from transformers_abs import DIRECTIONS


@pytest.mark.parametrize("rows", [0, 1, 2, 4, 7])
@pytest.mark.parametrize("columns", [1, 255, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_sums_are_those_of_the_definition(
    rows: int, columns: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_THREAD_WORK", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    # columns of wider arrays, and rows that only one of the two has
    wide = [torch.randn(rows + k, 2, columns + 3, dtype=torch.float64) for k in range(2)]
    x, y = wide[0][:, :, 1 : columns + 1], wide[1][1:, :, 3:]
    scale = torch.rand(2, 2, columns, dtype=torch.float64)
    torch.testing.assert_close(absolute_sums(x), x.abs().sum(0))
    if rows < 2:
        return
    alone = Dense(((0, rows),), wide[0], 1, columns, x.abs().sum(0))
    shifted = Dense(((1, rows + 1),), wide[1][1:], 3, columns, y.abs().sum(0))
    gx = torch.cat([x, torch.zeros(1, 2, columns).double()]) * scale[0]
    gy = torch.cat([torch.zeros(1, 2, columns).double(), y]) * scale[1]
    expected = torch.stack([(a * gx + b * gy).abs().sum(0) for a, b in DIRECTIONS.tolist()])
    torch.testing.assert_close(directional_sums((alone, None), (shifted, None), scale), expected)


def test_sums_leave_the_number_of_threads_of_torch_alone() -> None:
    before = torch.get_num_threads()
    absolute_sums(torch.ones(64, 1, 100_000, dtype=torch.float64))
    assert torch.get_num_threads() == before
