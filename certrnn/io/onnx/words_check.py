"""Arithmetic on words is checked, not believed: onnxruntime computes the same for every word."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.lookup import Embedding
from certrnn.io.onnx.model import OnnxModel
from certrnn.io.onnx.tensors import Tokens


def check_words(model: OnnxModel, shape: tuple[int, ...]) -> None:
    """Compare what is computed from words, for samples of shape (T, D), with onnxruntime's, whatever the words.

    Raises:
        Unsupported: they differ; the message names the tensor.
    """
    table = model.embedding
    computed = {n: t for n, t in model.lowered(shape).words.items() if not _plain(t)}
    if table is None or not computed or shape[0] in model.checked:
        return
    for text in _texts(table, shape[0], list(computed.values())):
        outputs = model.run_on_words(text, tuple(computed))
        for (name, ours), theirs in zip(computed.items(), outputs, strict=True):
            wanted = ours.at(text).array
            if wanted.shape != theirs.shape or not np.array_equal(wanted, theirs):
                raise Unsupported(
                    f"reading tensor {name!r}",
                    "certrnn and onnxruntime compute the same numbers from words",
                    f"others for a text of the words {int(text.min())} to {int(text.max())}",
                    "Please report the model.",
                )
    model.checked.add(shape[0])


def _plain(tensor: Tokens) -> bool:
    """True where words themselves are moved only."""
    reach = tensor.rows.shape[1] // 2
    return bool((tensor.rows[np.unique(tensor.functions)] == np.arange(-reach, reach)).all())


def _texts(table: Embedding, frames: int, tensors: list[Tokens]) -> Iterator[np.ndarray]:
    """Texts in which every word stands wherever functions of it differ."""
    every = np.arange(table.least, len(table.table))
    if all(len(np.unique(tensor.functions)) == 1 for tensor in tensors):
        yield from np.resize(every, (-(-len(every) // frames), frames))
    else:
        yield from (np.full(frames, word) for word in every)
