"""Plans at work on batches of regions."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.domains.zonotope.compiled.plan import Plan, plan
from certrnn.ir import Affine, Constant, Elementwise, Graph, Input, Node
from certrnn.regions import Region

_KEPT = 16
"""Plans that are kept: a search asks for the same few again and again."""

_KEPT_BYTES = 1 << 24
"""Arrays of a thread that are kept from call to call."""

_SMALLEST = 1e-20
"""Maps whose largest weight is below this, or above its inverse, are left to the tensors."""

Work = tuple[np.ndarray, np.ndarray, np.ndarray]

_THREAD_SECONDS = 2e-4
"""Work that is worth a thread, several times what it takes to wake one."""

_MEMORY = 1 << 31
"""Bytes that the generators of all threads may take together."""

Bounds = list[tuple[torch.Tensor, torch.Tensor]]
"""Lower and upper bounds (B, size) of every node."""


@dataclass(frozen=True, eq=False)
class Compiled:
    """A graph with some frames disturbed, ready to run."""

    graph: Graph
    plan: Plan
    _idle: list[Work] = field(default_factory=list)

    def lower(self, region: Region, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Sound lower bounds (B, K) of ``rows @ output + offset``; rows (B, K, n), offset (B, K)."""
        return self._run(region, rows, offset, False)[0]

    def bounds(self, region: Region) -> Bounds:
        """Bounds of every node; the plan observes them."""
        batch, width = region.batch, self.graph.outputs
        rows = torch.zeros(batch, 1, width, dtype=torch.float64)
        _, (lower, upper) = self._run(region, rows, rows[:, :, 0], True)
        sizes = [node.size for node in self.graph.nodes]
        return list(zip(lower.split(sizes, dim=1), upper.split(sizes, dim=1), strict=True))

    def _run(
        self, region: Region, rows: torch.Tensor, offset: torch.Tensor, observe: bool
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        batch, p = region.batch, self.plan
        rows, offset = self._checked(region, rows, offset)
        boxes = tuple(box.flatten(1) for box in region.boxes())
        total = sum(node.size for node in self.graph.nodes) if observe else 0
        bounds = torch.empty(batch, rows.shape[1], dtype=torch.float64)
        seen = (bounds.new_empty(batch, total), bounds.new_empty(batch, total))
        if not batch:
            return bounds, seen
        nodes = np.array(p.values, dtype=np.int64)
        arguments = (p.instructions, p.w, p.s, p.index, _plain(*boxes), _plain(rows, offset))
        self._spread((*arguments, to_numpy(bounds), _plain(*seen), nodes), batch)
        return bounds, seen

    def _checked(
        self, region: Region, rows: torch.Tensor, offset: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (B, K, n) and offset (B, K): the machine itself looks at no shape."""
        _, frames, features = region.center.shape
        sizes = {node.size for node in self.graph.nodes if isinstance(node, Input)}
        if frames < self.graph.frames or sizes - {features}:
            raise ValueError(
                f"propagating a region: the graph reads {self.graph.frames} frames of {sorted(sizes)} features; "
                f"got {frames} of {features}"
            )
        rows = rows.expand(region.batch, -1, self.graph.outputs)
        return rows, offset.expand(region.batch, rows.shape[1])

    def _work(self, arguments: tuple[object, ...], start: int, stop: int) -> None:
        """One thread's share. Its arrays are kept for the next call unless they are large: fresh memory costs as much
        as what is done with it."""
        from certrnn.domains.zonotope.compiled.machine import run

        p = self.plan
        try:
            work = self._idle.pop()
        except IndexError:
            # vectors, generators with room for whole vector registers, scaled panels
            generators, panels = (np.empty(n, np.float32) for n in (p.generators + 64, p.panels))
            work = np.zeros(p.vectors), generators, panels
        run(*arguments, work, start, stop)
        if 8 * p.vectors + 4 * p.generators <= _KEPT_BYTES:
            self._idle.append(work)

    def _spread(self, arguments: tuple[object, ...], batch: int) -> None:
        """Share the batch among as many threads as torch uses, as memory allows and as have something to do."""
        enough = max(1, int(batch * self.plan.seconds / _THREAD_SECONDS))
        threads = min(
            torch.get_num_threads(), batch, enough, max(1, _MEMORY // (4 * self.plan.generators + 1))
        )
        ends = [batch * i // threads for i in range(threads + 1)]
        if threads < 2:
            self._work(arguments, 0, batch)
            return
        pool = _pool(torch.get_num_threads())
        others = [pool.submit(self._work, arguments, *ends[i : i + 2]) for i in range(1, threads)]
        self._work(arguments, 0, ends[1])
        for other in others:
            other.result()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work; one of ``threads`` is the caller's. To start one takes as long as a small network's
    propagation."""
    return ThreadPoolExecutor(threads - 1, "certrnn")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


def _plain(*tensors: torch.Tensor) -> tuple[np.ndarray, ...]:
    """In the one memory layout that the machine is compiled for."""
    return tuple(np.require(to_numpy(t), np.float64, ["C", "W"]) for t in tensors)


def compiled(graph: Graph, frames: tuple[int, ...]) -> Compiled | None:
    """The graph with these frames disturbed; None where a function of it has no scalar kernel, values are empty,
    or weights out of its range."""
    entry = _planned(graph, frames)
    if not entry.current:
        _planned.cache_clear()
        entry = _planned(graph, frames)
    return entry.run


@dataclass(frozen=True, eq=False)
class _Planned:
    """A plan, if there is one, and the numbers that it was made from: a plan holds copies of weights."""

    run: Compiled | None
    weights: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @property
    def current(self) -> bool:
        """Whether no weight has changed, in whatever way: a tensor counts no change through ``data`` or numpy."""
        return all(torch.equal(weight, copy) for weight, copy in self.weights)


@lru_cache(maxsize=_KEPT)
def _planned(graph: Graph, frames: tuple[int, ...]) -> _Planned:
    with torch.inference_mode(False), torch.no_grad():
        weights = tuple((weight, weight.detach().clone()) for weight in _weights(graph))
        return _Planned(_compiled(graph, frames), weights)


def _compiled(graph: Graph, frames: tuple[int, ...]) -> Compiled | None:
    if any(isinstance(node, Elementwise) and node.transformer.scalar() is None for node in graph.nodes):
        return None
    if not all(node.size for node in graph.nodes) or not all(map(_moderate, graph.nodes)):
        return None
    return Compiled(graph, plan(graph, frames))


def _weights(graph: Graph) -> list[torch.Tensor]:
    """Every tensor of the graph once: steps of a network share theirs."""
    tensors: dict[int, torch.Tensor] = {}
    for node in graph.nodes:
        for tensor in (node.weight, node.bias) if isinstance(node, Affine) else ():
            tensors[id(tensor)] = tensor
        if isinstance(node, Constant):
            tensors[id(node.value)] = node.value
    return list(tensors.values())


def _moderate(node: Node) -> bool:
    """Whether single precision holds the node's weights. Small ones beside others may lose all their digits: that is
    paid for, and little."""
    if not isinstance(node, Affine):
        return True
    largest = float(node.weight.abs().max())
    return largest == 0.0 or _SMALLEST < largest < 1.0 / _SMALLEST
