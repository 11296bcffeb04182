"""Columns of a table that are no features, whatever their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certrnn.io.data.samples import Column

_PANDAS = ("", "unnamed: ")
"""How pandas names the column of its index: not at all, or so once it was read again."""

_INDEX = frozenset(
    [
        "index",
        "idx",
        "row",
        "rows",
        "row_id",
        "rowid",
        "no",
        "nr",
        "number",
        "num",
        "#",
        "sample",
        "sample_id",
        "uid",
        "line",
    ]
)
_LABEL = frozenset(
    [
        "sentiment",
        "category",
        "categories",
        "diagnosis",
        "species",
        "outcome",
        "activity",
        "emotion",
        "intent",
        "intention",
        "result",
        "response",
        "group",
        "survived",
        "churn",
        "churned",
        "fraud",
        "is_fraud",
        "isfraud",
        "spam",
        "is_spam",
        "attack",
        "attack_type",
        "anomaly",
        "is_anomaly",
        "genre",
        "digit",
        "word",
        "gesture",
        "speaker",
        "condition",
        "disease",
        "status",
        "answer",
        "truth",
        "ground_truth",
        "groundtruth",
        "gold",
        "annotation",
        "y_true",
        "ytrue",
        "cls",
        "output",
        "outputs",
    ]
)
_LABEL_ENDS = ("label", "labels", "class", "classes", "target", "targets")


def is_index(header: Sequence[str], body: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column without a name is the index that pandas writes: whole numbers, each once."""
    name = header[column]
    if name != "" and not name.startswith(_PANDAS[1]):
        return False
    cells = [row[column].strip() for row in body]
    return all(cell.isascii() and cell.isdigit() for cell in cells) and len(set(cells)) == len(cells)


def doubtful(names: Sequence[str], values: np.ndarray) -> tuple[Column, ...]:
    """Columns of (lines, columns) that are named like an index and number the lines, or are named like labels."""
    columns = []
    for place, name in enumerate(names):
        word = name.replace(" ", "_").replace("-", "_")
        if word in _INDEX and _numbers_lines(values[:, place]):
            columns.append(Column(place, name, "index"))
        elif word in _LABEL or word.split("_")[-1] in _LABEL_ENDS or word.endswith(_LABEL_ENDS[0]):
            columns.append(Column(place, name, "label"))
    return tuple(columns)


def _numbers_lines(values: np.ndarray) -> bool:
    """Whole numbers, each once: counted up, or what shuffling leaves of that."""
    return (
        len(values) > 1 and bool((values == np.rint(values)).all()) and len(np.unique(values)) == len(values)
    )
