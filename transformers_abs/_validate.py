"""Checks of what callers pass to a transformer, and of what a kernel returns (numpy reductions: hot path)."""

from __future__ import annotations

import numpy as np

from transformers_abs._protocol import DIRECTIONS, LARGEST, Cuts, Quadratic, Region, Residual


def _refuse(operation: str, requirement: str, received: object) -> ValueError:
    return ValueError(f"{operation}: {requirement}; got {received}")


def _first(operation: str, requirement: str, array: np.ndarray, holds: np.ndarray) -> ValueError:
    """The error for the first entry of ``array`` where ``holds`` is False, with its index."""
    index = tuple(int(i) for i in np.argwhere(~holds)[0])
    return _refuse(operation, requirement, f"{float(array[index])!r} at index {index}")


def array_shape(operation: str, name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    """Require a float64 array of the given shape.

    Raises:
        ValueError: another type, dtype or shape.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        received = getattr(array, "dtype", type(array).__name__)
        raise _refuse(operation, f"{name} is a float64 array", received)
    if array.shape != shape:
        raise _refuse(operation, f"{name} has shape {shape}", array.shape)


def finite(operation: str, name: str, array: np.ndarray) -> None:
    """Require finite entries.

    Raises:
        ValueError: an entry is nan or infinite; the message holds the value and its index.
    """
    holds = np.isfinite(array)
    if not holds.all():
        raise _first(operation, f"{name} is finite", array, holds)


def region(operation: str, arity: int, boxes: Region) -> int:
    """Require a well-formed region of ``arity`` arguments; returns its number of boxes N.

    Raises:
        ValueError: a shape, dtype or value is wrong, lower > upper, or there are cuts with one argument.
    """
    array = boxes.lower
    count = array.shape[1] if isinstance(array, np.ndarray) and array.ndim == 2 else 0
    for name, bound in (("lower", boxes.lower), ("upper", boxes.upper)):
        array_shape(operation, name, bound, (arity, count))
        finite(operation, name, bound)
    ordered = boxes.lower <= boxes.upper
    if not ordered.all():
        index = tuple(int(i) for i in np.argwhere(~ordered)[0])
        pair = f"[{float(boxes.lower[index])!r}, {float(boxes.upper[index])!r}] at index {index}"
        raise _refuse(operation, "lower <= upper", pair)
    if boxes.cuts is not None:
        _cuts(operation, arity, count, boxes.cuts)
    return count


def _cuts(operation: str, arity: int, count: int, cuts: Cuts) -> None:
    if arity != 2:
        raise _refuse(operation, "cuts clip boxes of two arguments", f"arity {arity}")
    array_shape(operation, "cuts.center", cuts.center, (arity, count))
    array_shape(operation, "cuts.scale", cuts.scale, (arity, count))
    array_shape(operation, "cuts.width", cuts.width, (len(DIRECTIONS), count))
    finite(operation, "cuts.center", cuts.center)
    finite(operation, "cuts.scale", cuts.scale)
    positive = cuts.scale > 0.0
    if not positive.all():
        raise _first(operation, "cuts.scale is positive", cuts.scale, positive)
    sensible = cuts.width >= 0.0
    if not sensible.all():
        raise _first(operation, "cuts.width is at least 0 (inf allowed)", cuts.width, sensible)


def quadratic(operation: str, arity: int, count: int, form: Quadratic) -> None:
    """Require a well-formed quadratic of ``arity`` arguments for ``count`` regions.

    Raises:
        ValueError: a shape, dtype or value is wrong.
    """
    array_shape(operation, "quadratic.coefficients", form.coefficients, (3 if arity == 2 else 1, count))
    array_shape(operation, "quadratic.center", form.center, (arity, count))
    array_shape(operation, "quadratic.scale", form.scale, (arity, count))
    finite(operation, "quadratic.coefficients", form.coefficients)
    finite(operation, "quadratic.center", form.center)
    finite(operation, "quadratic.scale", form.scale)


def inside(operation: str, domain: tuple[float, float], boxes: Region) -> None:
    """Require boxes inside of the domain.

    Raises:
        ValueError: a box leaves it.
    """
    requirement = (
        f"arguments lie in [{domain[0]:g}, {domain[1]:g}] (beyond, the function is undefined or overflows)"
    )
    for bound in (boxes.lower, boxes.upper):
        holds = (bound >= domain[0]) & (bound <= domain[1])
        if not holds.all():
            raise _first(operation, requirement, bound, holds)


def arguments(
    operation: str,
    arity: int,
    slopes: np.ndarray,
    boxes: Region,
    form: Quadratic | None,
    domain: tuple[float, float] = (-LARGEST, LARGEST),
) -> int:
    """All checks on the arguments of a residual; returns the number of regions N.

    >>> import numpy as np
    >>> one = np.ones((1, 2))
    >>> arguments("tanh", 1, one, Region(-one, one), None)
    2
    >>> arguments("tanh", 1, one * np.nan, Region(-one, one), None)
    Traceback (most recent call last):
    ...
    ValueError: tanh: slopes is finite; got nan at index (0, 0)

    Raises:
        ValueError: see :func:`region`, :func:`quadratic` and :func:`inside`.
    """
    count = region(operation, arity, boxes)
    array_shape(operation, "slopes", slopes, (arity, count))
    finite(operation, "slopes", slopes)
    if form is not None:
        quadratic(operation, arity, count, form)
    inside(operation, domain, boxes)
    return count


def finite_bounds(operation: str, enclosure: Residual) -> Residual:
    """The enclosure itself, if its bounds are finite: an overflow is an error and never becomes a bound.

    Raises:
        ValueError: a bound is nan or infinite.
    """
    for name, bound in (("the lower bound", enclosure.lower), ("the upper bound", enclosure.upper)):
        finite(
            operation,
            f"{name} computed in binary64 (slopes, boxes and quadratics this large overflow)",
            bound,
        )
    return enclosure
