"""An array whose axes a person named, as samples (N, T, D)."""

from __future__ import annotations

import math

import numpy as np

from certrnn.errors import InvalidInput
from certrnn.io.data.samples import Origin
from certrnn.io.onnx.letters import Letters, shown
from certrnn.io.onnx.roles import Roles, filled


def lettered(roles: Roles, x: np.ndarray, letters: Letters, origin: Origin) -> np.ndarray:
    """The samples (N, T, D) of an array whose axes are ``letters``; several axes of features in their order.

    Raises:
        InvalidInput: the array has other axes, or its samples do not fit the network.
    """
    if x.ndim != len(letters) or any(
        n != 1 for n, letter in zip(x.shape, letters, strict=True) if letter == "1"
    ):
        raise origin.invalid(f"x has the axes {shown(letters)} of --layout", f"shape {x.shape}")
    sizes, order = list(x.shape), list(letters)
    for place, word in enumerate(letters):
        if len(word) == 2:
            sizes[place : place + 1] = _parted(roles, word, x.shape[place], origin)
            order[place : place + 1] = list(word)
    axes = [place for letter in "ntf" for place, other in enumerate(order) if other == letter]
    axes += [place for place, letter in enumerate(order) if letter == "1"]
    moved = np.transpose(x.reshape(sizes), axes)
    count, frames = (sizes[order.index(letter)] if letter in order else 1 for letter in "nt")
    samples = moved.reshape(count, frames, -1)
    try:
        roles.fit(frames, samples.shape[2])
    except InvalidInput as error:
        raise origin.invalid(
            error.requirement, f"{error.received}, as --layout {shown(letters)} says", error.remedy
        ) from None
    return samples


def _parted(roles: Roles, word: str, values: int, origin: Origin) -> list[int]:
    """Frames and features that lie in one axis, by the network's own numbers of them."""
    time = None if roles.time is None else roles.slots[roles.time].size
    rest = [slot.size for slot in roles.rest]
    features = (
        None if roles.time is None or None in rest else math.prod(size for size in rest if size is not None)
    )
    both = filled([time, features], values)
    if both is None:
        raise origin.invalid(
            f"the network says how many frames or features lie in an axis {word}",
            f"{values} values for {roles.wanted}",
            "Reshape x to (samples, frames, features).",
        )
    return both if word == "tf" else both[::-1]
