"""Carrying out a job with a progress bar; what is finished survives an interruption."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certrnn.cli._runs import Carried
from certrnn.errors import TimedOut

if TYPE_CHECKING:
    from certrnn.runs.job import Job


def carry_out(job: Job[Any, Any, Any], run: Carried | str | None) -> tuple[Any, BaseException | None]:
    """Results of the rows that were finished, and what ended the run early (Ctrl-C, an error), if anything did.

    Raises:
        CertrnnError: the run ended before its first row was finished.
    """
    assert isinstance(run, Carried), "the options of runs are read by with_runs"
    from certrnn.report.progress import progress
    from certrnn.runs import loop

    rows, failure = [], None
    with progress(job.total, job.doing) as bar:
        try:
            for some in loop.carry_out(job, run.settings, run.folder, run.command, bar.bounded):
                rows.extend(some)
                bar.finished(len(some))
        except (Exception, KeyboardInterrupt, TimedOut) as error:
            failure = error
    if failure is not None and not rows:
        interrupted = isinstance(failure, KeyboardInterrupt) and run.folder is not None
        if interrupted and (Path(run.folder or "") / "plan.json").exists():
            _hint(run)
        raise failure
    return (job.collect(rows) if run.folder is None else _kept(run, failure)), failure


def _kept(run: Carried, failure: BaseException | None) -> Any:
    """What the folder holds; where more is to come, says how to go on."""
    from certrnn.runs.store import read_results

    if failure is not None:
        _hint(run)
    return read_results(Path(run.folder or ""))


def _hint(run: Carried) -> None:
    program = "certify" if run.command["name"] == "certify" else "certrnn"
    message = f"finished rows are kept; go on with: certrnn resume {run.folder}"
    print(f"{program}: {message}", file=sys.stderr)
