"""The samples that a command asks about."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certrnn.cli._reading import Settled
    from certrnn.datasets import Sequences
    from certrnn.io.text import TextSource
    from certrnn.model import Model

STDIN = "-"
"""Names the samples that come in on stdin."""


def read_data(
    model: str, settled: Settled, data: str | TextSource, selection: str | None
) -> tuple[Model, Sequences]:
    """The network, and the samples that were asked for: of a file, or texts (see :mod:`certrnn.cli._texts`)."""
    network = settled.load(model)
    return network, select(read_whole(network, data), selection)


def read_whole(network: Model, data: str | TextSource) -> Sequences:
    """Every sample of a file, or of texts."""
    if data == STDIN:
        return _piped(network)
    samples = network.read(data) if isinstance(data, str) else network.read_text(data)
    if samples.warning:
        print(f"warning: {samples.warning}", file=sys.stderr)
    return samples


def _piped(network: Model) -> Sequences:
    """Samples that come in on stdin, in any format of a file."""
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "stdin"
        spool.write_bytes(sys.stdin.buffer.read())
        samples = network.read(str(spool))
    source = samples.source
    if source is None:
        return samples
    return replace(
        samples, source=replace(source, files=tuple(replace(one, name=STDIN) for one in source.files))
    )


def select(sequences: Sequences, selection: str | None) -> Sequences:
    """The samples that ``--samples`` names: by their position in the file, as results show it.

    Raises:
        UsageError: a sample that is not there, or none that was not left out.
    """
    from certrnn.errors import UsageError
    from certrnn.io.data import parse_selection

    if selection is None:
        return sequences
    place = {number: position for position, number in enumerate(sequences.numbers)}
    chosen = parse_selection(selection, len(place) + len(sequences.absent))
    if not any(number in place for number in chosen):
        raise UsageError("reading --samples", "some sample of them is a text with words", repr(selection))
    return sequences.take([place[number] for number in chosen if number in place])
