"""Every method by the name that ``--method`` takes."""

from __future__ import annotations

from collections.abc import Callable

from certrnn import analyses, baselines
from certrnn.analyses import Analysis

METHODS: dict[str, Callable[[], Analysis]] = {**analyses.METHODS, **baselines.METHODS}
"""The analyses, and the baselines beside them."""

STEPS = ("alpha-crown", "joint-output", "joint", "bab")
"""What follows the first method of ``auto``, cheap to expensive."""
