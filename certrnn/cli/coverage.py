"""``certrnn coverage``: which states and gates of a recurrent network a set of samples exercises."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn.cli._coverage import COUNTED, Counted, with_counting
from certrnn.cli._options import Data, Debug, Json, Network, Outs, Samples
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._samples import read_data, read_whole
from certrnn.cli._texts import with_texts


@with_texts
@with_reading
@with_counting
def coverage(
    model: Network,
    data: Data,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME..]", help="hs, cs, gate (or gate-i, gate-f, ..), dx; all by default."
        ),
    ] = None,
    counted: Counted = COUNTED,
    beside: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Other samples, to set beside these.", show_default=False),
    ] = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    out: Outs = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Coverage of hidden states, cell states and gates (RNN-Test), over the number of samples.

    A metric counts pairs of step and unit, each in every section of its values, over all samples.
    """
    from dataclasses import replace

    from certrnn.report.coverage_plot import CoverageReport
    from certrnn.report.coverage_table import show_coverage
    from certrnn.report.files import Files
    from certrnn.report.output import print_rich, print_text
    from certrnn.report.progress import progress
    from certrnn.testing.measure import measure_coverage

    files, names = Files.of(out), None if metrics is None else [one.strip() for one in metrics.split(",")]
    options = counted.options()
    network, chosen = read_data(model, settled, data, samples)
    other = None
    if beside is not None:
        other = read_whole(network, beside if isinstance(data, str) else replace(data, text=beside))
    total = len(chosen) + (0 if other is None else len(other))
    with progress(total, "tracing") as bar:
        results = measure_coverage(network, chosen, names, options, other, beside or "", bar.finished)
    files.write(CoverageReport(results).content)
    if json:
        print_text(results.to_json())
    else:
        print_rich(lambda console: show_coverage(results, console))
