"""Samples (N, T, D) of an array whose axes are matched with a network's by meaning, never by their product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from certrnn.datasets.letters import lettered
from certrnn.errors import InvalidInput
from certrnn.io.data.samples import Arrays, Origin
from certrnn.io.data.samples import shown as named
from certrnn.io.onnx import OnnxModel
from certrnn.io.onnx.letters import Letters, shown
from certrnn.io.onnx.roles import Roles, filled

_LISTED = 3
"""Ways to read an array that an error names."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A way to read an array: its axes by letters, and the samples (N, T, D) that it then holds."""

    letters: Letters
    x: np.ndarray

    def __str__(self) -> str:
        count, frames, features = self.x.shape
        return f"{shown(self.letters)} ({count} samples of {frames} frames of {features} features)"


def arranged(network: OnnxModel, arrays: Arrays, origin: Origin) -> tuple[np.ndarray, tuple[str, ...]]:
    """The samples that an array holds, as the network takes them, and what to say about it.

    Raises:
        InvalidInput: no reading fits, or several do that differ; what settles it is named.
    """
    arrays = _columns_settled(network, arrays, origin)
    if network.letters is not None:
        x = lettered(network.roles, arrays.x, network.letters, origin)
        note = f"the data's axes are {shown(network.letters)}, as --layout says"
        return x, (*arrays.notes, note, *_untraced(network, x))
    ways = readings(network.roles, arrays)
    if not ways and arrays.rows:
        ways = list(_regrouped(network.roles, arrays.x))
    if not ways:
        raise _refusal(network.roles, arrays, origin)
    if any(not _same(ways[0], other) for other in ways[1:]):
        raise origin.invalid(
            f"the axes of x fit input {network.input.name!r} {network.input.shown} in one way",
            f"shape {arrays.x.shape}, which is " + " or ".join(map(str, ways[:_LISTED])),
            "Say which: " + " or ".join(f"--layout {shown(one.letters)}" for one in ways[:_LISTED]) + ".",
        )
    return ways[0].x, (*arrays.notes, *_note(ways[0], arrays), *_untraced(network, ways[0].x))


def _same(left: Reading, right: Reading) -> bool:
    return left.x.shape == right.x.shape and np.array_equal(left.x, right.x)


def _untraced(network: OnnxModel, x: np.ndarray) -> tuple[str, ...]:
    return network.roles.fit(x.shape[1], x.shape[2]).notes if fits(network.roles, *x.shape[1:]) else ()


def _note(reading: Reading, arrays: Arrays) -> tuple[str, ...]:
    """Whatever is not (samples, frames, features) as it stands is said."""
    _, frames, features = reading.x.shape
    letters = shown(reading.letters)
    if letters in ("n,t,f", "n,t") or (arrays.x.ndim == 2 and 1 in (frames, features) and "n" in letters):
        return ()
    if "n" not in letters:
        return (f"the data is read as one sequence of {frames} frames",)
    if arrays.x.ndim == 2:
        order = "frames of features" if letters == "n,tf" else "features of frames"
        return (
            f"each sample's {frames * features} values are read as {frames} frames of {features} features ({order})",
        )
    if arrays.rows and frames * features != math.prod(arrays.x.shape[2:]) and len(reading.letters) == 2:
        return (f"the rows of images were regrouped into {frames} frames of {features} pixels",)
    return (f"the data's axes are read as {letters}, the network's own order",)


# ---- readings


def readings(roles: Roles, arrays: Arrays) -> list[Reading]:
    """Every way to read the array that fits: as (n, t, f), as the network's own input, flat, or as one sequence."""
    x = arrays.x
    if roles.input.tokens:
        return list(_words(roles, x))
    if x.ndim > 2:
        ways = list(_documented(roles, x))
        if roles.time is None and ways:
            return ways
        return ways if arrays.ragged else [*ways, *_own(roles, x)]
    alone = list(_alone(roles, x))
    if alone and roles.batch is None:
        return alone
    flat = [*_own(roles, x), *_flat(roles, x)]
    labelled = arrays.y is not None and len(arrays.y) == len(x) > 1
    return flat if labelled and flat else [*flat, *alone]


def _words(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    """(samples, words), with further axes of length one where they are said."""
    wide = [size for size in x.shape[1:] if size != 1]
    if len(wide) <= 1 and fits(roles, math.prod(wide), 1):
        yield Reading(("n", "t"), x.reshape(len(x), -1, 1))


def _documented(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    if x.ndim == 3 and fits(roles, x.shape[1], x.shape[2]):
        yield Reading(("n", "t", "f"), x)


def _own(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    """The network's own input, samples first: axes in order, of which those of length one may be left out."""
    sizes = _matched(roles, x.shape[1:])
    if sizes is None:
        return
    shape = roles.counted(sizes)
    if shape is None or not fits(roles, *shape):
        return
    layout = roles.fit(*shape)
    yield Reading(_names(roles, x.shape[1:]), layout.gather(x.reshape(len(x), *sizes.values())))


def _matched(roles: Roles, inner: tuple[int, ...]) -> dict[int, int] | None:
    """The length of each axis of a sample, where the data's axes are those, in order."""
    dims = roles.input.dims
    axes = [axis for axis in range(len(dims)) if axis != roles.batch]
    if len(inner) == len(axes) and all(dims[a] in (None, n) for a, n in zip(axes, inner, strict=True)):
        return dict(zip(axes, inner, strict=True))
    wide = [axis for axis in axes if dims[axis] != 1]
    lengths = [size for size in inner if size != 1]
    if len(wide) != len(lengths) or any(dims[a] not in (None, n) for a, n in zip(wide, lengths, strict=True)):
        return None
    sizes = dict(zip(wide, lengths, strict=True))
    return {axis: sizes.get(axis, 1) for axis in axes}


def _names(roles: Roles, inner: tuple[int, ...]) -> Letters:
    """Letters of the data's axes, read as the network's own."""
    order = []
    for axis in dict.fromkeys(slot.axis for slot in roles.slots):
        here = [place for place, slot in enumerate(roles.slots) if slot.axis == axis]
        if roles.input.dims[axis] == 1:
            continue
        order.append("t" if here == [roles.time] else "tf" if roles.time in here else "f")
    left = iter(order)
    return ("n", *("1" if size == 1 and len(inner) > len(order) else next(left, "f") for size in inner))


def _flat(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    """Samples whose values lie one after the other, in the order of the network's input, or frame by frame."""
    wide = [slot for slot in roles.slots if slot.size != 1]
    if len({slot.axis for slot in wide}) < 2 or roles.time is None:
        return
    count = filled([slot.size for slot in roles.slots], x.shape[1])
    frames, features = (1, x.shape[1]) if count is None else roles.sample(count)
    if not fits(roles, frames, features):
        return
    yield Reading(("n", "f") if frames == 1 else ("n", "tf"), x.reshape(len(x), frames, features))
    if frames > 1 and wide[0] is not roles.slots[roles.time]:
        yield Reading(("n", "ft"), roles.fit(frames, features).gather(x))


def _alone(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    """One sequence (frames, features)."""
    if roles.time is not None and fits(roles, *x.shape):
        yield Reading(("t", "f"), x[None])


def _regrouped(roles: Roles, x: np.ndarray) -> Iterator[Reading]:
    """Rows of images, cut into the network's frames pixel by pixel."""
    pixels = x.reshape(len(x), -1)
    for reading in itertools.islice(itertools.chain(_own(roles, pixels), _flat(roles, pixels)), 1):
        yield Reading(("n", "tf"), reading.x)


def fits(roles: Roles, frames: int, features: int) -> bool:
    """True where a sample of that shape is one that the network takes."""
    try:
        roles.fit(frames, features)
    except InvalidInput:
        return False
    return True


# ---- refusals


def _refusal(roles: Roles, arrays: Arrays, origin: Origin) -> InvalidInput:
    """Why nothing fits, and which letters would."""
    x = arrays.x
    try:
        if x.ndim == 3 and roles.sizes(*x.shape[1:]) is not None:
            roles.require_time(*x.shape[1:])
    except InvalidInput as error:
        return origin.invalid(error.requirement, f"{error.received} (shape {x.shape})", error.remedy)
    remedy = ""
    ways = list(_permuted(roles, x))
    if ways:
        remedy = "It fits with " + " or ".join(f"--layout {shown(one)}" for one in ways[:_LISTED]) + "."
    elif arrays.doubtful or (x.ndim == 2 and _one_less(roles, x)):
        remedy = "It fits without one column: name a column of labels y in the header, one of names id."
    both = (
        "" if x.ndim != 3 else ": {1} frames of {2} features as n,t,f, {2} of {1} as n,f,t".format(*x.shape)
    )
    return origin.invalid(
        f"the axes of x are those of input {roles.input.name!r} {roles.input.shown}, where a sample is {roles.wanted}",
        f"shape {x.shape}{both}",
        remedy or "Arrange x as (samples, frames, features), or name its axes with --layout.",
    )


def _permuted(roles: Roles, x: np.ndarray) -> Iterator[Letters]:
    """Orders of the axes (samples, frames, features) with which an array fits."""
    told = replace(roles, free=True, by=roles.by or "--layout")
    for letters in (("n", "f", "t"), ("t", "n", "f"), ("n", "t", "f")) if x.ndim == 3 else ():
        _, frames, features = (x.shape[letters.index(letter)] for letter in "ntf")
        if fits(told, frames, features):
            yield letters


def _one_less(roles: Roles, x: np.ndarray) -> bool:
    return x.shape[1] > 1 and bool(readings(roles, Arrays(x[:, 1:])))


# ---- columns that may be no features


def _columns_settled(network: OnnxModel, arrays: Arrays, origin: Origin) -> Arrays:
    """Columns that may be no features are left out where the network only fits without them, and kept where only with.

    Raises:
        InvalidInput: it fits either way.
    """
    columns = arrays.doubtful
    if not columns or network.letters is not None:
        return arrays
    fewer = arrays.without(columns) if len(columns) < arrays.x.shape[1] else None
    less = fewer is not None and bool(readings(network.roles, fewer))
    if not readings(network.roles, arrays):
        return fewer if less and fewer is not None else arrays
    names = ", ".join(f"'{named(column.name)}'" for column in columns)
    if less:
        label = any(column.kind == "label" for column in columns)
        raise origin.invalid(
            "columns are values, labels (named y) or names (named id)",
            f"{names}, which the network takes as values but which is named like {columns[0].kind}s",
            f"Rename it {'y' if label else 'id'}, leave it out, or give it another name if it is a value.",
        )
    return replace(arrays, notes=(*arrays.notes, f"column {names} is read as a value"))
