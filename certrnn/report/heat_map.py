"""Colours of a heat map of words: one hue that darkens, so that order survives all colour vision, and print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from certrnn.results.figures import lower, upper
from certrnn.results.words import Words

SHADES = ("#fff7ec", "#fddcae", "#fbbd78", "#f09548", "#d26a24", "#a13c0e", "#641f06")
"""Light to dark: seven steps whose lightness falls evenly, from hardly sensitive to most."""
INK = ("#1a1a1a", "#1a1a1a", "#1a1a1a", "#1a1a1a", "#1a1a1a", "#ffffff", "#ffffff")
"""What is written on each shade; contrast is at least 4.5 to 1."""
_FADING = (0.1, 0.5, 1.0, 4.0 / 3.0, 2.0, 4.0)
_FADING_NAMES = (
    "gone: 90 % of the margin is left, or more",
    "gone: half to 90 % of the margin is left",
    "gone: less than half of the margin is left",
    "certified to fade by three quarters, or more",
    "certified to fade by half to three quarters",
    "certified to fade by a quarter to a half",
    "certified to fade by less than a quarter",
)


@dataclass(frozen=True)
class Scale:
    """Sensitivities in classes: class k reaches up to ``ends[k]``, the last has no end. ``names`` says what a class
    means, in numbers."""

    ends: tuple[float, ...]
    names: tuple[str, ...]

    def place(self, sensitivity: float) -> int:
        """The class of a sensitivity.

        >>> Scale((1.0, 2.0), ("low", "middle", "high")).place(1.5)
        1
        """
        return next((k for k, end in enumerate(self.ends) if sensitivity < end), len(self.ends))


def scale(words: Words) -> Scale:
    """The classes of the data: fixed ones for fading, equally full ones for certified eps."""
    if words.threat == "fade":
        return Scale(_FADING, _FADING_NAMES)
    sensitivities = [w.sensitivity for s in words.sentences for w in s.words if w.sensitivity is not None]
    known = sorted(value for value in sensitivities if math.isfinite(value))
    if not known:
        return Scale((), ("nothing is certified",))
    quantiles = {_quantile(known, k / len(SHADES)) for k in range(1, len(SHADES))}
    ends = tuple(sorted(quantiles - {known[0]}))
    starts = (known[0], *ends)
    names = [_named(low, high) for low, high in zip(starts, (*ends, known[-1]), strict=True)]
    return Scale(ends, tuple(names))


def _named(low: float, high: float) -> str:
    """A class of sensitivities from ``low`` to ``high``; that of a vector of zeros is 0."""
    if low > 0:
        return f"eps {lower(1 / high, 3)} to {upper(1 / low, 3)} of the vector's length"
    return f"eps {lower(1 / high, 3)} of the vector's length, or more" if high > 0 else "vectors of zeros"


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def shade(position: int, classes: int) -> int:
    """The shade of a class, the darkest for the last."""
    return len(SHADES) - classes + position
