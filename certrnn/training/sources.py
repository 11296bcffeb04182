"""Examples from files: sequences of numbers, or texts with the words and vectors of a new network."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from certrnn.errors import InvalidInput, UsageError
from certrnn.examples import resolve
from certrnn.io.data import read_samples
from certrnn.io.data.samples import Arrays, Origin
from certrnn.io.text import TextSource, read_encoder, read_texts
from certrnn.io.text.embeddings import read_embeddings
from certrnn.io.text.splitting import pieces
from certrnn.report.output import write_file
from certrnn.training.examples import Examples

UNKNOWN = "<unk>"


def read_sequences(path: str, frames: int | None = None) -> Examples:
    """Labelled sequences of a sample file, or of ``example:NAME``; padding is cut off where the file has lengths.

    Args:
        path: npz, npy, csv, jsonl or idx, also gzipped.
        frames: each sample's values are cut into so many frames, one after the other, such as an image's rows.

    Raises:
        InvalidInput: the file is missing or damaged, has no labels, or its values make no such frames.
    """

    def arranged(arrays: Arrays, origin: Origin) -> tuple[np.ndarray, tuple[str, ...]]:
        x, notes = arrays.x, arrays.notes
        if x.ndim == 2 and frames is None:
            x = x[:, :, None]
        elif frames is not None:
            values = int(np.prod(x.shape[1:]))
            if frames < 1 or values % frames:
                raise origin.invalid(f"a sample's {values} values make {frames} frames", f"shape {x.shape}")
            x = x.reshape(len(x), frames, -1)
            notes = (*notes, f"samples were cut into {frames} frames of {x.shape[2]} values")
        if x.ndim != 3:
            raise origin.invalid(
                "x has shape (samples, frames, features)", f"shape {x.shape}", "Or pass --frames."
            )
        return x, notes

    samples = read_samples(resolve(path), arranged)
    if samples.y is None or samples.y.ndim != 1:
        received = samples.unlabelled or ("none" if samples.y is None else "several a sample")
        raise InvalidInput(f"reading {path}", "every sample has one label y, a class", received)
    lengths = samples.lengths
    parts = [x if lengths is None else x[: lengths[n]] for n, x in enumerate(samples.x)]
    return replace(Examples.of(parts, samples.y), notes=samples.notes)


@dataclass(frozen=True, eq=False)
class Words:
    """Texts to train on, in words.

    Args:
        examples: numbers of words.
        texts: each text as it stands in its file.
        vocabulary: the words by their numbers.
        table: a vector of each word, or None where they are to be drawn at random.
    """

    examples: Examples
    texts: tuple[str, ...]
    vocabulary: tuple[str, ...]
    table: np.ndarray | None

    def vectors(self, width: int, seed: int) -> np.ndarray:
        """The vectors of the file, or such of ``width`` features drawn by the seed, of length one in the mean."""
        if self.table is not None:
            return self.table
        drawn = np.random.default_rng(seed).standard_normal((len(self.vocabulary), width))
        return (drawn / np.sqrt(width)).astype(np.float32)


def read_words(
    paths: Sequence[str],
    out: str,
    vocab: str | None = None,
    embeddings: str | None = None,
    split: str = "space",
    max_length: int | None = None,
    words: int = 10_000,
) -> Words:
    """Labelled texts, by a vocabulary that is read or made of them.

    Texts without labels are one class a file, numbered in the order of the files. Words are in small letters where the
    vocabulary is made here: the most frequent ones, of those that have a vector where a file of vectors is given.

    Args:
        paths: txt, csv, json or jsonl files.
        out: where the vocabulary is written, a word a line, that the other commands read by ``--vocab``.
        vocab: a vocabulary to take instead; the words of a network that is gone on from.
        embeddings: word vectors, in GloVe's format or npz.
        split: how texts are taken apart, as for ``certify --split``.
        max_length: words kept of a text.
        words: entries of the vocabulary that is made, at most.

    Raises:
        InvalidInput: a file is missing or damaged, or only some of the texts have labels.
        UsageError: options that do not go together.
    """
    files = [read_texts(path) for path in paths]
    texts = tuple(text for one in files for text in one.texts)
    labels = _labels([one.labels for one in files], [len(one.texts) for one in files])
    vectors = None if embeddings is None else read_embeddings(embeddings)
    if vectors is not None and vectors.vocabulary is None:
        raise UsageError("reading --embeddings", "it names its words", "vectors alone")
    if vocab is None:
        counted = Counter(word for text in texts for word in pieces(text.lower(), split))
        known = None if vectors is None or vectors.vocabulary is None else vectors.vocabulary.ids
        common = [w for w, _ in counted.most_common() if w != UNKNOWN and (known is None or w in known)]
        write_file(out, "".join(f"{word}\n" for word in (UNKNOWN, *common[: words - 1])).encode("utf-8"))
    source = TextSource(paths[0], vocab=vocab or out, split=split, max_length=max_length)
    encoder = read_encoder(source)
    encoded = [encoder.encode(text) for text in texts]
    numbers = [number for number, one in enumerate(encoded) if one.words]
    if not numbers:
        raise InvalidInput("reading texts", "a text has at least one word", "only texts without")
    ids = encoder_words(encoder)
    examples = Examples.of([encoded[n].ids for n in numbers], [labels[n] for n in numbers])
    left_out = f"{len(texts) - len(numbers)} texts without a word were left out"
    notes = [encoder.rule, *(note for one in files for note in one.notes)]
    notes += [left_out] if len(numbers) < len(texts) else []
    examples = replace(examples, notes=tuple(note for note in notes if note))
    table = (
        None
        if vectors is None or vectors.vocabulary is None
        else _rows(ids, vectors.vocabulary.ids, vectors.table)
    )
    return Words(examples, tuple(texts[n] for n in numbers), ids, table)


def encoder_words(encoder: object) -> tuple[str, ...]:
    """The words of a vocabulary by their numbers; a number without a word is one of no text."""
    vocabulary = getattr(encoder, "vocabulary", None)
    if vocabulary is None:
        raise UsageError("reading --vocab", "it is a list of words", type(encoder).__name__)
    ids = dict(vocabulary.ids)
    names = [""] * (1 + max(ids.values()))
    for word, number in ids.items():
        names[number] = word
    return tuple(names)


def _labels(columns: list[tuple[int, ...] | None], counts: list[int]) -> list[int]:
    if all(labels is None for labels in columns):
        if len(columns) < 2:
            remedy = "Give a csv with columns text and label, or one --text for each class."
            raise InvalidInput(
                "reading --text", "texts have labels, or there is a file a class", "one file", remedy
            )
        return [number for number, count in enumerate(counts) for _ in range(count)]
    if any(labels is None for labels in columns):
        raise InvalidInput("reading --text", "all files have labels, or none has", "some")
    return [label for labels in columns for label in labels or ()]


def _rows(names: tuple[str, ...], ids: Mapping[str, int], table: np.ndarray) -> np.ndarray:
    """A vector of each word; zeros where the file has none."""
    rows = np.zeros((len(names), table.shape[1]), dtype=np.float32)
    for number, word in enumerate(names):
        if word in ids:
            rows[number] = table[ids[word]]
    return rows


def write_heldout(out: str, examples: Examples, words: Words | None) -> str:
    """Write held-out samples beside the ONNX file, as the other commands read them: npz, or csv of texts; its name."""
    if words is not None:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(["text", "label"])
        for number, label in zip(examples.numbers, examples.y, strict=True):
            writer.writerow([words.texts[number], int(label)])
        write_file(beside(out, ".heldout.csv"), rows.getvalue().encode("utf-8"))
        return beside(out, ".heldout.csv")
    longest = max(len(one) for one in examples.x)
    x = np.zeros((len(examples), longest, examples.x[0].shape[1]), dtype=np.float32)
    for row, one in enumerate(examples.x):
        x[row, : len(one)] = one
    lengths = {} if examples.frames is not None else {"lengths": np.array([len(one) for one in examples.x])}
    held = io.BytesIO()
    np.savez_compressed(held, allow_pickle=False, x=x, y=examples.y, **lengths)
    write_file(beside(out, ".heldout.npz"), held.getvalue())
    return beside(out, ".heldout.npz")


def beside(out: str, ending: str) -> str:
    """The name of a file beside the ONNX file: its name with another ending."""
    return str(Path(out).with_suffix(ending))
