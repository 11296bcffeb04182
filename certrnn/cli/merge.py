"""``certrnn merge``: one run from its shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from certrnn.cli._options import Debug, Json, Out, Version


def merge(
    folders: Annotated[
        list[str], typer.Argument(metavar="FOLDER...", help="Folders of runs.", show_default=False)
    ],
    into: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder for all rows together.", show_default=False)
    ],
    json: Json = False,
    out: Out = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """Bring the shards of a run together, each row once, and show the results.

    What is still missing can be resumed in the new folder. Exit codes are those of the command that began the run;
    4 where rows are missing.
    """
    from certrnn.cli._show import show
    from certrnn.report.output import Output, write_file
    from certrnn.results.comparison import Comparison
    from certrnn.runs.merge import merge as merged
    from certrnn.runs.store import missing, parts
    from certrnn.vnnlib.answer import Verified

    Output(json, out)
    pairs = [(place, [Path(folder) / place for folder in folders]) for place in parts(Path(folders[0]))]
    documents = [merged(shards, Path(into) / place) for place, shards in pairs]
    results = Comparison.together(documents) if len(documents) > 1 else documents[0]
    if out is not None:
        write_file(out, results.to_json().encode("utf-8"))
    show(results, json)
    left = any(missing(Path(into) / place) for place, _ in pairs) and not isinstance(results, Verified)
    raise typer.Exit(results.exit_code() or (4 if left else 0))
