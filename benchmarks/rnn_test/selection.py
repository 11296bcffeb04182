"""Does coverage find the mistakes? Samples selected by coverage, by certified eps, by DeepGini and by chance.

    python -m benchmarks.rnn_test.selection --data FOLDER --cache FOLDER [--sets mnist,har,rotten] [--samples 500]

Three data sets, small networks trained by the script: digits (LSTM, 4 frames), activity (GRU, 32 frames), film reviews
(LSTM, words). Of the first tenth of each order: how many of all mistakes stand in it, the mean over ten draws for
chance; and Spearman's rank correlation of the order with the mistakes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

import certrnn
from benchmarks.data import sequences as frames
from benchmarks.data import texts
from certrnn.datasets import Sequences
from certrnn.model import Model
from certrnn.testing.measure import measure_coverage
from certrnn.testing.priorities import Chance, priorities
from certrnn.testing.selection import Selected, mistakes, select

SETS = ("mnist", "har", "rotten")
DRAWS = 10
WORDS = 25
"""Words of a review that are read, at most."""


def digits_or_activity(data: Path, cache: Path, name: str, count: int) -> tuple[Model, Sequences]:
    """A network of frames, and held-out samples of its data."""
    given = frames.samples(data, name, 4)
    cell, epochs = ("lstm", 2) if name == "mnist" else ("gru", 4)
    file = cache / f"selection-{name}.onnx"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        classes = int(given.y_train.max()) + 1
        classifier = frames.Classifier(cell, given.x_train.shape[2], 32, classes)
        frames.export(frames.trained(given, classifier, epochs), given.x_test.shape[1:], file)
    model = certrnn.load(file)
    chosen = np.random.default_rng(0).permutation(len(given.x_test))[:count]
    return model, model.sequences(given.x_test[chosen], given.y_test[chosen])


def reviews(data: Path, cache: Path, count: int) -> tuple[Model, Sequences]:
    """A network of words, and held-out reviews."""
    network = texts.cached_network(data, cache, "rotten", "lstm")
    number = {word: k for k, word in enumerate(network.vocabulary)}
    some = [text.encoded(number) for text in texts.splits(data, "rotten").test if text.words][:count]
    model = certrnn.load(network.path)
    return model, model.sequences([text.ids[:WORDS] for text in some], [text.label for text in some])


def clip(name: str) -> tuple[float, float] | None:
    """The valid range of a data set's values."""
    return (0.0, 1.0) if name == "mnist" else None


def orders(model: Model, samples: Sequences, name: str) -> list[Selected]:
    """What every order finds; those by metrics that the network has."""
    known = priorities(clip(name))
    has = {row.metric for row in measure_coverage(model, samples.take([0])).rows}
    found = []
    for key, priority in known.items():
        if key in ("certified-eps", "gini") or key.rstrip("+") in has:
            print(f"{name}: {key}", file=sys.stderr, flush=True)
            found += select(model, samples, {key: priority})
    return found


def by_chance(model: Model, samples: Sequences) -> float:
    """Mistakes in the first tenth, the mean of some draws."""
    draws = {str(seed): Chance(seed) for seed in range(DRAWS)}
    return float(np.mean([one.found for one in select(model, samples, draws)]))


def compare(data: Path, cache: Path, name: str, count: int) -> None:
    """Print the table of one data set."""
    start = time.perf_counter()
    model, samples = (
        reviews(data, cache, count) if name == "rotten" else digits_or_activity(data, cache, name, count)
    )
    wrong, found = int(mistakes(model, samples).sum()), orders(model, samples, name)
    first = found[0].first
    spent = time.perf_counter() - start
    print(
        f"\n{name}: {wrong} mistakes among {len(samples)} samples, the first {first} of each order; {spent:.0f} s\n"
    )
    print("| order | mistakes found | share of what can be found | rank correlation |")
    print("|---|---|---|---|")
    most = max(1, min(first, wrong))
    for one in sorted(found, key=lambda one: -one.found):
        related = "constant" if np.isnan(one.correlation) else f"{one.correlation:+.3f}"
        print(f"| {one.name} | {one.found} | {100 * one.found / most:.0f} % | {related} |")
    chance = by_chance(model, samples)
    print(f"| chance, mean of {DRAWS} | {chance:.1f} | {100 * chance / most:.0f} % | |", flush=True)


def main() -> int:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument("--data", type=Path, default=Path(home) if home else None, help="folder of data sets")
    parser.add_argument("--cache", type=Path, help="folder that keeps the trained networks")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--samples", type=int, default=500)
    told = parser.parse_args()
    if told.data is None or not told.data.is_dir():
        parser.error(f"the data lies in --data or CERTRNN_DATA: no folder {str(told.data)!r}")
    if told.cache is None:
        parser.error("trained networks are kept in --cache")
    names = told.sets.split(",")
    if set(names) - set(SETS):
        parser.error(f"--sets are among {', '.join(SETS)}")
    files = {**frames.FILES, **texts.FILES}
    absent = [file for name in names for file in files[name] if not (told.data / file).is_file()]
    if absent:
        parser.error(f"missing in --data {told.data}: {', '.join(absent)}")
    torch.set_num_threads(1)
    for name in names:
        compare(told.data, told.cache, name, told.samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
