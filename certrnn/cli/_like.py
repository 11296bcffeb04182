"""``--like``: a question put again from its own document."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._reading import AS_IT_IS, Settled
from certrnn.cli._runs import PASSING
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.datasets import Sequences
    from certrnn.model import Model
    from certrnn.results.question import Question
    from certrnn.threats import Edits

Like = Annotated[
    str | None,
    typer.Option(
        metavar="RESULT",
        help="Put the question of this JSON document again; MODEL and --data default to its own.",
        show_default=False,
    ),
]
RowOption = Annotated[
    int | None,
    typer.Option("--row", metavar="K", help="Only the K-th row of --like, from 0.", show_default=False),
]

PLACES = ("model", "data")
"""Options that say where something lies; their contents are held against the document's digests."""
FILES = ("radii", "words")
"""Options of what may change that do the same."""
UNASKED = (*PASSING, "certificates", "gated", "like", "row")
"""Options that say nothing of the question."""


def put_again(options: dict[str, Any], command: Callable[..., None]) -> tuple[Model, Sequences, Query]:
    """The network, the samples and the query of a document, or of one of its rows.

    Args:
        options: the options of ``command`` as they were given.

    Raises:
        UsageError: an option beside it asks something else, or the document does not say what was asked.
        InvalidInput: the model, the data, radii or substitutes are others than those of the document.
    """
    _require_alone(options, command)
    from certrnn.io.data.threats import read_radii, read_substitutes
    from certrnn.io.onnx import Choices
    from certrnn.repetition import asked_again, question_in, same_model
    from certrnn.results.from_json import read_results

    results = read_results(options["like"])
    question = question_in(results)
    settled = Choices.of_given(question.network.given)
    network = Settled(**{field.name: getattr(settled, field.name) for field in fields(Settled)}).load(
        options["model"] or results.path
    )
    same_model(network, results)
    radii, words = options["threat"].radii, options["threat"].words
    whole, source = _samples(network, question, options["data"])
    edits = _edits(network, question, source, whole)
    chosen, query = asked_again(
        network,
        results,
        options["row"],
        whole if edits is None else whole.noted(edits[1]),
        None if radii is None else read_radii(radii),
        edits[0] if edits is not None else words and network.substitution(read_substitutes(words)),
    )
    return network, chosen, query


def _edits(network: Model, question: Question, source: Any, texts: Sequences) -> tuple[Edits, str] | None:
    """The edits that a document names, read anew; None where something else may change."""
    from certrnn.datasets.edits import edits_of

    threat = question.threat
    if threat.kind != "edits" or threat.edits is None or isinstance(source, str):
        return None
    names = threat.alphabet or None, threat.synonyms or None
    return edits_of(network.network, source, texts, threat.edits, *names)


def _require_alone(options: dict[str, Any], command: Callable[..., None]) -> None:
    own = inspect.signature(command).parameters
    extras: dict[str, Any] = {
        name: getattr(options["threat"], name) for name in options["threat"].named(*FILES)
    }
    if options["settled"] != AS_IT_IS:
        extras["output, --layout, --cut or --multi-label"] = options["settled"]
    for name, value in options.items():
        if name not in (*PLACES, *UNASKED, "threat", "settled") and value != own[name].default:
            extras[name.replace("_", "-")] = value
    if extras:
        option, value = next(iter(extras.items()))
        raise UsageError(f"reading --{option}", "the document of --like says what is asked", value)


def _samples(network: Model, question: Question, data: Any) -> tuple[Sequences, Any]:
    """The samples of a file or of texts, and where they are from: those that were named, else the document's own."""
    from certrnn.certification.restatement import text_source

    source = question.data.source
    if data is None and source is not None:
        data = source.files[0].name if source.files[0].option == "data" else text_source(source)
    if data is None:
        requirement = "--data FILE gives the samples: a program made them"
        raise UsageError("reading --like", requirement, "a document without a file")
    return network.read(data) if isinstance(data, str) else network.read_text(data), data
