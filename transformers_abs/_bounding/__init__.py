"""Rigorous enclosures of ``p(x) q(y) - A x - B y - quadratic`` over boxes clipped by cuts, for products of two factors.

:func:`enclose_separable` is the only way in. :mod:`._axis` tabulates a factor, :mod:`._cells` bounds cells,
:mod:`._clipping` takes the cuts into account, :mod:`._counting` gathers bounds and values seen, :mod:`._parents`
quarters and queues cells, :mod:`._search` decides which, and :mod:`._enclose` accounts for rounding.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from transformers_abs._bounding._axis import IDENTITY, SIGMOID, TANH
from transformers_abs._bounding._enclose import enclose_range
from transformers_abs._bounding._layout import STRIPS
from transformers_abs._protocol import Cuts, Quadratic, Region, Residual

__all__ = ["IDENTITY", "SIGMOID", "TANH", "enclose_separable"]

_BLOCK = 4096
"""Regions a thread takes at a time; fewer than two blocks are not worth a thread (a few ms a block)."""


def _threads(count: int) -> int:
    """Threads for ``count`` regions: OMP_NUM_THREADS or else the cores this process may use, at most one a block."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    affinity = getattr(os, "sched_getaffinity", None)
    cores = (
        int(setting)
        if setting.isdigit() and int(setting) > 0
        else len(affinity(0))
        if affinity
        else os.cpu_count() or 1
    )
    return max(1, min(cores, count // _BLOCK))


def _plain(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The arrays in the one memory layout the kernel is compiled for: copies of strided or read-only ones."""
    return tuple(np.require(array, requirements=["C", "W"]) for array in arrays)


def enclose_separable(
    kinds: tuple[int, int], slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None
) -> Residual:
    """Enclose ``p(x) q(y) - slopes . (x, y) - quadratic`` on N checked regions.

    Args:
        kinds: the factors p and q, each IDENTITY, SIGMOID or TANH.
        slopes: (2, N).

    The result does not depend on the number of threads. Where magnitudes exceed 1e60 the bounds are nan: callers refuse
    those (:func:`transformers_abs._validate.finite_bounds`).
    """
    count = region.lower.shape[1]
    empty = np.empty((2, 0))
    cuts = region.cuts if region.cuts is not None else Cuts(empty, empty, np.empty((STRIPS, 0)))
    form = quadratic if quadratic is not None else Quadratic(np.empty((3, 0)), empty, empty)
    low, high = np.empty(count), np.empty(count)
    argmin, argmax = np.empty((2, count)), np.empty((2, count))
    boxes = _plain(region.lower, region.upper)
    cut, bent = region.cuts is not None, quadratic is not None
    given_cuts = _plain(cuts.center, cuts.scale, cuts.width)
    given_form = _plain(form.coefficients, form.center, form.scale)
    arguments = (
        *kinds,
        *_plain(slopes),
        boxes,
        cut,
        given_cuts,
        bent,
        given_form,
        (low, high, argmin, argmax),
    )
    threads = _threads(count)
    if threads == 1:
        enclose_range(*arguments, 0, count)
        return Residual(low, high, argmin, argmax)
    with ThreadPoolExecutor(threads) as pool:
        blocks = [(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
        for done in [pool.submit(enclose_range, *arguments, *block) for block in blocks]:
            done.result()
    return Residual(low, high, argmin, argmax)
