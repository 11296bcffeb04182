"""Kills runs with SIGKILL at random moments until so many kills are done, and says what was lost, doubled or wrong.

``python -m tests.runs.killing --kills 1000`` from the root of the checkout. A run is a process forked from this one, so
that a kill costs milliseconds; it writes a real folder with the real store, and reports every row through a pipe once
the row was handed out as finished.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from pyarrow import parquet

from certrnn.certification.job import CertifyJob
from certrnn.datasets import Sequences
from certrnn.model import Model
from certrnn.results.row import Row
from certrnn.runs.job import Part, Tick
from certrnn.runs.loop import carry_out
from certrnn.runs.settings import Settings
from certrnn.runs.store import PLAN, ROWS, read_entries, read_results
from tests.runs.light import QUERY, light, timeless

SETTINGS = Settings(size=1)


@dataclass
class Tally:
    """What happened to all runs together."""

    kills: int = 0
    runs: int = 0
    rows: int = 0
    lost: int = 0
    twice: int = 0
    wrong: int = 0
    kills_in_tasks: int = 0
    kills_after_the_last_task: int = 0
    kills_before_the_plan: int = 0
    seconds: float = 0.0


def tell(pipe: int) -> None:
    """From here on, in this process, the samples that are asked about are reported. The network is not held against
    onnxruntime, whose threads survive no fork."""
    plain = CertifyJob.answers

    def answers(job: CertifyJob, part: Part, tick: Tick) -> Iterator[list[Row]]:
        for rows in plain(job, part, tick):
            report(pipe, "answered", rows)
            yield rows

    CertifyJob.answers = answers
    CertifyJob.check = lambda job: None


def report(pipe: int, what: str, rows: Sequence[Row]) -> None:
    if pipe >= 0:
        os.write(pipe, "".join(json.dumps([what, identity(row)]) + "\n" for row in rows).encode())


def identity(row: Row) -> str:
    return f"{row.sample} {row.frames} {row.eps}"


def child(model: Model, sequences: Sequences, folder: Path, pipe: int) -> None:
    """Carry out a run, and report each row that is answered, and each that is handed out; ends the process."""
    try:
        tell(pipe)
        for rows in carry_out(model.job(sequences, QUERY), SETTINGS, folder):
            report(pipe, "finished", rows)
    except BaseException as error:
        os.write(pipe, (json.dumps(["failed", f"{type(error).__name__}: {error}"]) + "\n").encode())
    os._exit(0)


def one_process(model: Model, sequences: Sequences, folder: Path, after: float) -> tuple[list[list], bool]:
    """Let a process work for ``after`` seconds at most; returns its reports, and whether it was killed."""
    inlet, outlet = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(inlet)
        child(model, sequences, folder, outlet)
    os.close(outlet)
    deadline = time.monotonic() + after
    killed = True
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            killed = False
            break
        time.sleep(0.0005)
    if killed:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    with os.fdopen(inlet, "rb") as stream_:
        content = stream_.read()
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], killed


def one_run(
    model: Model,
    sequences: Sequences,
    truth: Sequence[Row],
    folder: Path,
    tally: Tally,
    chance: random.Random,
) -> None:
    """Kill and resume until the run is whole, and hold it against an uninterrupted one."""
    finished: set[str] = set()
    while True:
        reports, killed = one_process(model, sequences, folder, chance.uniform(0.0, tally.seconds))
        answered = [text for what, text in reports if what == "answered"]
        tally.twice += len(answered) - len(set(answered) - finished)
        tally.wrong += sum(what == "failed" for what, _ in reports)
        finished |= {text for what, text in reports if what == "finished"}
        held = set()
        if (folder / PLAN).exists():
            held = {identity(row) for row in read_entries(folder).values()}
        tally.lost += len(finished - held)
        finished |= held  # written, though it was killed before it could say so
        if not killed:
            break
        tally.kills += 1
        _where(folder, len(held) == len(truth), tally)
    tally.runs += 1
    tally.rows += len(truth)
    tally.wrong += timeless(read_results(folder)) != list(truth)
    keys = parquet.read_table(folder / ROWS).column("key").to_pylist()
    tally.twice += len(keys) - len(set(keys))


def _where(folder: Path, answered: bool, tally: Tally) -> None:
    if not (folder / PLAN).exists():
        tally.kills_before_the_plan += 1
    elif answered:
        tally.kills_after_the_last_task += 1
    else:
        tally.kills_in_tasks += 1


def kill(count: int, seed: int, samples: int = 3) -> Tally:
    """Runs until ``count`` kills are done."""
    torch.set_num_threads(1)
    model, sequences = light(samples)
    chance = random.Random(seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        truth = timeless(model.run(sequences, QUERY, Path(place) / "whole", SETTINGS))
        start = time.monotonic()
        _, killed = one_process(model, sequences, Path(place) / "timed", 60.0)
        tally.seconds = time.monotonic() - start
        assert not killed
        while tally.kills < count:
            one_run(model, sequences, truth, Path(place) / str(tally.runs), tally, chance)
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = kill(given.kills, given.seed)
    print(json.dumps(asdict(found)))
    sys.exit(bool(found.lost or found.twice or found.wrong))
