"""``certrnn doctor``: what was understood of a network."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn.cli._options import Debug, Json, Network
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading


@with_reading
def doctor(
    model: Network,
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Samples to check the network on.", show_default=False)
    ] = None,
    settled: Settled = AS_IT_IS,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what was understood of a network, and whether it agrees with onnxruntime."""
    from certrnn.certification.inspection import declaration, examine
    from certrnn.errors import CertrnnError
    from certrnn.report.output import print_text

    network = settled.load(model)
    try:
        shapes = () if data is None else network.read(data).shapes
        report = examine(network.path, network.network, shapes)
    except CertrnnError:
        print_text("" if json else declaration(network.path, network.network))
        raise
    print_text(report.to_json() if json else report.text())
