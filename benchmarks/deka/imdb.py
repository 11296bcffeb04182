"""Film reviews of IMDb, and a network of Deka et al. trained on them: GloVe vectors of 50 numbers, kept as they are, an
LSTM of 64 units, its last state to two scores.

Reviews longer than :data:`LONGEST` words are represented by their last ones. Words without a vector stand as zeros.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

FILES = ("imdb/imdb_train.csv.gz", "imdb/imdb_test.csv.gz", "glove/glove.6B.50d.subset.txt.gz")
"""What is read, below the data folder."""
LONGEST = 160
TESTED = 1000
"""Test reviews, from the first on, that accuracy is measured on and that are attacked."""
PAPER = ("train/neg/8857_1", "train/pos/6400_9")
"""The reviews of the paper's Tables IV and V, which are kept out of the training."""
TOKEN = re.compile(r"n't|'[a-z]+|[a-z]+|[0-9]+|[.,!?;:()]")


@dataclass(frozen=True, eq=False)
class Review:
    """Its name in the data, its words, their numbers (1 without a vector), its class (1 positive), and whether nothing
    was cut off."""

    name: str
    words: tuple[str, ...]
    ids: np.ndarray
    label: int
    whole: bool


@lru_cache
def vectors(data: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """Words, after ``<pad>`` and ``<unknown>``, and their vectors (words, 50) float32."""
    words, rows = ["<pad>", "<unknown>"], [np.zeros(50, np.float32)] * 2
    with gzip.open(data / FILES[2], "rt", encoding="utf-8") as file:
        for entry in file:
            word, *numbers = entry.rstrip("\n").split(" ")
            words.append(word)
            rows.append(np.array(numbers, dtype=np.float32))
    return tuple(words), np.stack(rows)


def vocabulary(data: Path) -> tuple[str, ...]:
    """Words by number."""
    return vectors(data)[0]


def read(data: Path, part: str, words: Sequence[str]) -> list[Review]:
    """The reviews of ``train`` or ``test``."""
    ids, found = {word: number for number, word in enumerate(words)}, []
    with gzip.open(data / f"imdb/imdb_{part}.csv.gz") as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            text = re.sub(r"<br */?>", " ", row["text"]).lower().replace("n't", " n't")
            tokens = TOKEN.findall(text)
            kept = tuple(tokens[-LONGEST:])
            numbers = np.array([ids.get(word, 1) for word in kept], dtype=np.int64)
            found.append(Review(row["orig"], kept, numbers, int(row["label"]), len(tokens) <= LONGEST))
    return found


def attackable(given: Sequence[Review], right: np.ndarray, count: int) -> list[Review]:
    """``count`` of the reviews that are answered rightly, half of each class, whole ones first."""
    answered = [review for review, fine in zip(given, right, strict=False) if fine]
    ordered = sorted(answered, key=lambda review: not review.whole)
    return [r for label in (0, 1) for r in [r for r in ordered if r.label == label][: count // 2]]


class Classifier(nn.Module):
    """Words (N, T) to scores (N, 2)."""

    def __init__(self, table: np.ndarray) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.from_numpy(table), freeze=True)
        self.recurrent = nn.LSTM(table.shape[1], 64, batch_first=True)
        self.spoken, self.dropout = nn.Dropout(0.2), nn.Dropout(0.25)
        self.head = nn.Linear(64, 2)

    def forward(self, words: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        inputs = self.spoken(self.embedding(words))
        if lengths is not None:
            inputs = nn.utils.rnn.pack_padded_sequence(
                inputs, lengths, batch_first=True, enforce_sorted=False
            )
        _, (last, _) = self.recurrent(inputs)
        return self.head(self.dropout(last[-1]))


def train(data: Path, path: Path, epochs: int) -> None:
    """Train with Adam, keep the epoch that is best on a tenth of the training reviews, and write an ONNX file."""
    words, table = vectors(data)
    given = [review for review in read(data, "train", words) if review.name not in PAPER]
    order = np.random.default_rng(0).permutation(len(given))
    tenth = len(given) // 10
    valid, fitted = [given[i] for i in order[:tenth]], [given[i] for i in order[tenth:]]
    classifier, random, begun = Classifier(table), np.random.default_rng(1), time.perf_counter()
    optimiser = torch.optim.Adam(classifier.recurrent.parameters(), 3e-3)
    optimiser.add_param_group({"params": classifier.head.parameters()})
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    best, kept = -1.0, classifier.state_dict()
    for epoch in range(epochs):
        _epoch(classifier, optimiser, fitted, random)
        schedule.step()
        accuracy = _accuracy(classifier, valid)
        spent = time.perf_counter() - begun
        print(f"epoch {epoch + 1}: validation {accuracy:.3f}, {spent:.0f} s", file=sys.stderr)
        if accuracy > best:
            best, kept = accuracy, {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.load_state_dict(kept)
    _export(classifier.eval(), path)


def _epoch(
    classifier: Classifier, optimiser: torch.optim.Optimizer, given: list[Review], random: np.random.Generator
) -> None:
    """Reviews of like length go together, since short ones would wait for long ones."""
    classifier.train()
    order = sorted(random.permutation(len(given)), key=lambda i: len(given[i].ids) // 8)
    batches = [order[first : first + 64] for first in range(0, len(order), 64)]
    for number in random.permutation(len(batches)):
        x, lengths, y = _batch([given[i] for i in batches[number]])
        loss = nn.functional.cross_entropy(classifier(x, lengths), y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimiser.step()


def _batch(given: Sequence[Review]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(review.ids) for review in given])
    x = torch.zeros(len(given), int(lengths.max()), dtype=torch.long)
    for row, review in zip(x, given, strict=True):
        row[: len(review.ids)] = torch.from_numpy(review.ids)
    return x, lengths, torch.tensor([review.label for review in given])


def _accuracy(classifier: Classifier, given: Sequence[Review]) -> float:
    classifier.eval()
    right = 0
    with torch.no_grad():
        for first in range(0, len(given), 250):
            x, lengths, y = _batch(given[first : first + 250])
            right += int((classifier(x, lengths).argmax(1) == y).sum())
    return right / len(given)


def _export(classifier: Classifier, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(
            classifier,
            (torch.ones(1, 9, dtype=torch.long),),
            str(path),
            input_names=["words"],
            output_names=["scores"],
            dynamic_axes={"words": {1: "time"}},
            dynamo=False,
            opset_version=17,
        )
