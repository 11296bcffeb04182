"""Runs that are killed at random moments lose nothing, double nothing, and come to the uninterrupted table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kills", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_kills_lose_nothing(kills: int) -> None:
    command = [sys.executable, "-m", "tests.runs.killing", "--kills", str(kills), "--seed", str(kills)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    tally = json.loads(done.stdout)
    assert (tally["lost"], tally["twice"], tally["wrong"]) == (0, 0, 0)
    assert tally["kills"] >= kills
    assert tally["kills_in_tasks"] > kills / 2


def test_a_store_that_writes_late_is_caught() -> None:
    """Planted: rows are handed out before they are written."""
    program = (
        "from certrnn.runs.store import Store; from tests.runs import killing; record, held = Store.record, []\n"
        "def late(self, tasks):\n"
        "    held.extend(tasks)\n"
        "    if len(held) >= 8:\n"
        "        record(self, list(held)); held.clear()\n"
        "Store.record = late\n"
        "tally = killing.kill(8, 0)\n"
        "print(tally.lost > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "True", done.stderr
