"""What a transformer is, and the regions it is enclosed on.

A transformer is a scalar function ``f`` of one or two arguments with one proof obligation: :meth:`Transformer.residual`
encloses ``f(x) - slope . x - q(x)`` on a region, for **any** slope and any quadratic ``q``. Cleverness in choosing
slopes can then never break soundness.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST: float = float(np.finfo(np.float64).max)
"""The largest number."""

DIRECTIONS: np.ndarray = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 2.0], [1.0, -2.0], [2.0, 1.0], [2.0, -1.0]])
"""Directions of the cuts, shape (K, 2): small integers, so that products with them are exact or nearly so."""


@dataclass(frozen=True, eq=False)
class Cuts:
    """Directional bounds that clip a two-argument box to (an enclosure of) a zonogon, for N regions.

    The clipped region of element i is every (x, y) in its box with, for each direction k and in exact real arithmetic,
    ``|DIRECTIONS[k,0] e_x + DIRECTIONS[k,1] e_y| <= width[k, i]`` where ``e_x = (x - center[0,i]) * scale[0,i]`` and
    ``e_y = (y - center[1,i]) * scale[1,i]``. A width of inf says nothing.

    Shapes: ``center`` (2, N), ``scale`` (2, N) positive and finite, ``width`` (K, N).
    """

    center: np.ndarray
    scale: np.ndarray
    width: np.ndarray


@dataclass(frozen=True, eq=False)
class Region:
    """N boxes ``lower <= x <= upper``, shapes (arity, N), each optionally clipped by ``cuts`` (two arguments only)."""

    lower: np.ndarray
    upper: np.ndarray
    cuts: Cuts | None = None


@dataclass(frozen=True, eq=False)
class Quadratic:
    """``q = xx e_x^2 + 2 xy e_x e_y + yy e_y^2`` for N regions, ``e = (x - center) * scale`` in exact real arithmetic.

    Shapes: ``coefficients`` (3, N) holding xx, xy, yy, or (1, N) holding xx for one argument; ``center`` and ``scale``
    (arity, N).
    """

    coefficients: np.ndarray
    center: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, eq=False)
class Residual:
    """Enclosure ``lower <= f - slope . x - q <= upper`` on N regions, shapes (N,).

    ``argmin`` and ``argmax``, shapes (arity, N), are the witnesses: points of the box where the residual comes close to
    the two bounds. They carry no proof; they are minus the gradient of the bounds with respect to the slopes.
    """

    lower: np.ndarray
    upper: np.ndarray
    argmin: np.ndarray
    argmax: np.ndarray


@dataclass(frozen=True)
class ScalarKernel:
    """A function's secant and what it costs, as compiled code that other compiled code calls.

    Args:
        function: a :func:`transformers_abs.compilation.kernel`. Of one argument, ``function(low, high, parameters)`` on
            the interval [low, high] of finite ends: a slope; bounds ``below <= f(x) - slope x <= above``; and bounds
            ``least <= f(x) <= most``, in this order. Where it knows none they are nan or infinite. Of two arguments,
            ``function(boxes, clipped, cuts, slopes, residual, range, witnesses, parameters)`` on N regions: boxes are
            (lower, upper), each (2, N), cuts (center, scale, width) as in :class:`Cuts`, to be read if ``clipped``; to
            be filled in are slopes (2, N), residual (lower, upper) and range (lower, upper), each (N,), and, if it
            likes, witnesses (argmin, argmax), each (2, N).
        parameters: what tells members of a family apart, handed on to the function.
    """

    function: Any
    parameters: tuple[float, float] = (0.0, 0.0)


class Transformer(ABC):
    """A scalar function of ``arity`` arguments with a rigorous enclosure of its residual."""

    name: str
    arity: int
    domain: tuple[float, float] = (-LARGEST, LARGEST)
    """The least and the largest argument that the function is defined and enclosed at."""

    def __init_subclass__(cls) -> None:
        """A class that says anew what its function is, or how it is enclosed, does not inherit a kernel that says
        otherwise."""
        super().__init_subclass__()
        if "scalar" not in vars(cls) and {"value", "residual", "range"} & vars(cls).keys():
            cls.scalar = Transformer.scalar

    @abstractmethod
    def value(self, *arguments: Any, xp: Any = np) -> Any:
        """``f`` in plain floating point (no guarantee) with the functions of the array namespace ``xp``.

        ``xp`` is numpy or torch; differentiable where torch is given.
        """

    @abstractmethod
    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        """Enclose ``f(x) - slopes . x - q(x)`` on every region.

        Args:
            slopes: (arity, N), any finite values.

        Raises:
            ValueError: a bound, slope, cut or coefficient is nan or infinite (cut widths may be inf), lower > upper, or
                a box leaves the domain.
        """

    def range(self, region: Region) -> Residual:
        """Enclose ``f`` itself: the residual of slope zero. Members with monotone sections do it from the corners."""
        return self.residual(np.zeros_like(region.lower), region)

    def secant(self, region: Region) -> np.ndarray | None:
        """Slopes (1, N) from end to end, of a function of one argument that knows them better than differences of its
        values do; else None."""
        return None

    def scalar(self) -> ScalarKernel | None:
        """The function's own kernel, by which a network that holds it is propagated in one compiled pass; None where it
        has none, and such networks are left to the path by arrays: as sound, but several times slower."""
        return None
