"""A worker process, seen from the process that started it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import certrnn
from certrnn.errors import Unsupported
from certrnn.runs.executors.executor import Failure, Limits
from certrnn.runs.executors.serving import read_frame, write_frame

WORKER = (sys.executable, "-m", "certrnn.runs.worker")
"""The command that starts a worker."""

START = 120.0
"""Seconds that a worker may take until it is ready."""

_LAST = 200
_THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Child:
    """Starts a process and speaks to it; it ends with us, and with :meth:`stop`.

    Args:
        job: what it must know before the first task.
        engine: the version its engine must have.
        limits: of each task.
        command: what starts it.
        threads: processor threads that it may use.
    """

    def __init__(
        self,
        job: bytes,
        engine: str,
        limits: Limits,
        command: Sequence[str] = WORKER,
        threads: int = 1,
    ) -> None:
        self._engine, self._limits = engine, limits
        self._said = ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(threads),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._inbox, self._outbox = self._process.stdin, self._process.stdout
        self.ready = False
        self.deadline = time.monotonic() + START
        self._send(b"L", json.dumps(limits.megabytes).encode())
        self._send(b"J", job)

    def fileno(self) -> int:
        """Readable when there is something to :meth:`receive`."""
        return self._outbox.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def give(self, task: bytes) -> None:
        """Hand over a task; its time begins."""
        seconds = self._limits.seconds
        self.deadline = float("inf") if seconds is None else time.monotonic() + seconds
        self._send(b"T", task)

    def receive(self) -> bytes | Failure | None:
        """The next message: None when the process has become ready, else the answer to its task; a failure of the kind
        ``died`` may come before it is ready.

        Raises:
            Unsupported: the process cannot work at all.
        """
        frame = read_frame(self._outbox)
        if frame is None:
            self.stop()
            return Failure("died", f"its worker {self._ending()}")
        tag, content = frame
        if tag == b"X":
            raise Unsupported("starting a worker", "it gets ready", content.decode())
        if tag == b"H":
            if content.decode() != self._engine:
                raise Unsupported(
                    "starting a worker",
                    f"its engine is {self._engine}",
                    content.decode(),
                    "Install the same certrnn everywhere.",
                )
            self.ready, self.deadline = True, float("inf")
            return None
        return Failure(*json.loads(content)) if tag == b"F" else content

    def overrun(self) -> Failure:
        """Its time is up: the process is ended.

        Raises:
            Unsupported: it never got ready.
        """
        self.stop()
        if not self.ready:
            raise Unsupported("starting a worker", f"it is ready within {START:g} s", "nothing")
        return Failure("timeout", f"over the time limit of {self._limits.seconds:g} s")

    def ask(self, task: bytes) -> bytes | Failure:
        """Give a task and wait for its answer."""
        while not self.ready:
            failure = self._step()
            if isinstance(failure, Failure):
                return failure
        self.give(task)
        answer = self._step()
        return Failure("died", "its worker got ready twice") if answer is None else answer

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process at once, and wait until it is gone."""
        if self._errors.closed:
            return
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        self._said = self._errors.read().decode(errors="replace").strip()
        for stream in (self._inbox, self._outbox, self._errors):
            with contextlib.suppress(OSError):  # what a dead process did not read any more
                stream.close()

    def _step(self) -> bytes | Failure | None:
        left = max(self.deadline - time.monotonic(), 0.0)
        timeout = None if left == float("inf") else left
        readable, _, _ = select.select([self], [], [], timeout)
        return self.receive() if readable else self.overrun()

    def _send(self, tag: bytes, content: bytes) -> None:
        with contextlib.suppress(OSError):  # a process that has gone is seen when its answer is read
            write_frame(self._inbox, tag, content)

    def _ending(self) -> str:
        """How the process ended, with the last line it wrote."""
        code = self._process.returncode
        said = f": {self._said.splitlines()[-1].strip()[:_LAST]}" if self._said else ""
        return (f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}") + said


def _environment(threads: int) -> dict[str, str]:
    """Ours, but for the threads of each worker; a user's own setting stays."""
    own = {name: str(threads) for name in _THREADS}
    path = [str(Path(certrnn.__path__[0]).parent), os.environ.get("PYTHONPATH", "")]
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        **own,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
    }
