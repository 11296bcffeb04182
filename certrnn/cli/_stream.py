"""Running a question over samples with a progress bar; what is finished survives an interruption."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certrnn.model import Model
    from certrnn.report.results import Results
    from certrnn.run import Query, Sequences


def stream(network: Model, sequences: Sequences, query: Query) -> tuple[Results, BaseException | None]:
    """The rows that were finished, and what ended the run early (Ctrl-C, an error), if anything did."""
    from certrnn.report.progress import progress

    total = network.count(sequences, query)
    rows, failure = [], None
    with progress(total) as bar:
        try:
            for some in network.stream(sequences, query, bar.bounded):
                rows.extend(some)
                bar.finished(len(some))
        except (Exception, KeyboardInterrupt) as error:
            failure = error
    return network.results(rows, sequences, query, total), failure


def stream_samples(
    network: Model, sequences: Sequences, query: Query
) -> tuple[Results, BaseException | None]:
    """Like :func:`stream`, with the rows of finished samples only: of a sample some of whose frames are still to come,
    nothing is known yet."""
    from dataclasses import replace

    results, failure = stream(network, sequences, query)
    if failure is None:
        return results, None
    done = Counter(row.sample for row in results)
    whole = {
        number
        for place, number in enumerate(sequences.numbers)
        if done[number] == network.count(sequences.take([place]), query)
    }
    return replace(results, rows=tuple(row for row in results if row.sample in whole)), failure
