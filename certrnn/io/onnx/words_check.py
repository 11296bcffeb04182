"""Arithmetic on words is checked, not believed: onnxruntime computes every number that is looked up, for every word."""

from __future__ import annotations

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.lookup import Embedding, Lookup
from certrnn.io.onnx.model import OnnxModel


def check_words(model: OnnxModel) -> None:
    """Compare the numbers that words are looked up by with onnxruntime's, whatever the words.

    Raises:
        Unsupported: they differ; the message names the table.
    """
    table = model.embedding
    computed = [] if table is None else [one for one in table.lookups if not _plain(one)]
    if table is None or not computed:
        return
    frames = 1 + max(int(one.words.frames.max()) for one in computed)
    for some in _vocabulary(table, frames):
        for one, theirs in zip(computed, model.run_on_words(some, [c.index for c in computed]), strict=True):
            ours = one.words.rows[one.words.functions, some[one.words.frames] + one.words.rows.shape[1] // 2]
            if ours.shape != theirs.shape or not np.array_equal(ours, theirs):
                raise Unsupported(
                    f"reading the table {one.name!r}",
                    "certrnn and onnxruntime look words up alike",
                    f"other rows for words {int(some.min())} to {int(some.max())}",
                    "Please report the model.",
                )


def _plain(lookup: Lookup) -> bool:
    """True where words themselves are looked up."""
    reach = lookup.words.rows.shape[1] // 2
    return bool((lookup.words.rows[lookup.used] == np.arange(-reach, reach)).all())


def _vocabulary(table: Embedding, frames: int) -> list[np.ndarray]:
    """Every word at every frame: texts of ``frames`` words."""
    every = np.arange(table.least, len(table.table))
    texts = np.resize(every, (-(-len(every) // frames), frames))
    return list(texts) if _alike(table) else [np.full(frames, word) for word in every]


def _alike(table: Embedding) -> bool:
    """True where all frames are looked up by the same functions."""
    return all(len(one.used) == 1 for one in table.lookups)
