"""What a result depends on, gathered in one place."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.certification.methods import STEPS
from certrnn.certification.query import Query
from certrnn.certification.rounding import outward
from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.encode import digest
from certrnn.engine import engine_version
from certrnn.errors import InvalidInput
from certrnn.io.data import spelled_samples
from certrnn.io.onnx import OnnxModel
from certrnn.io.text import TextSource
from certrnn.results.certificates import SEMANTICS
from certrnn.results.question import Data, File, Pairs, Question, Read, Source, Way
from certrnn.search import EpsGrid, PaperGrid, RelativeTolerance
from certrnn.threats import Labels, SpecificationRecord, ThreatRecord

SEARCHES = {kind.__name__: kind for kind in (PaperGrid, RelativeTolerance)}
FILES = ("text", "vocab", "tokenizer", "embeddings")
"""What of a :class:`TextSource` names a file."""
NAMED = 3
"""Different readings that are spelled out, where samples of different lengths are read differently."""


def question_of(
    network: OnnxModel, precision: type[np.floating[Any]], sequences: Sequences, query: Query
) -> Question:
    """Everything that the answers to a query about some samples depend on."""
    return Question(
        threat=query.threat.record(),
        specification=query.specification.record(),
        eps=query.eps,
        frames=query.frames,
        clip=query.clip,
        clip_used=outward(query.clip, precision),
        network=_read(network, sequences),
        data=_data(sequences, isinstance(query.specification, Labels)),
        way=way_of(query),
        semantics=SEMANTICS,
        versions=versions(),
    )


def of_words(question: Question, toward: str) -> Question:
    """The question about every word of some texts: what it fades to, where it fades."""
    return replace(question, threat=ThreatRecord(f"fade to {toward}")) if toward else question


def of_conditions(question: Question) -> Question:
    """The question whether states must diverge."""
    return replace(
        question,
        specification=SpecificationRecord("existence conditions"),
        way=Way("existence conditions", attack=False),
    )


@lru_cache(maxsize=1)
def versions() -> Pairs:
    """What took part in the answers."""
    import onnx
    import onnxruntime
    import torch

    import certrnn

    parts = {
        "certrnn": certrnn.__version__,
        "engine": engine_version(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }
    return tuple(parts.items())


def source_of(data: str | Path | TextSource, total: int, options: Pairs = ()) -> Source:
    """Where ``total`` samples were read from: a file, or texts and what they were read with."""
    if not isinstance(data, TextSource):
        return Source((_file("data", data),), options, total)
    told = {f.name: getattr(data, f.name) for f in fields(data)}
    named = {name: value for name, value in told.items() if value is not None}
    files = [name for name in named if name in FILES]
    spelled = tuple((name, str(value)) for name, value in named.items() if name not in files)
    return Source(tuple(_file(name, named[name]) for name in files), (*options, *spelled), total)


def _file(option: str, name: str | Path) -> File:
    from certrnn.examples import resolve

    try:
        content = Path(resolve(str(name))).read_bytes()
    except OSError as error:
        raise InvalidInput(f"reading {name}", "the file can be read", error.strerror or error) from None
    return File(option, str(name), hashlib.sha256(content).hexdigest())


def _read(network: OnnxModel, sequences: Sequences) -> Read:
    told = [(network_for(network, kind), kind.shape) for kind in sequences.kinds]
    return Read(
        network.output,
        _each(one.reading(shape) for one, shape in told),
        _each(one.arrangement(shape) for one, shape in told),
        network.choices.given,
    )


def _each(texts: Any) -> str:
    """The different texts, a few of them."""
    distinct = list(dict.fromkeys(texts))
    more = f"; and {len(distinct) - NAMED} more" if len(distinct) > NAMED else ""
    return "; ".join(distinct[:NAMED]) + more


def _data(sequences: Sequences, of_labels: bool) -> Data:
    labels = "data" if sequences.labels is not None else "own answers" if of_labels else "none"
    return Data(
        sequences.source,
        spelled_samples(sequences.numbers),
        len(sequences),
        digest(sequences.bare()),
        labels,
        sequences.note,
    )


def way_of(query: Query) -> Way:
    """How a query is answered."""
    schedule: Any = query.schedule
    numbers, grid = {}, ()
    if query.eps is None:
        if isinstance(schedule, EpsGrid):
            grid = schedule.eps
        elif type(schedule).__name__ in SEARCHES:
            numbers = {
                f.name: float(v) for f in fields(schedule) if (v := getattr(schedule, f.name)) is not None
            }
    search = "" if query.eps is not None else type(schedule).__name__
    steps = () if query.steps == STEPS else query.steps
    return Way(query.method, search, tuple(numbers.items()), grid, query.attack, query.budget, steps)
