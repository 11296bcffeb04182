"""Deka et al., section V.D: film reviews, judged by an LSTM of 64 units on GloVe vectors (Tables IV and V).

    python -m benchmarks.deka.reviews --data FOLDER [--cache FOLDER] [--reviews 60] [--language-model FOLDER]

FOLDER (or CERTRNN_DATA) holds imdb/imdb_{train,test}.csv.gz and glove/glove.6B.50d.subset.txt.gz. Trains the network
(about two minutes), exports it to ONNX with its word vectors, and replaces words of test reviews as they arrive, each
by one of its neighbours among the vectors, reading the review once. With --language-model (a folder with GPT-2 or its
kind, as save_pretrained writes it) and --tagger, the candidates are also those of the paper: expected after the four
words before, and of the same part of speech. A review counts as turned only where onnxruntime says so of its words.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.deka import imdb as reviews
from benchmarks.deka import shared as deka
from certrnn.attacks import (
    Aligned,
    BestEffect,
    CausalSystem,
    DynamicFixedPoint,
    EmbeddingNeighbours,
    FixedPoint,
    GradientSign,
    WordByWord,
)
from certrnn.attacks.language import LanguageCandidates, causal_model, tagger
from certrnn.attacks.online import Feedback, Moment
from certrnn.attacks.word_by_word import Candidates, Rule
from certrnn.errors import CertrnnError
from certrnn.model import Model
from certrnn.specs import label_spec

ACCURACY, COUNT = 82.7, 20
COMMON = 60
"""So many of the most frequent words (the, of, to ..) are left as they are, so that sentences keep their shape."""
LEAST = 0.3
"""Of the margin, in units of the scores; what a replacement must change it by where few are wanted."""
SENTIMENT = ("negative", "positive")
PAPER = {0: (99.99, 97.88), 1: (99.67, 99.94)}
"""Tables IV and V: confidence in the true class before, and in the other one after, of one review each, in per cent."""
LENGTHS = (25, 50, 100, 200, 400)


@dataclass(frozen=True, eq=False)
class Spelled:
    """Candidates of another source, ``replaceable`` words for ``replaceable`` ones, remembered where the words before
    do not matter."""

    source: Candidates
    replaceable: np.ndarray
    count: int
    _known: dict[int, list[int]] = field(default_factory=dict)

    def __call__(self, before: Sequence[int], word: int) -> Sequence[int]:
        if not self.replaceable[word]:
            return []
        if not isinstance(self.source, EmbeddingNeighbours):
            return [c for c in self.source(before, word) if self.replaceable[c]][: self.count]
        if word not in self._known:
            found = self.source(before, word)
            self._known[word] = [c for c in found if self.replaceable[c]][: self.count]
        return self._known[word]


@dataclass(frozen=True)
class Striking(Rule):
    """The candidate of best effect, where it drives V up by at least ``least``: fewer words are replaced."""

    least: float

    def choose(self, moment: Moment, feedback: Feedback, vectors: torch.Tensor) -> int | None:
        pick = BestEffect().choose(moment, feedback, vectors)
        if pick is None:
            return None
        nominal = moment.observe(moment.nominal, moment.x)
        kept, replaced = (
            moment.lyapunov.value(moment.observe(moment.state, x), nominal, moment.spec)
            for x in (moment.x, vectors[pick : pick + 1])
        )
        return pick if bool(replaced >= kept + self.least) else None


def assaults(table: torch.Tensor, offered: dict[str, Candidates]) -> dict[str, WordByWord]:
    """Every rule with every source of candidates."""
    fixed = FixedPoint(tolerance=1e-3, rounds=20)
    found = {}
    for name, candidates in offered.items():
        found |= {
            f"best effect, {name}": WordByWord(table, candidates, rule=BestEffect()),
            f"best effect of at least {LEAST}, {name}": WordByWord(table, candidates, rule=Striking(LEAST)),
            f"aligned with {deka.FIXED}, {name}": WordByWord(
                table, candidates, rule=Aligned(), disturbance=fixed
            ),
            f"aligned with {deka.DYNAMIC}, {name}": WordByWord(
                table, candidates, rule=Aligned(), disturbance=DynamicFixedPoint()
            ),
            f"aligned with {deka.GRADIENT}, {name}": WordByWord(
                table, candidates, rule=Aligned(), disturbance=GradientSign()
            ),
        }
    return found


@dataclass(frozen=True, eq=False)
class Turned:
    """One review after an attack: its words, which places changed, the true class's probability by onnxruntime before
    and after, and processor seconds."""

    review: reviews.Review
    words: np.ndarray
    changed: np.ndarray
    before: float
    after: float
    seconds: float


def confidence(model: Model, words: np.ndarray, label: int) -> float:
    """The probability of ``label`` by onnxruntime, from the numbers of the words."""
    scores = torch.from_numpy(model.network.run_onnxruntime_on_words(words[None]))
    return float(scores.double().softmax(dim=1)[0, label])


def attacked(model: Model, system: CausalSystem, attack: WordByWord, review: reviews.Review) -> Turned:
    """Replace words while the review arrives."""
    start = time.process_time()
    online = attack.start(system, label_spec(torch.tensor([review.label]), 2))
    words = np.array([online.step(int(word)) for word in review.ids], dtype=np.int64)
    seconds = time.process_time() - start
    before, after = (confidence(model, ids, review.label) for ids in (review.ids, words))
    return Turned(review, words, words != review.ids, before, after, seconds)


def line(name: str, found: list[Turned]) -> str:
    """A row of the summary."""
    cells = []
    for label in (0, 1):
        own = [t for t in found if t.review.label == label]
        cells.append(f"{100 * np.mean([t.after < 0.5 for t in own]):.1f}")
    words = sum(len(t.words) for t in found)
    changed = sum(int(t.changed.sum()) for t in found) / words
    before, after = (100 * np.mean([getattr(t, name) for t in found]) for name in ("before", "after"))
    seconds = 1e3 * sum(t.seconds for t in found) / words
    values = (*cells, f"{100 * changed:.0f}", f"{before:.1f}", f"{after:.1f}", f"{seconds:.2f}")
    return f"| {name} | {' | '.join(values)} |"


def example(turned: Turned, vocabulary: Sequence[str]) -> str:
    """Table IV or V: the paper's own review, before and after, with the words in bold that were replaced."""
    label = turned.review.label
    words, changed = turned.review.words, turned.changed
    replaced = [vocabulary[int(i)] if c else w for i, w, c in zip(turned.words, words, changed, strict=True)]

    def row(what: str, shown: Sequence[str], wanted: int, share: float, theirs: float) -> str:
        text = " ".join(f"**{w}**" if c else w for w, c in zip(shown, changed, strict=True))
        return f"| {what}: {SENTIMENT[wanted]} with {100 * share:.2f} % (paper: {theirs} %) | {text} |"

    return "\n".join(
        [
            row("original", words, label, turned.before, PAPER[label][0]),
            "|---|---|",
            row("perturbed", replaced, 1 - label, 1 - turned.after, PAPER[label][1]),
        ]
    )


def growth(system: CausalSystem, attacks: dict[str, WordByWord], given: list[reviews.Review]) -> str:
    """Processor seconds by the number of words, of reviews one behind the other."""
    words = np.concatenate([review.ids for review in given])
    timed = {}
    for name, attack in attacks.items():
        seconds = []
        for length in LENGTHS:
            online = attack.start(system, label_spec(torch.tensor([0]), 2))
            start = time.process_time()
            for word in words[:length]:
                online.step(int(word))
            seconds.append(time.process_time() - start)
        timed[name] = seconds
    return deka.time_table(timed, LENGTHS, "so many words")


def report(
    model: Model,
    given: list[reviews.Review],
    own: list[reviews.Review],
    vocabulary: Sequence[str],
    offered: dict[str, Candidates],
) -> None:
    """Attack the reviews ``given`` in every way, and the paper's ``own`` in two, and print what came of it."""
    assert model.network.embedding is not None
    table = torch.from_numpy(model.network.embedding.table).double()
    system = CausalSystem(model.network.graph((3, table.shape[1])))
    print(
        "| attack | negative turned, % | positive turned, % | words replaced, % | before | after, % | ms a word |"
    )
    print("|---" * 7 + "|")
    print("| paper: no figures but the two reviews below | | | | | | |")
    attacks = assaults(table, offered)
    for name, attack in attacks.items():
        found = [attacked(model, system, attack, review) for review in given]
        print(line(name, found), flush=True)
    print("\n`before` and `after` are the mean probability of the true class in %.\n")
    for name, attack in list(attacks.items())[1:3]:
        for review in own:
            turned = attacked(model, system, attack, review)
            print(f"## Table {('IV', 'V')[review.label]}, {name}\n\n{example(turned, vocabulary)}\n")
    print(f"## Time by length\n\n{growth(system, attacks, given)}")


def language(model: Path, tags: Path | None, words: Sequence[str]) -> LanguageCandidates:
    """The paper's source of candidates: a language model and, where there is one, a tagger of parts of speech."""
    return LanguageCandidates(
        words, causal_model(model), None if tags is None else tagger(tags), count=3 * COUNT
    )


def main() -> int:
    parser = deka.options(__doc__)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--reviews", type=int, default=60, help="test reviews, half of each class")
    parser.add_argument(
        "--language-model", type=Path, help="folder of a model that continues texts, such as GPT-2"
    )
    parser.add_argument("--tagger", type=Path, help="folder of nltk's tagger as JSON")
    options = deka.given(parser, reviews.FILES)
    start = time.process_time()
    words = reviews.vocabulary(options.data)
    model = deka.network(
        options.cache, "deka_reviews.onnx", lambda path: reviews.train(options.data, path, options.epochs)
    )
    assert model.network.embedding is not None
    table = torch.from_numpy(model.network.embedding.table).double()
    test = reviews.read(options.data, "test", words)
    print(deka.title("Deka et al., section V.D: film reviews, LSTM with 64 units", model))
    right = np.array([confidence(model, review.ids, review.label) > 0.5 for review in test[: reviews.TESTED]])
    print(f"Test accuracy {100 * right.mean():.1f} % on {len(right)} reviews (paper: {ACCURACY} %).")
    given = reviews.attackable(test, right, options.reviews)
    spelled = np.array([word.isalpha() and number > COMMON for number, word in enumerate(words)])
    offered: dict[str, Candidates] = {
        f"{count} neighbours": Spelled(EmbeddingNeighbours(table, 3 * count), spelled, count)
        for count in (COUNT, 5)
    }
    if options.language_model is not None:
        try:
            source = language(options.language_model, options.tagger, words)
        except CertrnnError as error:
            parser.error(str(error))
        offered["language model"] = Spelled(source, spelled, COUNT)
    print(f"{len(given)} reviews of at most {reviews.LONGEST} words that are answered rightly.\n")
    own = [review for review in reviews.read(options.data, "train", words) if review.name in reviews.PAPER]
    report(model, given, sorted(own, key=lambda review: review.label), words, offered)
    print(f"\n{time.process_time() - start:.0f} s of processor time in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
