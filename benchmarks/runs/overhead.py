"""What a run costs beside its tasks: milliseconds of the coordinator a task, and how much of two workers is at work.

    python -m benchmarks.runs.overhead              # both tables, about two minutes on an idle machine with two cores

Overhead: tasks that do nothing, through the real plan, journal (synced) and executors. Given are wall time a task, the
coordinator's own processor time a task, and the time once all rows go into Parquet. Efficiency: tasks that compute for
about a second, first with one worker, then with several: wall time with one over (workers x wall time with many), from
when the workers are ready. ``at work`` is the share of the workers' wall time that is spent inside tasks: it does not
suffer from other programs on the machine, whose load is printed.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import certrnn
from certrnn.certification import Query
from certrnn.datasets import Sequences
from certrnn.encode import unpack
from certrnn.results.row import Row
from certrnn.runs.answerer import rows_as_bytes
from certrnn.runs.coordinator import execute
from certrnn.runs.executors import Executor, InProcess, Processes
from certrnn.runs.executors.serving import Answer, serve
from certrnn.runs.parcel import Ask
from certrnn.runs.plan import Plan
from certrnn.runs.store import read_entries, writing

ENGINE = "benchmark"
QUERY = Query((0.01,), "all")


def working(loops: int) -> Answer:
    """Answers after so many loops; the row's seconds are when it began and the margin when it ended."""

    def answer(task: bytes) -> bytes:
        ask: Ask = unpack(task)
        begun = time.time()
        spin(loops)
        eps = ask.part.eps
        return rows_as_bytes(
            [
                Row(n, "all", 0, 0, "unknown", eps, None, None, None, time.time(), "nothing", begun)
                for n in ask.sequences.numbers
            ]
        )

    return answer


def spin(loops: int) -> float:
    """Work that fits into no cache line less and needs no memory."""
    total = 0.0
    for number in range(loops):
        total += number * 0.5
    return total


def loops_a_second() -> int:
    """On this machine as it is now."""
    start = time.process_time()
    spin(2_000_000)
    return int(2_000_000 / (time.process_time() - start))


@dataclass(frozen=True)
class Timing:
    """Seconds of one run: from when the first task began (or the run, where there is nothing to start) to the last row,
    of the coordinator's processor, of the compaction, and of all tasks together."""

    wall: float
    processor: float
    compaction: float
    tasks: float


def timed(samples: int, executor: Executor) -> Timing:
    """A run of ``samples`` tasks of one sample, 8 frames of 8 features."""
    x = np.random.default_rng(0).random((samples, 8, 8))
    job = certrnn.load("example:digits_rnn").job(Sequences.of(x, [0] * samples), QUERY)
    plan = Plan.of(job, 1)
    tasks = plan.tasks(job)
    with tempfile.TemporaryDirectory() as place, writing(Path(place) / "run", plan) as store:
        processor = time.process_time()
        for _ in execute(job, tasks, executor, store):
            pass
        ended = time.time()
        processor = time.process_time() - processor
        start = time.perf_counter()
        store.compact()
        compaction = time.perf_counter() - start
        rows = list(read_entries(store.folder).values())
    assert len(rows) == samples
    began = min(row.seconds for row in rows)
    inside = sum((row.margin or 0.0) - row.seconds for row in rows)
    return Timing(ended - began, processor, compaction, inside)


def processes(workers: int, loops: int) -> Processes:
    command = (sys.executable, str(Path(__file__).resolve()), "--worker", str(loops))
    return Processes(workers, b"", ENGINE, command=command)


@contextmanager
def dask(workers: int, loops: int) -> Iterator[Executor]:
    """A cluster with a scheduler of its own: its time is not the coordinator's."""
    from certrnn.runs.executors.dask import Dask

    made = [sys.executable, str(Path(__file__).resolve()), "--cluster", str(workers)]
    command = (sys.executable, str(Path(__file__).resolve()), "--worker", str(loops))
    with subprocess.Popen(made, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        yield Dask("dask://" + cluster.stdout.readline().strip(), b"", ENGINE, command=command)
        cluster.stdin.close()


def be_cluster(workers: int) -> None:
    """Print the scheduler's address, and go on until the other side is gone."""
    from distributed import LocalCluster

    options: dict[str, Any] = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=workers, threads_per_worker=1, **options) as cluster:
        made: Any = cluster
        print(made.scheduler_address, flush=True)
        sys.stdin.read()


def overhead(tasks: int) -> None:
    print(f"\noverhead, {tasks} tasks that do nothing")
    print("executor      ms a task (wall)   ms a task (coordinator's processor)   compaction, s")
    show = "{:<12} {:>17.2f} {:>37.2f} {:>15.2f}".format
    found = [
        ("in-process", timed(tasks, InProcess(working(0)))),
        ("processes 2", timed(tasks, processes(2, 0))),
    ]
    with dask(2, 0) as executor:
        found.append(("dask 2", timed(tasks, executor)))
    for name, one in found:
        print(show(name, 1e3 * one.wall / tasks, 1e3 * one.processor / tasks, one.compaction))


def efficiency(tasks: int, workers: int, seconds: float) -> None:
    loops = int(loops_a_second() * seconds)
    print(f"\nefficiency, {tasks} tasks of about {seconds:g} s of processor time")
    print("executor      wall, s   in tasks, s   at work   efficiency")
    one = timed(tasks, processes(1, loops))
    print(f"{'processes 1':<12} {one.wall:>8.2f} {one.tasks:>13.2f} {one.tasks / one.wall:>9.3f}")
    many = {f"processes {workers}": timed(tasks, processes(workers, loops))}
    with dask(workers, loops) as executor:
        many[f"dask {workers}"] = timed(tasks, executor)
    for name, found in many.items():
        at_work, share = found.tasks / (workers * found.wall), one.wall / (workers * found.wall)
        print(f"{name:<12} {found.wall:>8.2f} {found.tasks:>13.2f} {at_work:>9.3f} {share:>12.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=2000, help="tasks of the overhead (2000)")
    parser.add_argument("--long", type=int, default=20, help="tasks of the efficiency (20)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of processor time a long task (1)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker", type=int, metavar="LOOPS", help=argparse.SUPPRESS)
    parser.add_argument("--cluster", type=int, metavar="WORKERS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        serve(lambda _: (working(given.worker), ENGINE))
    if given.cluster is not None:
        be_cluster(given.cluster)
        return
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; load before: {load}"
    )
    overhead(given.tasks)
    efficiency(given.long, given.workers, given.seconds)
    print(f"\nload after: {', '.join(f'{value:.1f}' for value in os.getloadavg())}")


if __name__ == "__main__":
    main()
