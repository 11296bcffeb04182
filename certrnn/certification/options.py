"""What may change and what must hold, from the options that people give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from certrnn.certification.query import Query
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data.threats import Substitutes
from certrnn.io.onnx import OnnxModel
from certrnn.threats import (
    Accept,
    Labels,
    NormBall,
    Specification,
    ThreatModel,
    Threshold,
    WordSet,
    WordSubstitution,
)


def threat_model(
    norm: str | float = "inf", joint: bool = False, radii: np.ndarray | Sequence[float] | None = None
) -> ThreatModel:
    """A norm's ball; ``norm`` may be the number 1, 2 or infinity.

    Raises:
        UsageError: no such norm, or a joint l-inf ball, which is the same as one a frame.

    >>> threat_model(2, joint=True).name
    'l2 over the sequence'
    """
    order = str(norm).removesuffix(".0")
    if joint and order == "inf":
        raise UsageError("reading --joint", "the norm is 1 or 2: jointly or not, l-inf is the same", "inf")
    return NormBall(order, joint, None if radii is None else np.asarray(radii, dtype=np.float64))


def substitution(network: OnnxModel, precision: type, substitutes: Substitutes) -> WordSubstitution:
    """Word sets in the network's own numbers; integers are looked up in its embedding.

    Raises:
        InvalidInput: words of a network that takes vectors, words that it does not know, or numbers that it cannot
            hold.
    """
    sets = []
    for (sample, position), candidates in sorted(substitutes.items()):
        where = f"reading the substitutes of sample {sample}, position {position}"
        array = np.asarray(candidates)
        if array.ndim == 1:
            if not network.input.tokens:
                raise InvalidInput(
                    where, "they are vectors: the network looks no words up", f"{len(array)} numbers"
                )
            array = network.embed(array[None])[0]
        with np.errstate(over="ignore"):
            sets.append(WordSet(sample, position, array.astype(precision).astype(np.float64)))
    return WordSubstitution(tuple(sets))


def among(query: Query, every: Sequences, chosen: Sequences) -> tuple[Query, Sequences]:
    """A question about all samples of a file, asked of those that were chosen; a note says which words may change.

    Raises:
        InvalidInput: the question names a sample that the file does not have.
    """
    threat = query.threat
    if not isinstance(threat, WordSubstitution):
        return replace(query, threat=threat.only(chosen.numbers)), chosen
    threat.require(every.numbers)
    own = threat.only(chosen.numbers)
    spoken = {one.sample for one in own.sets}
    missing = sum(number not in spoken for number in chosen.numbers)
    left = len({one.sample for one in threat.sets} - spoken)
    still = (
        f"{missing} of {len(chosen)} samples have no substitutes: nothing of them changes" if missing else ""
    )
    unasked = f"substitutes of {left} samples that were not chosen are not asked about" if left else ""
    return replace(query, threat=own), chosen.noted(still, unasked)


def specification(
    target: int | None = None,
    accept: Sequence[int] | None = None,
    threshold: tuple[float, float] | None = None,
) -> Specification:
    """What must hold: the label, unless something else is asked.

    Raises:
        UsageError: two specifications at once, or one that makes no sense.
    """
    options = {"--target": target, "--accept": accept, "--threshold": threshold}
    named = [name for name, value in options.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"reading {named[1]}", "one thing is asked for", f"{named[0]} beside it")
    if target is not None:
        return Accept((int(target),), never=True)
    if accept is not None:
        return Accept(tuple(sorted({int(label) for label in accept})))
    return Labels() if threshold is None else Threshold(float(threshold[0]), float(threshold[1]))


def numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """Classes of an option.

    Raises:
        UsageError: something else.

    >>> numbers("0,2", "--accept")
    (0, 2)
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"reading {option}", "classes between commas, such as 0,2", repr(text))
    return tuple(int(part) for part in parts)
