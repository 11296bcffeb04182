"""The question of a result put again: :mod:`certrnn.certification.statement` the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import numpy as np

from certrnn.certification.methods import STEPS
from certrnn.certification.query import Query
from certrnn.certification.statement import SEARCHES
from certrnn.datasets import Sequences
from certrnn.encode import digest
from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data import parse_selection
from certrnn.io.text import TextSource
from certrnn.results.question import Data, Question, Source, Way
from certrnn.search import EpsGrid, PaperGrid, Schedule
from certrnn.threats import SPECIFICATIONS, THREAT_MODELS, Edits, Supplied, WordSubstitution


def text_source(source: Source) -> TextSource:
    """The texts that :func:`source_of` described."""
    hints = get_type_hints(TextSource)
    told: dict[str, Any] = {
        name: int(value) if int in get_args(hints[name]) else value
        for name, value in source.options
        if name in hints
    }
    return TextSource(**{file.option: file.name for file in source.files}, **told)


def query_of(
    question: Question, radii: np.ndarray | None = None, words: WordSubstitution | Edits | None = None
) -> Query:
    """The query that :func:`question_of` described.

    Args:
        radii, words: what the question knows by a digest only.

    Raises:
        UsageError: radii or substitutes are missing.
        InvalidInput: they are others than those that were asked.
    """
    way = question.way
    return Query(
        question.eps,
        question.frames,
        question.clip,
        way.method,
        _schedule(way),
        way.attack,
        way.budget,
        _restored(THREAT_MODELS, question.threat.kind).restored(question.threat, Supplied(radii, words)),
        _restored(SPECIFICATIONS, question.specification.kind).restored(question.specification),
        way.steps or STEPS,
    )


def _restored(known: Mapping[str, Any], kind: str) -> Any:
    """The class of a record."""
    if kind not in known:
        raise UsageError("asking again", f"what was asked is one of {', '.join(known)}", repr(kind))
    return known[kind]


def _schedule(way: Way) -> Schedule:
    if way.grid:
        return EpsGrid(way.grid)
    if way.search not in SEARCHES:
        return PaperGrid()
    kind: Any = SEARCHES[way.search]
    defaults = {f.name: f.default for f in fields(kind)}
    known = {name: value for name, value in way.numbers if name in defaults}
    return kind(**{n: int(v) if isinstance(defaults[n], int) else v for n, v in known.items()})


def chosen(sequences: Sequences, data: Data) -> Sequences:
    """The samples that a question is about.

    Raises:
        InvalidInput: there are none such, or they are others than those that were asked about.
    """
    place = {number: position for position, number in enumerate(sequences.numbers)}
    wanted = parse_selection(data.samples, 1 + max(place, default=0))
    missing = [number for number in wanted if number not in place]
    if missing:
        raise InvalidInput("asking again", f"the data has sample {missing[0]}", f"{len(sequences)} samples")
    samples = sequences.take([place[number] for number in wanted])
    _files(samples.source, data.source)
    _same("the samples as the network gets them", data.sha256, digest(samples.bare()))
    return samples


def _files(held: Source | None, source: Source | None) -> None:
    if held is None or source is None:
        return
    digests = {file.option: file.sha256 for file in held.files}
    for file in source.files:
        _same(f"the file of --{file.option}", file.sha256, digests.get(file.option, "no such file"))


def _same(what: str, sha256: str | None, held: str) -> None:
    if sha256 != held:
        raise InvalidInput("asking again", f"the digest of {what} is {sha256}", held)
