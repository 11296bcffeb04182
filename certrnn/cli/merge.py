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

    What is still missing can be resumed in the new folder. Exit codes are those of certify; 4 where rows are missing.
    """
    from certrnn.report.output import Output
    from certrnn.runs.merge import merge as merged
    from certrnn.runs.store import read_plan

    output = Output(json, out)
    results = merged([Path(folder) for folder in folders], Path(into))
    output.write(results)
    missing = len(results) < read_plan(Path(into)).rows
    raise typer.Exit(results.exit_code() or (4 if missing else 0))
