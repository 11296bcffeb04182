"""Throughput and tightness of every enclosure: ``python -m benchmarks.speed.enclosures``.

Elements a second (best of five, CPU seconds for one thread, wall seconds for all of them), and by how much enclosures
are wider than the true range of the residual for the same slopes, on boxes typical of LSTMs (centres in [-4, 4], widths
0.01 to 6), whole and clipped by the cuts of random zonogons. The truth is sampled by grids that zoom in.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from transformers_abs import DIRECTIONS, Cuts, Region, Secant, Transformer
from transformers_abs.bivariate import BIVARIATE
from transformers_abs.univariate import UNIVARIATE


def boxes(arity: int, count: int, cut: bool) -> Region:
    rng = np.random.default_rng(7)
    shape = (arity, count)
    center, half = rng.uniform(-4.0, 4.0, shape), 0.5 * 10.0 ** rng.uniform(-2.0, 0.78, shape)
    if not cut:
        return Region(center - half, center + half)
    generators = rng.normal(size=(2, 12, count)) * np.exp(rng.normal(size=(1, 12, count)))
    generators[1] += 2.0 * rng.uniform(-1.0, 1.0, count) * generators[0]
    generators /= np.abs(generators).sum(axis=1, keepdims=True)
    widths = np.abs(np.einsum("kd,dmn->kmn", DIRECTIONS, generators)).sum(axis=1)
    return Region(center - half, center + half, Cuts(center, 1.0 / half, widths))


def first(region: Region, count: int) -> Region:
    cuts = region.cuts
    if cuts is not None:
        cuts = Cuts(cuts.center[:, :count], cuts.scale[:, :count], cuts.width[:, :count])
    return Region(region.lower[:, :count], region.upper[:, :count], cuts)


def rate(transformer: Transformer, slopes: np.ndarray, region: Region, threads: int) -> float:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    best = np.inf
    for _ in range(5):
        start = clock()
        transformer.residual(slopes, region)
        best = min(best, clock() - start)
    return slopes.shape[1] / best


def inside(region: Region, points: np.ndarray) -> np.ndarray:
    if region.cuts is None:
        return np.ones(points.shape[1:], dtype=bool)
    e = (points - region.cuts.center[:, :, None]) * region.cuts.scale[:, :, None]
    reach = np.abs(np.einsum("kd,dnp->knp", DIRECTIONS, e))
    return (reach <= region.cuts.width[:, :, None] * (1.0 + 1e-12)).all(axis=0)


def excess(transformer: Transformer, slopes: np.ndarray, region: Region) -> np.ndarray:
    """(hi - lo) / (true hi - true lo) - 1 for each region."""
    enclosure = transformer.residual(slopes, region)
    arity, count = region.lower.shape
    ticks = np.linspace(0.0, 1.0, 401 if arity == 1 else 41)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[ticks] * arity)])[:, None]
    width = np.zeros(count)
    for sign in (-1.0, 1.0):
        lower, upper, best = region.lower[:, :, None], region.upper[:, :, None], np.full(count, -np.inf)
        for _ in range(7):
            points = lower + grid * (upper - lower)
            values = sign * (transformer.value(*points) - (slopes[:, :, None] * points).sum(axis=0))
            values = np.where(inside(region, points), values, -np.inf)
            best = np.maximum(best, values.max(axis=1))
            middle = np.take_along_axis(points, values.argmax(axis=1)[None, :, None], axis=2)
            lower = np.maximum(region.lower[:, :, None], middle - 0.12 * (upper - lower))
            upper = np.minimum(region.upper[:, :, None], middle + 0.12 * (upper - lower))
        width += best
    proper = (
        width > 1e-12
    )  # a residual that is constant (a rectifier on one side of its kink) has no width to compare
    return (enclosure.upper - enclosure.lower)[proper] / width[proper] - 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=65536)
    parser.add_argument("--sampled", type=int, default=400, help="regions whose true range is sampled")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print("elements a second on one and on all threads, and excess width")
    print(
        f"{'transformer':14} {'region':8} {'1 thread':>10} {f'{cores} threads':>10} {'median':>8} {'p90':>8}"
    )
    for transformer in {t.name: t for t in (*UNIVARIATE, *BIVARIATE)}.values():
        for cut in (False, True)[: transformer.arity]:
            region = boxes(transformer.arity, options.elements, cut)
            slopes = Secant()(transformer, Region(region.lower, region.upper))
            one, many = (rate(transformer, slopes, region, threads) for threads in (1, cores))
            some = np.ascontiguousarray(slopes[:, : options.sampled])
            share = excess(transformer, some, first(region, options.sampled))
            median, high = np.median(share), np.quantile(share, 0.9)
            kind = "clipped" if cut else "box"
            print(f"{transformer.name:14} {kind:8} {one:10.3g} {many:10.3g} {median:8.2%} {high:8.2%}")


if __name__ == "__main__":
    main()
