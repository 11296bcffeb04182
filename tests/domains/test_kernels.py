"""The compiled sums of absolute values: what they are, and that threads do not change them."""

from __future__ import annotations

import pytest
import torch

from certrnn.domains import _kernels
from certrnn.domains._kernels import absolute_sums, directional_sums
from transformers_abs import DIRECTIONS


@pytest.mark.parametrize("columns", [1, 255, 256, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_sums_are_those_of_the_definition(
    columns: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kernels, "_SHARE", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x, y = (torch.randn(7, 2, columns, dtype=torch.float64) for _ in range(2))
    scale = torch.rand(2, 2, columns, dtype=torch.float64)
    torch.testing.assert_close(absolute_sums(x), x.abs().sum(0))
    expected = [(a * (x * scale[0]) + b * (y * scale[1])).abs().sum(0) for a, b in DIRECTIONS.tolist()]
    torch.testing.assert_close(directional_sums(x, y, scale), torch.stack(expected))


def test_sums_leave_the_number_of_threads_of_torch_alone() -> None:
    before = torch.get_num_threads()
    absolute_sums(torch.ones(64, 1, 100_000, dtype=torch.float64))
    assert torch.get_num_threads() == before
