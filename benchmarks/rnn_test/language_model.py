"""Trains a language model on the Penn Treebank as Zaremba et al. do (RNN-Test's PTB model), and writes it as ONNX.

    python -m benchmarks.rnn_test.language_model --data FOLDER --cache FOLDER [--size paper|small|quick]

FOLDER of the data holds ptb/ptb.{train,valid,test}.txt.gz. ``paper`` is the size of the paper, which takes hours on one
core. ``small`` reads the 3000 most frequent words and has half as many units, ``quick`` the 1000 most frequent ones and
one layer: minutes, and one minute. Training goes on where it was stopped: every finished epoch is kept in the cache.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

PARTS = ("train", "valid", "test")
END, UNKNOWN = "<eos>", "<unk>"


@dataclass(frozen=True)
class Size:
    """A model and its training: ``words`` of the vocabulary, layers x hidden units, epochs, and the epoch after which
    the rate is halved each time."""

    words: int
    layers: int
    hidden: int
    epochs: int
    slow: int
    batch: int = 20
    steps: int = 20
    rate: float = 1.0
    clip: float = 5.0
    scale: float = 0.1

    def rate_of(self, number: int) -> float:
        """The rate of an epoch, from 0."""
        return self.rate * 0.5 ** max(0, number + 1 - self.slow)


SIZES = {
    "paper": Size(10_000, 2, 200, 13, 4),
    "small": Size(3_000, 2, 100, 4, 2),
    "quick": Size(1_000, 1, 64, 2, 1),
}
"""``paper``: the small configuration of Zaremba et al., Recurrent neural network regularization (2014)."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The words of the vocabulary by number, and each part as one stream of numbers."""

    vocabulary: tuple[str, ...]
    parts: dict[str, np.ndarray]

    def windows(self, part: str, length: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, length) of words, one behind the other, and the words that follow each of theirs."""
        stream = self.parts[part]
        count = (len(stream) - 1) // length
        cut = count * length
        return stream[:cut].reshape(count, length), stream[1 : cut + 1].reshape(count, length)


def corpus(data: Path, words: int) -> Corpus:
    """The treebank with its most frequent words; others are read as <unk>."""
    texts = {}
    for part in PARTS:
        with gzip.open(data / "ptb" / f"ptb.{part}.txt.gz", "rt", encoding="utf-8") as file:
            texts[part] = [word for line in file for word in (*line.split(), END)]
    counts = Counter(texts["train"])
    counts.setdefault(UNKNOWN, 1)
    kept = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    must = [word for word in (UNKNOWN, END) if word not in kept[:words]]
    vocabulary = (*kept[: words - len(must)], *must)
    number = {word: place for place, word in enumerate(vocabulary)}
    unknown = number[UNKNOWN]
    parts = {
        part: np.array([number.get(word, unknown) for word in text], dtype=np.int64)
        for part, text in texts.items()
    }
    return Corpus(vocabulary, parts)


class LanguageModel(nn.Module):
    """Words (N, T) to the logits (N, T, words) of the word that follows each."""

    def __init__(self, size: Size, words: int) -> None:
        super().__init__()
        self.table = nn.Embedding(words, size.hidden)
        self.stack = nn.LSTM(size.hidden, size.hidden, size.layers, batch_first=True)
        self.head = nn.Linear(size.hidden, words)
        for weights in self.parameters():
            nn.init.uniform_(weights, -size.scale, size.scale)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.stack(self.table(words))[0])

    def carried(
        self, words: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """The same from a state, and the state after."""
        hidden, state = self.stack(self.table(words), state)
        return self.head(hidden), (state[0].detach(), state[1].detach())


def batches(stream: np.ndarray, batch: int, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Words (batch, steps) and those that follow; each row goes on where it ended in the batch before."""
    length = (len(stream) - 1) // batch
    x = torch.from_numpy(stream[: batch * length].reshape(batch, length))
    y = torch.from_numpy(stream[1 : batch * length + 1].reshape(batch, length))
    for first in range(0, length - steps + 1, steps):
        yield x[:, first : first + steps], y[:, first : first + steps]


def epoch(model: LanguageModel, stream: np.ndarray, size: Size, rate: float | None) -> float:
    """One pass, with training where a rate is given; the perplexity on the way."""
    model.train(rate is not None)
    total, count, state = 0.0, 0, None
    with torch.set_grad_enabled(rate is not None):
        for x, y in batches(stream, size.batch, size.steps):
            logits, state = model.carried(x, state)
            cost = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            if rate is not None:
                model.zero_grad()
                (
                    cost * size.steps
                ).backward()  # summed over steps, averaged over the batch, as the original does
                nn.utils.clip_grad_norm_(model.parameters(), size.clip)
                with torch.no_grad():
                    for weights in model.parameters():
                        weights -= rate * weights.grad
            total, count = total + float(cost.detach()) * y.numel(), count + y.numel()
    return float(np.exp(total / max(1, count)))


def trained(data: Path, cache: Path, name: str, seed: int = 0) -> tuple[Path, Corpus]:
    """The ONNX file of a size and its corpus; trains what is missing of it and keeps every epoch."""
    size = SIZES[name]
    text = corpus(data, size.words)
    file, kept = cache / f"ptb-{name}.onnx", cache / f"ptb-{name}.pt"
    if file.is_file():
        return file, text
    cache.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model, done = LanguageModel(size, len(text.vocabulary)), 0
    if kept.is_file():
        saved = torch.load(kept, weights_only=True)
        model.load_state_dict(saved["model"])
        done = int(saved["epochs"])
    for number in range(done, size.epochs):
        start = time.process_time()
        train = epoch(model, text.parts["train"], size, size.rate_of(number))
        valid = epoch(model, text.parts["valid"], size, None)
        spent = time.process_time() - start
        print(
            f"epoch {number + 1}: train {train:.2f}, valid {valid:.2f}, {spent:.0f} s of processor time",
            file=sys.stderr,
            flush=True,
        )
        draft = kept.with_suffix(".draft")
        torch.save({"model": model.state_dict(), "epochs": number + 1}, draft)
        os.replace(draft, kept)
    print(f"test perplexity {epoch(model, text.parts['test'], size, None):.2f}", file=sys.stderr)
    exported(model.eval(), file)
    return file, text


def exported(model: LanguageModel, file: Path) -> None:
    """Write the ONNX file, whole or not at all."""
    draft = file.with_suffix(".draft")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(
            model,
            (torch.zeros(2, 10, dtype=torch.long),),
            str(draft),
            dynamo=False,
            input_names=["words"],
            output_names=["logits"],
            dynamic_axes={"words": {0: "samples", 1: "steps"}, "logits": {0: "samples", 1: "steps"}},
        )
    os.replace(draft, file)


def options(doc: str | None) -> argparse.ArgumentParser:
    """The options that the scripts of this folder share."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = os.environ.get("CERTRNN_DATA")
    parser.add_argument("--data", type=Path, default=Path(home) if home else None, help="folder of data sets")
    parser.add_argument("--cache", type=Path, required=False, help="folder that keeps the trained model")
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", help="--size quick")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def given(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of the command line; the usage and a line of what is missing otherwise."""
    found = parser.parse_args()
    if found.data is None or not found.data.is_dir():
        parser.error(f"the data lies in --data or CERTRNN_DATA: no folder {str(found.data)!r}")
    absent = [part for part in PARTS if not (found.data / "ptb" / f"ptb.{part}.txt.gz").is_file()]
    if absent:
        parser.error(f"missing in --data {found.data}: ptb/ptb.{absent[0]}.txt.gz")
    if found.cache is None:
        parser.error("a trained model is kept in --cache")
    torch.set_num_threads(1)
    return found


def main() -> int:
    """Train, export, and say how good the model is."""
    asked = given(options(__doc__))
    file, text = trained(asked.data, asked.cache, asked.size, asked.seed)
    words = file.with_suffix(".txt")
    words.write_text("\n".join(text.vocabulary) + "\n", "utf-8")
    x, y = text.windows("test")
    np.savez_compressed(file.with_suffix(".npz"), x=x, y=y)
    print(f"{file}: {len(text.vocabulary)} words, {len(x)} windows of {x.shape[1]} words of the test part")
    return 0


if __name__ == "__main__":
    sys.exit(main())
