"""The far end of a pipe: a worker process reads tasks, answers them, and ends with the process that started it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO

from certrnn.runs.executors.executor import Failure

Answer = Callable[[bytes], bytes]
"""From a packed task to its rows, as bytes."""

_SHORT = 300
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory")


def guarded(answer: Answer, task: bytes) -> bytes | Failure:
    """The answer, or why there is none. Only an interrupt or an exit goes through."""
    try:
        return answer(task)
    except Exception as error:
        text = " ".join(str(error).split())[:_SHORT]
        memory = isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY)
        if memory:
            return Failure("memory", f"out of memory: {text}" if text else "out of memory")
        return Failure("error", f"{type(error).__name__}: {text}")


def write_frame(stream: IO[bytes], tag: bytes, content: bytes = b"") -> None:
    """One message: a tag of one letter, its length and its content."""
    stream.write(tag + len(content).to_bytes(8, "little") + content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Tag and content of the next message; None where the other side has gone, be it in the middle of one."""
    head = stream.read(9)
    if len(head) < 9:
        return None
    size = int.from_bytes(head[1:], "little")
    content = stream.read(size)
    return (head[:1], content) if len(content) == size else None


def serve(opening: Callable[[bytes], tuple[Answer, str]]) -> None:
    """Be a worker: read a job, then tasks, and answer each.

    Args:
        opening: from the job's bytes to the answering function and the version of the engine.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no message
    messages: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, messages), daemon=True).start()
    _, limit = messages.get()
    _, job = messages.get()
    try:
        answer, engine = opening(job)
        _limit(json.loads(limit))
    except Exception as error:
        write_frame(outbox, b"X", f"{type(error).__name__}: {error}".encode())
        sys.exit(3)
    write_frame(outbox, b"H", engine.encode())
    while True:
        _, task = messages.get()
        reply = guarded(answer, task)
        if isinstance(reply, Failure):
            write_frame(outbox, b"F", json.dumps([reply.kind, reply.reason]).encode())
        else:
            write_frame(outbox, b"R", reply)


def _listen(inbox: IO[bytes], messages: queue.SimpleQueue[tuple[bytes, bytes]]) -> None:
    """Ends the process, whatever it is doing, when the other side has gone: the answer is not waited for."""
    with contextlib.suppress(OSError, ValueError):
        while (frame := read_frame(inbox)) is not None:
            messages.put(frame)
    os._exit(0)


def _limit(megabytes: int | None) -> None:
    """Let memory grow by so much from here."""
    if megabytes is None:
        return
    import resource

    with open("/proc/self/status", encoding="ascii") as status:
        data = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
    most = data + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
