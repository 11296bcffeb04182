"""Options and settings shared by every test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # support modules are imported as tests.<package>.<module>
    sys.path.insert(0, str(ROOT))


# The first example of a test may compile a kernel, which takes seconds.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="run the tests marked slow, at full size")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--runslow"):
        return
    skip = pytest.mark.skip(reason="runs with --runslow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _tables_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which columns a table has room for does not depend on the terminal that the tests are started from."""
    monkeypatch.setenv("COLUMNS", "160")
