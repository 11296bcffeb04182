"""A real Dask cluster on this machine, one of whose workers is killed in the middle of a run."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certrnn.errors import UsageError
from certrnn.runs.coordinator import execute
from certrnn.runs.executors import Limits
from certrnn.runs.loop import executor_for
from certrnn.runs.settings import Settings
from certrnn.runs.store import read_results, writing
from tests.runs.light import QUERY, light, plain, plan_of, timeless

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """Two worker processes; their nannies replace what dies."""
    with warnings.catch_warnings():
        # a killed worker's connections are found by the garbage collector, and ports may be taken
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", "Port .* is already in use", UserWarning)
        with distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as made:
            yield made


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_table_is_the_same_with_a_worker_killed(tmp_path: Path) -> None:
    model, sequences = light(8)
    truth = plain(model, sequences)
    plan, job = plan_of(model, sequences, size=8), model.job(sequences, QUERY)
    with cluster() as made:
        address = "dask://" + made.scheduler_address.removeprefix("tcp://")
        settings = Settings(executor=address, limits=Limits(seconds=100.0))
        executor = executor_for(settings, job)
        before = {worker["pid"] for worker in workers(made)}
        assert len(before) == 2
        finished = 0
        with writing(tmp_path / "run", plan) as store:
            for rows in execute(job, plan.tasks(job), executor, store):
                if not finished:
                    os.kill(min(before), signal.SIGKILL)
                finished += len(rows)
            store.compact()
    assert finished == len(truth)
    assert timeless(read_results(tmp_path / "run")) == truth


def workers(made: Any) -> list[dict]:
    with distributed.Client(made.scheduler_address, set_as_default=False) as client:
        return [{"pid": pid} for pid in client.run(os.getpid).values()]


def test_nobody_at_the_address_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from certrnn.runs.executors import dask

    monkeypatch.setattr(dask, "CONNECT", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UsageError, match="scheduler answers"):
        dask.Dask(f"dask://127.0.0.1:{port}", b"", "")
