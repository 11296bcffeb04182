"""Adam as torch's own, and without what torch's own loads."""

from __future__ import annotations

import subprocess
import sys

import torch

from certrnn.analyses.adam import Adam


def loss(leaves: list[torch.Tensor]) -> torch.Tensor:
    a, b, _ = leaves
    return (a**4).sum() + (a.sum() - 3.0 * b).abs().sum()


def leaves() -> list[torch.Tensor]:
    starts = (torch.linspace(-1.0, 2.0, 4), torch.tensor([0.5]), torch.ones(2))
    return [start.double().requires_grad_() for start in starts]


def test_it_takes_the_steps_of_torch() -> None:
    ours, theirs = leaves(), leaves()
    mine, known = Adam(ours), torch.optim.Adam(theirs, lr=0.1, betas=(0.9, 0.95))
    for step in range(20):
        rate = 0.1 / (1 + step)
        mine.step(loss(ours), rate)
        known.param_groups[0]["lr"] = rate
        known.zero_grad()
        loss(theirs).backward()
        known.step()
        assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(ours, theirs, strict=True))
    assert torch.equal(ours[2], torch.ones(2).double())


def test_an_ascent_does_not_load_a_compiler() -> None:
    code = (
        "import sys, certrnn.examples, certrnn; import numpy as np;"
        "x = np.load(certrnn.examples.path('digits'))['x'][:1];"
        "certrnn.load(certrnn.examples.path('digits_rnn')).certify(x, eps=0.02, method='alpha-crown');"
        "print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
