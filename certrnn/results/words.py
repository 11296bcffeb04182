"""Which words decide an answer: what was certified word by word, and the rankings of it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from certrnn.results.certificates import SEMANTICS
from certrnn.results.extent import Extent
from certrnn.results.figures import lower
from certrnn.results.question import Question, written
from certrnn.results.record import Record
from certrnn.results.row import finite
from certrnn.results.tabular import Tabular


@dataclass(frozen=True)
class Word:
    """One word of a text, certified while every other word stays as it is.

    Args:
        frame: its position among the words of the text that the network reads; padding and special tokens do not count.
        text: as it stands in the text.
        certified: how far it may change without a change of the answer, guaranteed. Threat ``fade``: a share of the way
            to the vector it fades to, 1 for all of it. Threat ``ball``: an eps. None where the sample is misclassified.
        margin: proved lower bound of the label's margin there, in units of the scores; None for ``ball``, or where
            nothing is certified.
        sensitivity: what words are ranked by, the largest first. ``fade``: the share of the margin that may be lost
            while the word fades wholly, or, where it may not fade wholly, 1 / certified. ``ball``: the length of the
            word's vector / certified eps. Infinite where nothing is certified.
        position: its position in the whole text, of which words may have been cut off or left out.
        known: whether it is in the vocabulary.
        influence: how much of the label's margin is lost, in floating point, where the word is replaced wholly by what
            it fades to (a vector of zeros for ``ball``): above 0 it supports the answer, below 0 it speaks against it.
            No guarantee. None where the sample is misclassified.
    """

    frame: int
    text: str
    certified: float | None
    margin: float | None
    sensitivity: float | None
    position: int | None = None
    known: bool = True
    influence: float | None = None

    @property
    def sign(self) -> str:
        """``+`` where it supports the answer, ``-`` where it speaks against it, "" where neither is known."""
        return "" if not self.influence else "+" if self.influence > 0.0 else "-"

    @property
    def shown(self) -> str:
        """As texts show it: unknown words are marked."""
        return self.text if self.known else f"{self.text}(?)"


@dataclass(frozen=True)
class Sentence(Record):
    """One text and its words.

    Args:
        sample: its position in the data, from 0.
        label: the answer itself where the data has no labels.
        prediction: the undisturbed answer.
        words: in the order of the text.
        cut: whether the budget ended the search of some word.
        reason: why its task came to no answer; "" else.
    """

    sample: int
    label: int
    prediction: int
    words: tuple[Word, ...]
    cut: bool = False
    reason: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    @property
    def right(self) -> bool:
        """Only right answers have anything to certify."""
        return self.label == self.prediction and not self.reason

    def ranked(self) -> tuple[Word, ...]:
        """The words, the most sensitive first; none of a misclassified sample."""
        known = [word for word in self.words if word.sensitivity is not None]
        return tuple(sorted(known, key=lambda word: (-(word.sensitivity or 0.0), word.frame)))


@dataclass(frozen=True)
class Ranked:
    """A word over the whole data: how often it was certified, its smallest and median certified amount, and the largest
    and median sensitivity."""

    text: str
    times: int
    smallest: float
    median: float
    sensitivity: float
    typical: float


@dataclass(frozen=True, repr=False)
class Words(Tabular):
    """What is known of the words of some texts.

    Args:
        path, sha256: of the model.
        threat: ``fade``, or the ball by its norm, such as ``l-inf``.
        toward: what words fade to; "" for a ball.
        method: name of the analysis.
        sentences: in the order of the data.
        notes: what a reader must know, one line each.
        question: everything else that the words depend on.
        extent: how much of what was asked the texts are.
        folder: the run folder that they were read from, or "".
        classes: names of the classes, by their numbers; empty where they are not known.
    """

    path: str
    sha256: str
    threat: str
    toward: str
    method: str
    sentences: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()
    question: Question | None = None
    extent: Extent | None = None
    folder: str = ""
    classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Words of {self.path}: {self.counts}>"

    def records(self) -> list[dict[str, Any]]:
        """A word each, in the order of the texts."""
        return [
            {"sample": sentence.sample, **_strict(asdict(word))}
            for sentence in self.sentences
            for word in sentence.words
        ]

    def named(self, number: int) -> str:
        """A class by its name, or its number."""
        return self.classes[number] if 0 <= number < len(self.classes) else str(number)

    @property
    def counts(self) -> str:
        """How many texts there are, and of how many words nothing is known, in a line."""
        right = sum(sentence.right for sentence in self.sentences)
        words = [word for sentence in self.sentences for word in sentence.words]
        unknown = sum(not word.known for word in words)
        texts = len(self.sentences)
        beside = f"; {unknown} of {len(words)} words are unknown, marked (?)" if unknown else ""
        return f"{texts} text{'' if texts == 1 else 's'}, {right} of them answered right{beside}"

    @property
    def unit(self) -> str:
        """What the certified amount counts."""
        return "share" if self.threat == "fade" else "eps"

    def ranking(self) -> tuple[Ranked, ...]:
        """Every different word, the most sensitive first: for ``fade`` that is the smallest certified share."""
        groups: dict[str, list[Word]] = {}
        for word in (word for sentence in self.sentences for word in sentence.words):
            if word.certified is not None:
                groups.setdefault(word.text, []).append(word)
        ranked = [_ranked(text, words) for text, words in groups.items()]
        return tuple(sorted(ranked, key=lambda r: (-r.sensitivity, r.smallest, r.text)))

    def shown(self, word: Word) -> str:
        """What was certified of a word, in short; where it may fade wholly, the share of the margin that this costs."""
        if word.certified is None or word.sensitivity is None:
            return "-"
        if self.threat != "fade":
            return lower(word.certified, 3)
        if word.certified < 1.0:
            return f"{math.floor(100 * Fraction(word.certified))}%"  # rounded down: no more than is certified
        cost = math.ceil(100 * Fraction(word.sensitivity))
        return f"gone, -{cost}%" if cost else "gone"

    def about(self) -> str:
        """What was asked, in a line."""
        if self.threat == "fade":
            return f"how far each word may fade to {self.toward}, guaranteed ({self.method})"
        return f"{self.threat} distance that each word's vector may move, guaranteed ({self.method})"

    def as_json(self, top: int | None = None) -> dict[str, Any]:
        """The document of ``words --json``; ``top`` limits the ranking of the data."""
        sentences = [
            {
                "sample": s.sample,
                "label": s.label,
                "prediction": s.prediction,
                "words": [_strict(asdict(word)) for word in s.words],
                "ranking": [word.frame for word in s.ranked()],
                **({"cut": True} if s.cut else {}),
                **({"reason": s.reason} if s.reason else {}),
            }
            for s in self.sentences
        ]
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "semantics": SEMANTICS,
            "threat": self.threat,
            "toward": self.toward or None,
            **({"classes": list(self.classes)} if self.classes else {}),
            "unit": self.unit,
            "method": self.method,
            **({} if self.question is None else {"question": written(self.question)}),
            **({} if self.extent is None else {"extent": written(self.extent)}),
            "sentences": sentences,
            "ranking": [_strict(asdict(ranked)) for ranked in self.ranking()[:top]],
            "notes": list(self.notes),
        }

    def exit_code(self) -> int:
        """3 where a task ended in an error, 4 where there is nothing to certify: no text is answered right; else 0."""
        if any(sentence.reason for sentence in self.sentences):
            return 3
        return 0 if any(sentence.right for sentence in self.sentences) else 4

    def to_json(self, top: int | None = None) -> str:
        """Strict JSON text, ending in a newline."""
        return json.dumps(self.as_json(top), indent=1, allow_nan=False) + "\n"


def _ranked(text: str, words: Iterable[Word]) -> Ranked:
    amounts = [word.certified for word in words if word.certified is not None]
    weights = [word.sensitivity for word in words if word.sensitivity is not None]
    return Ranked(
        text,
        len(amounts),
        min(amounts),
        statistics.median(amounts),
        max(weights),
        statistics.median(weights),
    )


def _strict(values: dict[str, Any]) -> dict[str, Any]:
    """Without infinities, for which JSON has no words."""
    return {name: finite(v) if isinstance(v, float) else v for name, v in values.items()}
