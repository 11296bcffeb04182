"""An LSTM certified against synonym substitution on SST-2: any number of words, each by one of its candidates.

    python -m benchmarks.training.synonyms --data FOLDER [--epochs 15] [--samples 200]
    python -m benchmarks.training.synonyms --quick

Candidates are those of the data pack (``sst_dev`` and ``sst_test``); a word's set in training is the union of its
candidates in the development set, so that test sets are seen in no step. Vectors begin as GloVe's and are trained (the
loss draws synonyms together) unless ``--frozen``. Certified is what ``certify --words`` proves by the zonotope for the
test sentences' own candidate sets, restricted to the vocabulary; sentences of at most ``--longest`` words.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.training.variants import GLOVE, UNKNOWN, WORDS, Task, made_up
from certrnn.io.text.embeddings import read_embeddings
from certrnn.model import load
from certrnn.training import Architecture, Examples, Run, Settings, Synonyms, train

FILES = [f"sst/sst_{part}.jsonl.gz" for part in ("train", "dev", "test")]
Sets = dict[tuple[int, int], np.ndarray]


def sentences(path: Path) -> list[dict[str, Any]]:
    """Records of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sst(data: Path, longest: int) -> tuple[Task, Synonyms, Sets]:
    """The task, the sets that are trained for, and the test sentences' own."""
    train_rows, dev, test = (sentences(data / name) for name in FILES)
    vectors = read_embeddings(data / GLOVE)
    assert vectors.vocabulary is not None
    counted = Counter(word for row in train_rows for word in row["sentence"].lower().split())
    vocabulary = [UNKNOWN, *(w for w, _ in counted.most_common(WORDS - 1) if w != UNKNOWN)]
    ids = {word: number for number, word in enumerate(vocabulary)}
    table = 0.3 * np.random.default_rng(0).standard_normal((len(vocabulary), vectors.table.shape[1]))
    for word, number in ids.items():
        if word in vectors.vocabulary.ids:
            table[number] = vectors.table[vectors.vocabulary.ids[word]]
    listed: dict[str, set[str]] = {}
    for row in dev:
        for word, some in zip(row["sentence"].lower().split(), row["candidates"], strict=True):
            listed.setdefault(word, set()).update(s.lower() for s in some)

    def examples(rows: list[dict[str, Any]]) -> tuple[Examples, list[dict[str, Any]]]:
        kept = [row for row in rows if 0 < len(row["sentence"].split()) <= longest]
        numbers = [[ids.get(w, 0) for w in row["sentence"].lower().split()] for row in kept]
        return Examples.of(numbers, [row["label"] for row in kept]), kept

    given, kept = examples(test)
    sets: Sets = {}
    for sample, row in enumerate(kept):
        for position, some in enumerate(row["candidates"]):
            others = sorted(
                {ids[s.lower()] for s in some if s.lower() in ids} - {int(given.x[sample][position])}
            )
            if others:
                sets[sample, position] = np.array(others)
    found = Task("SST-2", examples(train_rows)[0], given, table.astype(np.float32))
    return found, Synonyms.of(vocabulary, {w: sorted(s) for w, s in listed.items()}), sets


def quick() -> tuple[Task, Synonyms, Sets]:
    """A task of no data: neighbouring words are synonyms."""
    given = made_up()
    listed = {str(n): [str(n + 1 if n % 2 == 0 else n - 1)] for n in range(10)}
    found = Synonyms.of([str(n) for n in range(10)], listed)
    sets = {(s, p): found.table[w][1:].numpy() for s, x in enumerate(given.test.x) for p, w in enumerate(x)}
    return given, found, sets


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.synonyms", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real data")
    parser.add_argument("--defences", default="none,ibp-vt")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--longest", type=int, default=30)
    parser.add_argument("--frozen", action="store_true", help="word vectors stay GloVe's")
    parser.add_argument("--quick", action="store_true", help="a task of no data, in seconds")
    asked = parser.parse_args()
    if asked.quick:
        asked.epochs, asked.samples, asked.hidden = 4, 8, 8
        given, synonyms, sets = quick()
    else:
        if asked.data is None:
            parser.error("name the folder of real data with --data, or run --quick")
        given, synonyms, sets = sst(asked.data, asked.longest)
    print(
        "| set | LSTM | vectors | clean accuracy | certified accuracy | samples |\n|---|---|---|---|---|---|"
    )
    few = given.test.take(range(min(asked.samples, len(given.test))))
    for defence in asked.defences.split(","):
        settings = Settings(defence, epochs=asked.epochs, freeze=asked.frozen, ramp=0.6 * asked.epochs)
        run = Run(
            given.train,
            given.test.take(range(min(200, len(given.test)))),
            settings,
            Architecture("lstm", asked.hidden),
            table=given.table,
            around=synonyms,
            tell=lambda epoch: print(epoch, file=sys.stderr, flush=True),
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            train(run).save(path)
            model = load(path)
            threat = model.substitution({k: v for k, v in sets.items() if k[0] < len(few)})
            rows = model.certify(
                list(few.x), few.y, frames="all", method="zonotope", attack=False, threat=threat
            )
            right = 0
            for x, y in given.test.in_order(256):
                right += int((model.network.run_onnxruntime_on_words(x.numpy()).argmax(1) == y.numpy()).sum())
        share = sum(row.verdict == "certified" for row in rows) / len(few)
        kind = "frozen" if asked.frozen else "trained"
        clean = right / len(given.test)
        print(
            f"| {given.name} | {defence} | {kind} | {100 * clean:.1f} % | {100 * share:.1f} % | {len(few)} |",
            flush=True,
        )
    raise SystemExit(0)


if __name__ == "__main__":
    main()
