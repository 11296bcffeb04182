"""Networks of one architecture, data and word vectors that differ in their defence alone, trained once and kept."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.data.texts import Text, splits
from certrnn.io.text.embeddings import read_embeddings
from certrnn.model import Model, load
from certrnn.training import Architecture, Examples, Run, Settings, train

GLOVE = "glove/glove.6B.50d.subset.txt.gz"
WORDS = 8000
UNKNOWN = "<unk>"


@dataclass(frozen=True, eq=False)
class Task:
    """Labelled texts in numbers of words, and the vectors of the words, which no variant changes.

    Args:
        name: of the set.
        train, test: numbers of words, and labels.
        table: (words, features).
    """

    name: str
    train: Examples
    test: Examples
    table: np.ndarray


def task(data: Path, name: str, limit: int | None, low: int, high: int) -> Task:
    """Texts of ``low`` to ``high`` words (URLs: characters) of a real set, with GloVe's vectors where it has them.

    Args:
        data: the folder of real data.
        name: rotten, toxic or urls.
        limit: training texts, the first so many; None for all.
        low, high: shortest and longest text.
    """
    parts = splits(data, name)
    counted = Counter(word for text in parts.train for word in text.words)
    if name == "urls":
        vocabulary, known, width = [UNKNOWN, *sorted(counted)], {}, 32
        vectors = np.zeros((0, width))
    else:
        found = read_embeddings(data / GLOVE)
        assert found.vocabulary is not None
        known, vectors, width = found.vocabulary.ids, found.table, found.table.shape[1]
        frequent = [w for w, n in counted.most_common(WORDS - 1) if n > 1 and w != UNKNOWN]
        vocabulary = [UNKNOWN, *frequent]
    table = 0.3 * np.random.default_rng(0).standard_normal((len(vocabulary), width))
    for number, word in enumerate(vocabulary):
        if word in known:
            table[number] = vectors[known[word]]
    ids = {word: number for number, word in enumerate(vocabulary)}

    def examples(texts: list[Text]) -> Examples:
        kept = [t for t in texts if low <= len(t.words) <= high]
        return Examples.of([[ids.get(w, 0) for w in t.words] for t in kept], [t.label for t in kept])

    every = examples(parts.train)
    order = np.random.default_rng(0).permutation(len(every))[:limit]
    return Task(name, every.take(order.tolist()), examples(parts.test), table.astype(np.float32))


def with_own_vectors(given: Task, shape: Architecture, settings: Settings, cache: Path) -> Task:
    """The task with the vectors that an undefended network makes of them, once, for all variants and seeds."""
    first = variant(given, shape, replace(settings, defence="none", seed=0, freeze=False), cache)
    assert first.model.network.embedding is not None
    table = first.model.network.embedding.table.astype(np.float32)
    return replace(given, table=table, name=f"{given.name}, own vectors")


def made_up(count: int = 120) -> Task:
    """A task of no data: the second half of the words is good, the first half bad."""
    generator = np.random.default_rng(0)
    words = [generator.integers(0, 10, generator.integers(3, 6)) for _ in range(count)]
    labels = [int((w >= 5).sum() * 2 > len(w)) for w in words]
    table = generator.standard_normal((10, 4)).astype(np.float32)
    table[5:, 0] += 2.0
    both = Examples.of(words, labels)
    return Task("made up", *both.split(0.25, 0), table)


@dataclass(frozen=True, eq=False)
class Variant:
    """A trained network in a file, and its accuracy on all test texts."""

    model: Model
    accuracy: float
    seconds: float


def variant(given: Task, shape: Architecture, settings: Settings, cache: Path) -> Variant:
    """A network, trained where the cache lacks it."""
    digest = hashlib.sha256(given.table.tobytes()).hexdigest()
    asked = {
        "task": given.name,
        "train": len(given.train),
        "table": digest,
        **asdict(shape),
        **settings.document(),
    }
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    path, about = cache / f"{key}.onnx", cache / f"{key}.json"
    if not about.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        begun = time.process_time()
        some = given.test.take(range(min(200, len(given.test))))
        trained = train(Run(given.train, some, settings, shape, table=given.table))
        trained.save(path)
        seconds = time.process_time() - begun
        record = {**asked, "accuracy": _accuracy(load(path), given.test), "seconds": seconds}
        about.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        said = (
            f"{given.name} {settings.defence} seed {settings.seed}: {record['accuracy']:.4f}, {seconds:.0f} s"
        )
        print(f"trained {said}", file=sys.stderr, flush=True)
    record = json.loads(about.read_text("utf-8"))
    return Variant(load(path), record["accuracy"], record["seconds"])


def _accuracy(model: Model, examples: Examples) -> float:
    right = 0
    for x, y in examples.in_order(256):
        right += int((model.network.run_onnxruntime_on_words(x.numpy()).argmax(1) == y.numpy()).sum())
    return right / len(examples)


def frame_radii(model: Model, examples: Examples, frames: str, method: str) -> np.ndarray:
    """Certified eps (N,) of each text: of ``each`` word alone the least, or of ``all``; nan where misclassified."""
    rows = model.radius(list(examples.x), examples.y, frames=frames, method=method, attack=False)
    found = np.full(len(examples), np.inf)
    for row in rows:
        eps = np.nan if row.verdict == "misclassified" else (row.eps_certified or 0.0)
        found[row.sample] = np.minimum(found[row.sample], eps)
    return found
