"""A worker that answers like any other, but chokes on some samples, each in its own way."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from certrnn.encode import unpack
from certrnn.runs.answerer import opening
from certrnn.runs.executors.serving import Answer, serve

RAISES, HANGS, EATS, LIES, PRINTS, DIES = 1, 2, 3, 5, 6, 7


def choking(job: bytes) -> tuple[Answer, str]:
    answer, engine = opening(job)

    def poisoned(task: bytes) -> bytes:
        numbers = unpack(task).sequences.numbers
        if RAISES in numbers:
            raise ValueError("this sample is poisonous")
        if HANGS in numbers:
            time.sleep(600.0)
        if EATS in numbers:
            return bytes(bytearray(2 << 30))
        if DIES in numbers:
            print("about to crash", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if LIES in numbers:
            return answer(task).replace(b'"sample": 5', b'"sample": 0')
        if PRINTS in numbers:
            os.write(1, b"a library says hello\n")
        return answer(task)

    return poisoned, engine


if __name__ == "__main__":
    serve(choking)
