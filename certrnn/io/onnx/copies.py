"""Files that take a fixed number of samples at once: one sample fills every row, and any one row answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.tensors import Chosen, Known, Normalised, Tensor, View, entries, rearranged


def one_row(name: str, tensor: Tensor, copies: int) -> tuple[Tensor, int]:
    """The output of one of ``copies`` equal rows, and the axis of the rows.

    Raises:
        Unsupported: no axis holds that many equal answers.
    """
    made = _made_of(tensor)
    for axis, length in enumerate(tensor.shape):
        if length == copies and bool((made == made.take([0], axis=axis)).all()):
            return rearranged(tensor, entries(tensor).take([0], axis=axis)), axis
    raise Unsupported(
        f"reading output {name!r}",
        f"a file that takes {copies} samples at once gives the same answer to each of {copies} equal ones",
        f"shape {tensor.shape}, no axis of which does",
        "Export with a batch of 1 or a batch axis of any length.",
    )


def _made_of(tensor: Tensor) -> np.ndarray:
    """What entries are computed from: equal where they are the same."""
    match tensor:
        case Normalised():
            return tensor.scores[tensor.entries]
        case Chosen():
            return tensor.classes[tensor.entries]
    return entries(tensor)


def first_sample(tensor: Tensor, axis: int) -> Tensor | None:
    """The first of several samples along an axis, where all of them are the same; None where they are not."""
    if not isinstance(tensor, View | Known):
        return None
    values = entries(tensor)
    same = bool((values == values.take([0], axis=axis)).all())
    if not same:
        return None
    taken = values.take([0], axis=axis)
    return replace(tensor, ids=taken) if isinstance(tensor, View) else replace(tensor, array=taken)
