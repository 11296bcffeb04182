"""A real browser without a window: what it makes of a page."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Seen:
    """The page's document after its scripts ran, and what the browser had to say."""

    dom: str
    console: list[str]


def browse(page: Path) -> Seen:
    """Open a page; skips the test where no browser is installed or it does not start."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--enable-logging=stderr",
                f"--user-data-dir={profile}",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            timeout=90,
            check=False,
        )
    dom = done.stdout.decode("utf-8")
    if done.returncode or "<html" not in dom:
        pytest.skip(f"the browser does not start here (exit {done.returncode})")
    said = done.stderr.decode("utf-8", "replace").splitlines()
    return Seen(dom, [line for line in said if "CONSOLE" in line])
