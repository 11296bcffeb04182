"""Every disturbed feature moves by at most eps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from certrnn.regions._ball import Ball
from certrnn.regions.region import keep_frames


@dataclass(frozen=True, eq=False)
class LinfBall(Ball):
    """``|x - center| <= eps * radii`` on the disturbed frames, optionally with ``low <= x <= high`` (``clip``).

    Parameters and errors are those of :class:`~certrnn.regions._ball.Ball`.
    """

    @property
    def name(self) -> str:
        return "l-inf ball"

    def _nearest(self, x: torch.Tensor) -> torch.Tensor:
        reach = self.eps[:, None, None]
        reach = reach if self.radii is None else reach * self.radii
        moved = torch.minimum(torch.maximum(x, self.center - reach), self.center + reach)
        return moved if self.clip is None else moved.clamp(*self.clip)

    def _within(self, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        eps = self.eps[:, None, None]
        reach = eps.expand_as(x) if self.radii is None else eps * self.radii
        inside = distance_at_most(x, self.center, reach)
        if self.radii is not None:
            inside = self._decided(x, reach, inside, wanted)
        return keep_frames(inside, torch.ones_like(inside), self.frames).flatten(1).all(dim=1)

    def _decided(
        self, x: torch.Tensor, reach: torch.Tensor, inside: torch.Tensor, wanted: torch.Tensor
    ) -> torch.Tensor:
        """The product ``eps * radii`` is rounded: features next to it are decided in rational arithmetic."""
        near = ((x - self.center).abs() - reach).abs() <= 2.0**-50 * reach + 2.0**-1000
        out = inside.clone()
        for b, t, f in (near & wanted[:, None, None]).nonzero().tolist():
            assert self.radii is not None
            limit = Fraction(float(self.eps[b])) * Fraction(float(self.radii[b, t, f]))
            out[b, t, f] = abs(Fraction(float(x[b, t, f])) - Fraction(float(self.center[b, t, f]))) <= limit
        return out

    def distance(self, x: torch.Tensor) -> torch.Tensor:
        rounded = self._scaled(x).abs().flatten(1).amax(dim=1) if self.frames else x.new_zeros(len(x))
        wide = rounded * (1.0 + 2.0**-51) if self.radii is not None else rounded
        return torch.where(wide > 0, torch.nextafter(wide, torch.full_like(wide, torch.inf)), wide)


def distance_at_most(x: torch.Tensor, center: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """``|x - center| <= radius`` in exact arithmetic, elementwise; False for nan.

    Rounding is monotone and the radius is a floating-point number, so the rounded difference decides unless it equals
    the radius; then the sign of its rounding error does (Knuth's error-free difference).
    """
    difference = x - center
    virtual = x - difference
    error = (x - (difference + virtual)) + (virtual - center)
    beyond = torch.where(difference < 0, -error, error)
    return (difference.abs() < radius) | ((difference.abs() == radius) & (beyond <= 0))
