"""``certrnn report``: one page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.cli._options import Debug
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.results.certificates import Results
    from certrnn.results.words import Words


def report(
    results: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS", help="JSON document of certify or curve, or a run folder.", show_default=False
        ),
    ],
    out: Annotated[str, typer.Option(metavar="FILE", help="The page: an .html file.", show_default=False)],
    debug: Debug = False,
) -> None:
    """Write one HTML page about a run: summary, curve, weakest samples, all rows, what the certificates mean.

    Of a run of words, the texts as a heat map. The page needs nothing but itself and loads nothing.
    """
    from certrnn.report.files import Files
    from certrnn.report.html import html_page
    from certrnn.report.words_html import page as words_page
    from certrnn.results.words import Words

    files = Files((out,), ("html", "htm"))
    document = _read(results)
    page = words_page(document) if isinstance(document, Words) else html_page(document)
    files.write(lambda _: page.encode("utf-8"))


def _read(path: str) -> Results | Words:
    from certrnn.results.certificates import Results
    from certrnn.results.words import Words

    if Path(path).is_dir():
        from certrnn.runs.store import read_results as read_folder

        results = read_folder(Path(path))
        if not isinstance(results, Results | Words):
            requirement = "the run is one of certify, curve or words"
            raise UsageError("reading RESULTS", requirement, type(results).__name__)
        return results
    from certrnn.results.from_json import read_results

    return read_results(path)
