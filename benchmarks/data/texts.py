"""Real texts, and small networks trained on them; used by the benchmarks of words and of Cert-RNN's tables.

URLs are texts whose words are their characters.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

WORDS = 8000
LONGEST = 60
EPOCHS = {
    ("rotten", "rnn"): 8,
    ("rotten", "lstm"): 6,
    ("toxic", "rnn"): 6,
    ("toxic", "lstm"): 3,
    ("urls", "rnn"): 14,
    ("urls", "lstm"): 12,
}
FILES = {
    "rotten": ("rotten_tomatoes/rt-polarity.pos", "rotten_tomatoes/rt-polarity.neg"),
    "toxic": ("toxic/jigsaw_subset.csv.gz",),
    "urls": ("urls/urls.csv.gz",),
}
"""What each set is read from, below the data folder."""


@dataclass(frozen=True, eq=False)
class Text:
    """A text, its class and, once encoded, the numbers of its words."""

    words: tuple[str, ...]
    label: int
    ids: np.ndarray

    def encoded(self, ids: dict[str, int]) -> Text:
        """With numbers; 1 for unknown words."""
        return replace(self, ids=np.array([ids.get(word, 1) for word in self.words], dtype=np.int64))


@dataclass(frozen=True)
class Splits:
    """Training, validation and held-out texts."""

    train: list[Text]
    valid: list[Text]
    test: list[Text]


def splits(data: Path, name: str) -> Splits:
    """Rotten Tomatoes by a fixed random split of 80, 10 and 10 %, toxic comments and URLs by the files' own."""
    first = data / FILES[name][0]
    if name == "rotten":
        return _rotten(first.parent)
    return _toxic(first) if name == "toxic" else _urls(first)


def _text(words: Sequence[str], label: int) -> Text:
    return Text(tuple(words[:LONGEST]), label, np.zeros(0, dtype=np.int64))


def _rotten(folder: Path) -> Splits:
    found = []
    for label, ending in ((1, "pos"), (0, "neg")):
        raw = (folder / f"rt-polarity.{ending}").read_bytes().decode("utf-8", "replace")
        found += [_text(line.split(), label) for line in raw.split("\n") if line.strip()]
    order = np.random.default_rng(0).permutation(len(found))
    mixed, tenth = [found[i] for i in order], len(found) // 10
    return Splits(mixed[2 * tenth :], mixed[tenth : 2 * tenth], mixed[:tenth])


def _toxic(path: Path) -> Splits:
    parts: dict[str, list[Text]] = {"train": [], "val": [], "test": []}
    with gzip.open(path) as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if row["text_norm"].split():
                parts[row["split"]].append(_text(row["text_norm"].split(), int(row["toxic"])))
    return Splits(parts["train"], parts["val"], parts["test"])


def _urls(path: Path) -> Splits:
    """The first :data:`LONGEST` characters of the URLs of one source that is balanced within itself: in the whole file
    sources and labels are confounded."""
    parts: dict[str, list[Text]] = {"train": [], "val": [], "test": []}
    with gzip.open(path) as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if row["source"] == "easysol" and row["url"]:
                parts[row["split"]].append(_text(row["url"], int(row["label"])))
    return Splits(parts["train"], parts["val"], parts["test"])


@dataclass(frozen=True)
class Network:
    """A trained network in a file, and its words."""

    path: Path
    vocabulary: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The first digits of the file's sha256."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]

    def predictor(self) -> Callable[[np.ndarray], int]:
        """What onnxruntime answers, remembered."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        known: dict[bytes, int] = {}

        def predict(ids: np.ndarray) -> int:
            key = ids.tobytes()
            if key not in known:
                known[key] = int(np.asarray(session.run(None, {"words": ids[None]})[0]).argmax())
            return known[key]

        return predict


class Classifier(nn.Module):
    """Word vectors of 32 numbers, a recurrent layer of 32 units, its last state to two scores."""

    def __init__(self, words: int, cell: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 32, padding_idx=0)
        kind = nn.RNN if cell == "rnn" else nn.LSTM
        self.recurrent = kind(32, 32, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(32, 2)
        with torch.no_grad():
            self.embedding.weight.mul_(0.3)

    def forward(self, words: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        vectors = self.dropout(self.embedding(words))
        if lengths is not None:
            vectors = nn.utils.rnn.pack_padded_sequence(
                vectors, lengths, batch_first=True, enforce_sorted=False
            )
        _, state = self.recurrent(vectors)
        last = state[0] if isinstance(state, tuple) else state
        return self.head(self.dropout(last[-1]))


def cached_network(data: Path, cache: Path, name: str, cell: str) -> Network:
    """The network of that data and cell, trained where the cache lacks it."""
    path, words = cache / f"{name}_{cell}.onnx", cache / f"{name}_{cell}.vocab.txt"
    if not (path.is_file() and words.is_file()):
        cache.mkdir(parents=True, exist_ok=True)
        vocabulary, classifier = _trained(splits(data, name), cell, EPOCHS[name, cell])
        words.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            example = (torch.ones(1, 9, dtype=torch.long),)
            axes = {"words": {1: "time"}}
            torch.onnx.export(
                classifier,
                example,
                str(path),
                input_names=["words"],
                dynamic_axes=axes,
                dynamo=False,
                opset_version=17,
            )
    return Network(path, tuple(words.read_text("utf-8").split("\n")[:-1]))


def _trained(texts: Splits, cell: str, epochs: int) -> tuple[list[str], Classifier]:
    counts = Counter(word for text in texts.train for word in text.words)
    vocabulary = ["<pad>", "<unk>", *(word for word, times in counts.most_common(WORDS) if times > 1)]
    ids = {word: number for number, word in enumerate(vocabulary)}
    train, valid = ([text.encoded(ids) for text in part] for part in (texts.train, texts.valid))
    torch.manual_seed(0)
    random, start = np.random.default_rng(1), time.perf_counter()
    classifier = Classifier(len(vocabulary), cell)
    optimiser = torch.optim.Adam(classifier.parameters(), 2e-3)
    best, kept = -1.0, classifier.state_dict()
    for epoch in range(epochs):
        _epoch(classifier, optimiser, train, random)
        accuracy = _accuracy(classifier, valid)
        print(
            f"epoch {epoch + 1}: validation {accuracy:.3f}, {time.perf_counter() - start:.0f} s",
            file=sys.stderr,
        )
        if accuracy > best:
            best, kept = accuracy, {k: v.clone() for k, v in classifier.state_dict().items()}
    classifier.load_state_dict(kept)
    return vocabulary, classifier.eval()


def _epoch(
    classifier: Classifier, optimiser: torch.optim.Optimizer, texts: list[Text], random: np.random.Generator
) -> None:
    classifier.train()
    order = random.permutation(len(texts))
    for first in range(0, len(texts), 64):
        x, lengths, y = _batch([texts[i] for i in order[first : first + 64]])
        x = torch.where((torch.rand(x.shape) < 0.05) & (x > 0), 1, x)  # unknown words are trained, too
        optimiser.zero_grad()
        nn.functional.cross_entropy(classifier(x, lengths), y).backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimiser.step()


def _batch(texts: Sequence[Text]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(text.ids) for text in texts])
    x = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
    for row, text in zip(x, texts, strict=True):
        row[: len(text.ids)] = torch.from_numpy(text.ids)
    return x, lengths, torch.tensor([text.label for text in texts])


def _accuracy(classifier: Classifier, texts: list[Text]) -> float:
    classifier.eval()
    right = 0
    with torch.no_grad():
        for first in range(0, len(texts), 256):
            x, lengths, y = _batch(texts[first : first + 256])
            right += int((classifier(x, lengths).argmax(1) == y).sum())
    return right / len(texts)
