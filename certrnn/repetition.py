"""A question put again from its own results: the same in all, or an error that says what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certrnn.certification import Query
from certrnn.certification.restatement import chosen, query_of, text_source
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.model import Model
from certrnn.results.certificates import Results
from certrnn.results.question import Question
from certrnn.results.row import spelled
from certrnn.threats import Edits, WordSubstitution


def again(
    model: Model,
    results: Results,
    row: int | None = None,
    data: Sequences | None = None,
    radii: np.ndarray | None = None,
    words: WordSubstitution | Edits | None = None,
) -> Results:
    """Put the question of some results again, or that of one of their rows.

    Args:
        row: its number among the results' rows; None for all of them.
        data: the samples, from the whole of which those of the question are chosen; None for the files that they came
            from.
        radii, words: what documents hold the digests of only: many radii, and substitutes of words.

    Raises:
        UsageError: the results do not say what was asked, or something is missing.
        InvalidInput: the model, the data, the radii or the substitutes are others than those of the results.

    >>> import certrnn
    >>> model = certrnn.load("example:digits_rnn")
    >>> found = model.certify(model.read("example:digits").take([0, 1]), eps=0.001, frames="all", attack=False)
    >>> again(model, found, row=1)[0].verdict
    'certified'
    """
    question = question_in(results)
    same_model(model, results)
    if data is None:
        source = question.data.source
        if source is None:
            raise UsageError("asking again", "the samples are given: a program made them", "none")
        first = source.files[0]
        data = model.read(first.name) if first.option == "data" else model.read_text(text_source(source))
    some, query = asked_again(model, results, row, data, radii, words)
    rows = [one for part in model.stream(some, query) for one in part]
    return model.job(some, query).collect(rows)


def question_in(results: Results) -> Question:
    """What the results say that was asked."""
    if results.question is None:
        raise UsageError("asking again", "the document says what was asked", "one of an earlier version")
    return results.question


def same_model(model: Model, results: Results) -> None:
    """The model's files are those of the results.

    Raises:
        InvalidInput: they are not.
    """
    pairs = [("model", results.sha256, model.sha256)]
    held = dict(model.network.external)
    pairs += [(name, digest, held.get(name, "no such file")) for name, digest in results.external]
    for name, wanted, digest in pairs:
        if wanted != digest:
            raise InvalidInput(f"asking {model.path} again", f"the sha256 of the {name} is {wanted}", digest)


def asked_again(
    model: Model,
    results: Results,
    row: int | None,
    data: Sequences,
    radii: np.ndarray | None = None,
    words: WordSubstitution | Edits | None = None,
) -> tuple[Sequences, Query]:
    """The samples and the query of some results, or of one of their rows; see :func:`again`."""
    question = question_in(results)
    whole, query = chosen(data, question.data), query_of(question, radii, words)
    now = model.job(whole, query).question()
    assert now is not None
    for part in ("output", "reading", "arrangement"):
        was, current = getattr(question.network, part), getattr(now.network, part)
        if was != current:
            raise InvalidInput("asking again", f"the network's {part} is {was!r}", repr(current))
    if row is None:
        return whole, query
    if not 0 <= row < len(results):
        raise UsageError("reading --row", f"rows lie in 0..{len(results) - 1}", row)
    one = results[row]
    eps = query.eps if one.eps is None else (one.eps,)
    place = whole.numbers.index(one.sample) if one.sample in whole.numbers else None
    if place is None:
        raise InvalidInput("reading --row", f"sample {one.sample} was asked about", question.data.samples)
    return whole.take([place]), replace(query, frames=spelled(one.frames), eps=eps)
