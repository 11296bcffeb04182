"""Running a question over samples with a progress bar; what is finished survives an interruption."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from certrnn.cli._runs import InFolder

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.datasets import Sequences
    from certrnn.model import Model
    from certrnn.results.certificates import Results
    from certrnn.results.row import Row


def stream(
    network: Model, sequences: Sequences, query: Query, run: InFolder | str | None = None
) -> tuple[Results, BaseException | None]:
    """The rows that were finished, and what ended the run early (Ctrl-C, an error), if anything did."""
    from certrnn.report.progress import progress

    total = network.count(sequences, query)
    rows, failure = [], None
    with progress(total) as bar:
        parts = (
            network.stream(sequences, query, bar.bounded)
            if run is None
            else _kept(network, sequences, query, run)
        )
        try:
            for some in parts:
                rows.extend(some)
                bar.finished(len(some))
        except (Exception, KeyboardInterrupt) as error:
            failure = error
    if isinstance(run, InFolder) and rows:
        return _in_folder(run, failure), failure
    return network.results(rows, sequences, query), failure


def _kept(network: Model, sequences: Sequences, query: Query, run: InFolder | str) -> Iterator[list[Row]]:
    assert isinstance(run, InFolder), "the options of runs are read by with_runs"
    from certrnn.runs import api as runs

    return runs.stream(network, sequences, query, run.folder, run.settings, run.command)


def _in_folder(run: InFolder, failure: BaseException | None) -> Results:
    """What the folder holds; where more is to come, says how to go on."""
    from certrnn.runs.store import read_results

    if failure is not None:
        kept = f"finished rows are kept; go on with: certrnn resume {run.folder}"
        print(f"{run.command['name']}: {kept}", file=sys.stderr)
    return read_results(Path(run.folder))


def stream_samples(
    network: Model, sequences: Sequences, query: Query, run: InFolder | str | None = None
) -> tuple[Results, BaseException | None]:
    """Like :func:`stream`, with the rows of finished samples only: of a sample some of whose frames are still to come,
    nothing is known yet."""
    from dataclasses import replace

    results, failure = stream(network, sequences, query, run)
    if failure is None:
        return results, None
    done = Counter(row.sample for row in results)
    whole = {
        number
        for place, number in enumerate(sequences.numbers)
        if done[number] == network.count(sequences.take([place]), query)
    }
    return replace(results, rows=tuple(row for row in results if row.sample in whole)), failure
