"""Every executor comes to the table of a run without a folder; what a task does never ends a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from certrnn.encode import pack
from certrnn.engine import engine_version
from certrnn.errors import Unsupported, UsageError
from certrnn.model import load
from certrnn.runs.answerer import Answerer
from certrnn.runs.coordinator import execute
from certrnn.runs.executors import Executor, InProcess, Limits, Processes
from certrnn.runs.loop import executor_for
from certrnn.runs.parcel import Parcel
from certrnn.runs.settings import Settings
from certrnn.runs.store import read_results, writing
from tests.runs.light import POISON, QUERY, light, plain, plan_of, timeless
from tests.runs.poison_worker import DIES, EATS, HANGS, LIES, PRINTS, RAISES

ROOT = Path(__file__).resolve().parents[2]
MODEL, SEQUENCES = light(8)
JOB = MODEL.job(SEQUENCES, QUERY)
PARCEL = Parcel.of(JOB).packed()
TRUTH = plain(MODEL, SEQUENCES)


def carried_out(folder: Path, executor: Executor, size: int = 8) -> list:
    plan = plan_of(MODEL, SEQUENCES, size=size)
    with writing(folder, plan) as store:
        for _ in execute(JOB, plan.tasks(JOB), executor, store):
            pass
        store.compact()
    return timeless(read_results(folder))


def test_in_process_is_like_no_folder(tmp_path: Path) -> None:
    found = MODEL.run(SEQUENCES, QUERY, tmp_path / "run")
    assert timeless(found) == TRUTH
    assert found.notes == JOB.collect(TRUTH).notes
    assert not (tmp_path / "run" / "journal").exists()


def test_processes_answer_the_same_and_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    executor = executor_for(Settings(workers=2), JOB)
    assert isinstance(executor, Processes)
    plan = plan_of(MODEL, SEQUENCES, size=8)
    killed: list[int] = []
    with writing(tmp_path / "run", plan) as store:
        for _ in execute(JOB, plan.tasks(JOB), executor, store):
            if len(killed) < 2:  # the first is at work or idle, the second perhaps not ready yet
                killed.append(executor.pids[-len(killed)])
                os.kill(killed[-1], signal.SIGKILL)
    assert not set(killed) & set(executor.pids)
    assert timeless(read_results(tmp_path / "run")) == TRUTH


def test_a_poisonous_sample_is_recorded_with_its_reason_and_its_neighbours_are_answered(
    tmp_path: Path,
) -> None:
    limits = Limits(seconds=6.0, megabytes=1024)
    plan = plan_of(MODEL, SEQUENCES, size=7)
    tasks = [task for task in plan.tasks(JOB) if task.part.name == [0] and task.part.eps == 0.001]
    assert [len(task.keys) for task in tasks] == [7, 1]
    with writing(
        tmp_path / "run", plan
    ) as store:  # a worker that is ended costs a second: the last task has one sample
        executor = Processes(1, PARCEL, engine_version(), limits, POISON)
        found = [row for rows in execute(JOB, tasks, executor, store) for row in rows]
    rows = {row.sample: row for row in found}
    assert len(found) == len(rows) == 8
    good = {
        row.sample: row for row in TRUTH if (row.frames, row.eps) == (tasks[0].part.name, tasks[0].part.eps)
    }
    for number in (0, 4, PRINTS):
        assert (rows[number].verdict, rows[number].reason) == (good[number].verdict, "")
    bad = {n: (rows[n].verdict, rows[n].reason) for n in (RAISES, HANGS, EATS, DIES, LIES)}
    assert bad[RAISES] == ("error", "ValueError: this sample is poisonous")
    assert bad[HANGS] == ("timeout", "over the time limit of 6 s")
    assert bad[EATS][0] == "error"
    assert "out of memory" in bad[EATS][1]
    assert bad[DIES] == ("error", f"its worker was killed by signal {int(signal.SIGSEGV)}: about to crash")
    assert bad[LIES] == ("error", "the worker answered another question")
    assert all(rows[number].eps_certified is None for number in bad)
    notes = read_results(tmp_path / "run").notes
    assert sum("ended in" in note for note in notes) == 3
    assert not any("SELF-CHECK" in note for note in notes)


def refusing(task: bytes) -> bytes:
    raise MemoryError


def interrupting(task: bytes) -> bytes:
    raise KeyboardInterrupt


def test_exceptions_in_process_are_failures_and_interrupts_are_not(tmp_path: Path) -> None:
    rows = carried_out(tmp_path / "run", InProcess(refusing))
    assert {(row.verdict, row.reason) for row in rows} == {("error", "out of memory")}
    assert len(rows) == len(TRUTH)
    with pytest.raises(KeyboardInterrupt):
        carried_out(tmp_path / "other", InProcess(interrupting))


def test_what_failed_is_answered_anew_only_when_asked(tmp_path: Path) -> None:
    carried_out(tmp_path / "run", InProcess(refusing), size=16)
    again = MODEL.run(SEQUENCES, QUERY, tmp_path / "run", Settings(size=16))
    assert set(again.counts()) == {"error"}
    retried = MODEL.run(SEQUENCES, QUERY, tmp_path / "run", Settings(size=16, retry=True))
    assert timeless(retried) == TRUTH


def never(job: bytes) -> bytes:
    raise AssertionError


def test_nothing_finished_is_asked_again_and_pieces_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    plan = plan_of(MODEL, SEQUENCES, size=8)
    tasks = plan.tasks(JOB)
    answerer, asked = Answerer(JOB, SEQUENCES.kinds), []

    def noting(task: bytes) -> bytes:
        from certrnn.encode import unpack

        asked.append(unpack(task).sequences.numbers)
        return answerer(task)

    with writing(tmp_path / "run", plan) as store:
        rows = timeless(row for rows in execute(JOB, tasks[:1], InProcess(noting), store) for row in rows)
        held = dict(zip(tasks[0].keys, rows, strict=True))
        del held[tasks[0].keys[2]]
        asked.clear()
        partly = type(store)(store.folder, plan, held)
        list(execute(JOB, tasks[:1], InProcess(noting), partly))
    assert asked == [(2,)]
    assert [t.positions for t in tasks[0].left(set(tasks[0].keys[3:4]))] == [(0, 1), (2,), (4, 5, 6, 7)]
    MODEL.run(SEQUENCES, QUERY, tmp_path / "whole", Settings(size=8))
    with writing(tmp_path / "whole", plan_of(MODEL, SEQUENCES, size=8)) as store:
        assert list(execute(JOB, tasks, InProcess(never), store)) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("false",), "it gets ready"),
        (
            ("{python}", "-c", "import time; time.sleep(0.2); raise SystemExit('no torch here')"),
            "no torch here",
        ),
    ],
)
def test_a_worker_that_cannot_start_ends_the_run_with_a_line(
    tmp_path: Path, command: tuple[str, ...], message: str
) -> None:
    given = [part.replace("{python}", sys.executable) for part in command]
    with pytest.raises(Unsupported, match=message):
        carried_out(tmp_path / "run", Processes(1, PARCEL, engine_version(), command=given))


def test_another_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="engine"):
        carried_out(tmp_path / "run", Processes(1, PARCEL, "0.0.1+other", command=POISON))


def test_a_model_that_changed_is_refused(tmp_path: Path) -> None:
    from certrnn.errors import InvalidInput

    changed = tmp_path / "model.onnx"
    changed.write_bytes(MODEL.network.path.read_bytes())
    model = load(changed)
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(InvalidInput, match="changed"):
        Parcel.of(model.job(SEQUENCES, QUERY))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Settings(workers=0),
        lambda: Settings(executor="cloud"),
        lambda: Settings(executor="in-process", workers=2),
        lambda: Settings(executor="in-process", limits=Limits(1.0)),
        lambda: Settings(executor="dask://localhost:1", workers=2),
        lambda: Settings(limits=Limits(0.0)),
        lambda: Settings(limits=Limits(None, 0)),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: Callable[[], Settings]) -> None:
    with pytest.raises(UsageError):
        wrong()


def test_an_answer_is_for_the_task_and_nothing_else() -> None:
    with pytest.raises(Exception, match="samples"):
        Answerer(JOB)(pack(QUERY))


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_coordinator_that_is_killed() -> None:
    program = (
        "import sys, time; from certrnn.runs.executors import Processes\n"
        "with Processes(1, b'', '', command=sys.argv[1:]) as workers:\n"
        "    print(*workers.pids, flush=True); time.sleep(600)"
    )
    worker = "from certrnn.runs.executors.serving import serve; serve(lambda job: (bytes, ''))"
    command = [sys.executable, "-c", program, sys.executable, "-c", worker]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as coordinator:
        assert coordinator.stdout is not None
        pid = int(coordinator.stdout.readline())
        assert running(pid)
        coordinator.kill()
    deadline = time.monotonic() + 60
    while running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
