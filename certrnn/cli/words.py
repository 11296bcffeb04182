"""``certrnn words``: which words decide an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.cli._options import Data, Debug, Json, Method, Network, Outs, Samples
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import RunFolder, with_runs
from certrnn.cli._samples import read_data
from certrnn.cli._stream import carry_out
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import NormOption
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification.words import WordQuery
    from certrnn.io.text import TextSource
    from certrnn.model import Model
    from certrnn.results.words import Words


@with_runs
@with_texts
@with_reading
def words(
    model: Network,
    data: Data,
    threat: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="fade (a word loses its meaning) or ball (its vector moves by eps)."
        ),
    ] = "fade",
    toward: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What words fade to: a word, or zero; else the unknown word.",
            show_default=False,
        ),
    ] = None,
    norm: NormOption = "inf",
    top: Annotated[int, typer.Option(metavar="K", help="Words in the ranking of all texts.")] = 20,
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write the heat map as a page.", show_default=False),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Names of the classes, in the order of their numbers: A,B,.. or a file, a name a line.",
            show_default=False,
        ),
    ] = None,
    out: Outs = None,
    method: Method = "auto",
    rel_tol: Annotated[
        float, typer.Option(metavar="R", help="Relative tolerance of the eps of --threat ball.")
    ] = 0.02,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Time for a text.")] = None,
    run: RunFolder = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Rank words by how far each may change, alone, before the answer can change, guaranteed.

    Exit codes: 0 done, 2 usage, 3 invalid or unsupported input, 4 nothing to certify (all texts are misclassified),
    130 interrupted.
    """
    from dataclasses import replace

    from certrnn.report.files import Files
    from certrnn.report.output import print_rich, print_text
    from certrnn.report.words_html import page
    from certrnn.report.words_text import show

    if top < 1:
        raise UsageError("reading --top", "at least one word is ranked", top)
    files, pictures = Files(() if html is None else (html,), ("html", "htm")), Files.of(out)
    names = class_names(classes)
    network, chosen = read_data(model, settled, data, samples)
    question = replace(_question(network, data, threat, toward, method, rel_tol, norm), budget=budget)
    results, failure = carry_out(network.job(chosen, question), run)
    results = replace(results, classes=names)
    pictures.write(lambda kind: _content(results, kind, top))
    files.write(lambda _: page(results, top).encode("utf-8"))
    if json:
        print_text(results.to_json(top))
    else:
        print_rich(lambda console: show(results, console, top))
    if failure is not None:
        raise failure
    raise typer.Exit(results.exit_code())


def class_names(classes: str | None) -> tuple[str, ...]:
    """The names of ``--classes``: between commas, or the lines of a file.

    >>> class_names("negative,positive")
    ('negative', 'positive')
    """
    from pathlib import Path

    from certrnn.io.data.samples import Origin
    from certrnn.io.text.texts import lines, plain_text

    if classes is None:
        return ()
    path = Path(classes)
    named = lines(plain_text(Origin(path))) if path.is_file() else classes.split(",")
    return tuple(name.strip() for name in named)


def _content(results: Words, kind: str, top: int) -> bytes:
    from certrnn.report.files import exported
    from certrnn.report.words_plot import words_picture

    table = exported(results, kind)
    if table is not None:
        return table
    return results.to_json(top).encode("utf-8") if kind == "json" else words_picture(results, kind)


def _question(
    network: Model,
    data: str | TextSource,
    threat: str,
    toward: str | None,
    method: str,
    rel_tol: float,
    norm: str,
) -> WordQuery:
    import torch

    from certrnn.certification.words import FADE, WordQuery
    from certrnn.datasets.texts import ZERO, fade_to

    if threat != FADE and toward is not None:
        raise UsageError("reading --toward", "it belongs to --threat fade", f"--threat {threat}")
    if threat != FADE:
        return WordQuery(threat, method=method, rel_tol=rel_tol, norm=norm)
    if isinstance(data, str):
        if toward not in (None, ZERO):
            raise UsageError("reading --toward", "with --data it is zero", repr(toward))
        return WordQuery(method=method, rel_tol=rel_tol, norm=norm)
    name, vector = fade_to(network.network, data, toward)
    return WordQuery(FADE, torch.from_numpy(vector), name, method, rel_tol, norm)
