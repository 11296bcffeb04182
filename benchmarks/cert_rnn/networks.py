"""The networks of Cert-RNN's tables: trained on real data, exported, and kept in a folder with their test accuracy."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.cert_rnn.cases import Case
from benchmarks.data import sequences, texts
from certrnn.datasets import Sequences
from certrnn.model import Model, load

EPOCHS = {"mnist": 8, "har": 20}
WORDS = (5, 25)
"""Shortest and longest text that is certified, in words."""
CHARACTERS = (10, 25)
"""Shortest and longest URL."""


@dataclass(frozen=True)
class Record:
    """What is known of a kept network.

    Args:
        accuracy: of onnxruntime's answers, over ``tested`` test samples.
        sha256: of the file.
        seconds: of training, 0.0 where it was found trained.
    """

    accuracy: float
    tested: int
    sha256: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Kept:
    """A network in a file, and the folder that its data comes from."""

    case: Case
    path: Path
    data: Path
    record: Record

    def asked(self, count: int) -> tuple[Model, Sequences]:
        """The model, and the first ``count`` test samples: of texts those of a fit length."""
        model = load(self.path)
        x, y = (self._texts if self.case.text else self._frames)()
        return model, model.sequences(x[:count], y[:count])

    def _frames(self) -> tuple[list[np.ndarray], list[int]]:
        found = sequences.samples(self.data, self.case.data, self.case.frames)
        return list(found.x_test[:1000]), found.y_test[:1000].tolist()

    def _texts(self) -> tuple[list[np.ndarray], list[int]]:
        low, high = CHARACTERS if self.case.data == "urls" else WORDS
        found = texts.cached_network(self.data, self.path.parent, self.case.data, self.case.cell)
        ids = {word: number for number, word in enumerate(found.vocabulary)}
        fitting = [t for t in texts.splits(self.data, self.case.data).test if low <= len(t.words) <= high]
        return [t.encoded(ids).ids for t in fitting], [t.label for t in fitting]


def missing(data: Path, case: Case) -> list[str]:
    """Files of the data that are not there."""
    files = texts.FILES[case.data] if case.text else sequences.FILES[case.data]
    return [file for file in files if not (data / file).is_file()]


def kept(case: Case, data: Path, cache: Path) -> Kept:
    """The network of a case, trained where the cache lacks it."""
    name = f"{case.data}_{case.cell}" if case.text else case.name.lower()
    path, record = cache / f"{name}.onnx", cache / f"{name}.json"
    start, begun = time.perf_counter(), path.is_file()
    if case.text:
        texts.cached_network(data, cache, case.data, case.cell)
    elif not begun:
        cache.mkdir(parents=True, exist_ok=True)
        _train(case, data, path)
    seconds = 0.0 if begun else time.perf_counter() - start
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not record.is_file() or json.loads(record.read_text("utf-8"))["sha256"] != digest:
        accuracy, tested = _tested(case, data, path)
        found = Record(accuracy, tested, digest, seconds)
        record.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        line = f"{case.name}: accuracy {accuracy:.4f} on {tested} test samples, {seconds:.0f} s of training"
        print(line, file=sys.stderr, flush=True)
    return Kept(case, path, data, Record(**json.loads(record.read_text("utf-8"))))


def _train(case: Case, data: Path, path: Path) -> None:
    given = sequences.samples(data, case.data, case.frames)
    torch.manual_seed(0)
    shape = given.x_train.shape[1:]
    classes = int(given.y_train.max()) + 1
    classifier = sequences.Classifier(
        case.cell, shape[1], case.hidden, classes, 50 if case.data == "har" else 0
    )
    print(f"training {case.name}", file=sys.stderr, flush=True)
    sequences.export(sequences.trained(given, classifier, EPOCHS[case.data]), (shape[0], shape[1]), path)


def _tested(case: Case, data: Path, path: Path) -> tuple[float, int]:
    """Accuracy over all test samples, and their number."""
    if case.text:
        found = texts.cached_network(data, path.parent, case.data, case.cell)
        predict, ids = found.predictor(), {word: number for number, word in enumerate(found.vocabulary)}
        held_out = [text.encoded(ids) for text in texts.splits(data, case.data).test]
        return float(np.mean([predict(t.ids) == t.label for t in held_out])), len(held_out)
    import onnxruntime

    given = sequences.samples(data, case.data, case.frames)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    scores = np.asarray(session.run(None, {"x": given.x_test})[0])
    return float((scores.argmax(axis=1) == given.y_test).mean()), len(given.y_test)
