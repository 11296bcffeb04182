"""``certrnn verify instances.csv``: every instance of a list in one process, its models read once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from certrnn.cli._limits import alarm, soft
from certrnn.cli._reading import Settled

if TYPE_CHECKING:
    from certrnn.model import Model
    from certrnn.vnnlib.instances import Decided, Instance


def answer_instances(file: str, out: str | None, timeout: float | None, settled: Settled) -> int:
    """Answer every instance; lines are written as they are decided, to a file or to stdout. Returns the exit code.

    Args:
        timeout: at most so many seconds each, whatever the list says.
    """
    from certrnn.report.output import Output
    from certrnn.vnnlib.instances import HEAD, exit_code, line, read_instances

    instances = read_instances(file)
    Output(json=False, file=out)
    done = []
    with Path(out).open("w", encoding="utf-8") if out is not None else nullcontext(sys.stdout) as table:
        table.write(f"{HEAD}\n")
        for one in _decided(instances, timeout, settled):
            table.write(line(one))
            table.flush()
            done.append(one)
    counts = ", ".join(
        f"{sum(d.result == r for d in done)} {r}" for r in dict.fromkeys(d.result for d in done)
    )
    print(f"certrnn: {len(done)} instances: {counts}", file=sys.stderr)
    return exit_code(done)


def _decided(instances: list[Instance], timeout: float | None, settled: Settled) -> Iterator[Decided]:
    models: dict[str, Model] = {}
    for instance in instances:
        limit = instance.timeout if timeout is None else min(timeout, instance.timeout)
        yield _answer(instance, limit, settled, models)


def _answer(instance: Instance, limit: float, settled: Settled, models: dict[str, Model]) -> Decided:
    from certrnn.errors import CertrnnError, TimedOut
    from certrnn.vnnlib.answer import TIMED_OUT
    from certrnn.vnnlib.instances import Decided
    from certrnn.vnnlib.parse import read_query
    from certrnn.vnnlib.verify import verify

    start = time.perf_counter()
    model, query = instance.paths
    result, reason = TIMED_OUT, ""
    try:
        with alarm(start, limit):
            if model not in models:
                models[model] = settled.load(model)
            result = verify(models[model].network, read_query(query), soft(start, limit)).verdict
    except TimedOut:
        pass
    except CertrnnError as error:
        result, reason = "error", str(error)
    seconds = time.perf_counter() - start
    if seconds > limit and result != "error":
        result = TIMED_OUT
    return Decided(instance.model, instance.query, limit, result, seconds, reason)
