"""Random ways to move and pick an output's numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tests.importer.tails.heads import Step
from tests.importer.tails.meaning import AMBIGUOUS, ODD, End
from tests.importer.tails.writing import Part, Writer


def turned(w: Writer, end: End) -> End | None:
    order = tuple(int(k) for k in w.random.permutation(len(end.part.axes)))
    return end.to(w.moved(end.part, order))


def identity(w: Writer, end: End) -> End | None:
    return end.to(replace(end.part, name=w.node("Identity", end.part.name)))


def squeezed(w: Writer, end: End) -> End | None:
    """One axis of length one away."""
    part = end.part
    short = [k for k, n in enumerate(part.shape) if n == 1]
    if not short or len(part.shape) < 2:
        return None
    axis = w.pick(*short)
    return end.to(_without(part, axis, w.squeezed(part.name, axis)))


def _without(part: Part, axis: int, name: str) -> Part:
    axes = part.axes[:axis] + part.axes[axis + 1 :]
    return replace(part, name=name, axes=axes, shape=part.shape[:axis] + part.shape[axis + 1 :])


def unsqueezed(w: Writer, end: End) -> End | None:
    part = end.part
    axis = int(w.random.integers(len(part.shape) + 1))
    axes = part.axes[:axis] + "1" + part.axes[axis:]
    shape = (*part.shape[:axis], 1, *part.shape[axis:])
    return end.to(replace(part, name=w.unsqueezed(part.name, axis), axes=axes, shape=shape))


def flattened(w: Writer, end: End) -> End | None:
    """All but the first axis in one, by Flatten or Reshape."""
    part = end.part
    if len(part.axes) < 3 or part.axes[0] in "tc":
        return None
    merged = "".join(a for a, n in zip(part.axes, part.shape, strict=True) if a in "tc" and n > 1)
    if len(merged) > 1:
        apart = end.label or (end.together and not {"t", "c"} <= set(end.together))
        end = end.worse(AMBIGUOUS if apart else ODD)
    name = (
        w.node("Flatten", part.name, axis=1)
        if w.chance(0.5)
        else w.node("Reshape", part.name, w.whole(part.shape[0], -1))
    )
    size = math.prod(part.shape[1:])
    axis = "m" if len(merged) > 1 else merged or "c"
    return end.to(replace(part, name=name, axes=part.axes[0] + axis, shape=(part.shape[0], size)))


def garbled(w: Writer, end: End) -> End | None:
    """Frames and scores exchanged by a Reshape: a common mistake, no answer."""
    part = end.part
    if "t" not in part.axes or "c" not in part.axes or not w.chance(0.3) or "garbled" in w.said:
        return None  # a second one may undo the first
    frames, count = part.length("t"), part.length("c")
    if 1 in (frames, count) or frames == count:
        return None
    swap = {"t": "c", "c": "t"}
    axes = "".join(swap.get(a, a) for a in part.axes)
    shape = tuple({frames: count, count: frames}.get(n, n) for n in part.shape)
    name = w.node("Reshape", part.name, w.whole(*shape))
    return end.to(replace(part, name=name, axes=axes, shape=shape)).worse(AMBIGUOUS)


def some_classes(w: Writer, end: End) -> End | None:
    part = end.part
    if "c" not in part.axes or part.length("c") < 2:
        return None
    axis, count = part.where("c"), part.length("c")
    kept = int(w.random.integers(1, count))
    start = int(w.random.integers(0, count - kept + 1))
    w.said.append(f"{start}:{start + kept} of {count}")
    name = w.sliced(part.name, axis, start, start + kept if w.chance(0.5) else start + kept - count or 99)
    shape = tuple(kept if k == axis else n for k, n in enumerate(part.shape))
    return end.to(replace(part, name=name, shape=shape))


def picked(w: Writer, end: End) -> End | None:
    """Classes in another order, or one of them."""
    part = end.part
    if "c" not in part.axes or part.length("c") < 2:
        return None
    axis, count = part.where("c"), part.length("c")
    if w.chance(0.5):
        order = w.random.permutation(count)
        name = w.node("Gather", part.name, w.stored(order.astype(np.int64)), axis=axis)
        return end.to(replace(part, name=name))
    which = int(w.random.integers(count))
    w.said.append(f"{which} of {count}")
    if w.chance(0.5):
        name = w.node("Gather", part.name, w.stored(np.array(which)), axis=axis)
        return end.to(_without(part, axis, name))
    name = w.node("Gather", part.name, w.whole(which), axis=axis)
    return end.to(
        replace(part, name=name, shape=tuple(1 if k == axis else n for k, n in enumerate(part.shape)))
    )


def one_frame(w: Writer, end: End) -> End | None:
    part = end.part
    if "t" not in part.axes:
        return None
    axis, which = part.where("t"), w.pick(-1, 0, part.length("t") - 1)
    w.said.append(f"frame {which}")
    name = w.node("Gather", part.name, w.stored(np.array(which)), axis=axis)
    return end.to(_without(part, axis, name))


def some_frames(w: Writer, end: End) -> End | None:
    part = end.part
    if "t" not in part.axes or part.length("t") < 3:
        return None
    axis, count = part.where("t"), part.length("t")
    start, step = w.pick((0, 1), (1, 1), (0, 2))
    end_ = count - 1 if start == 0 else count
    kept = len(range(start, end_, step))
    w.said.append(f"frames {start}:{end_}:{step}")
    name = w.sliced(part.name, axis, start, end_, step)
    shape = tuple(kept if k == axis else n for k, n in enumerate(part.shape))
    return end.to(replace(part, name=name, shape=shape))


def averaged(w: Writer, end: End) -> End | None:
    """Scores averaged over frames."""
    part = end.part
    if "t" not in part.axes or end.together or end.label:
        return None
    axis, op = part.where("t"), w.pick("ReduceMean", "ReduceSum")
    many = part.length("t") if op == "ReduceSum" else 1
    done = end.to(_without(part, axis, w.reduced(op, part.name, axis)))
    return done.ranged(many * end.low, many * end.high)


MOVES: tuple[Step, ...] = (
    turned,
    turned,
    identity,
    squeezed,
    squeezed,
    unsqueezed,
    flattened,
    garbled,
    some_classes,
    picked,
    picked,
    one_frame,
    one_frame,
    averaged,
)
RARE: tuple[Step, ...] = (some_frames,)
PICKING: tuple[Step, ...] = (flattened, some_classes, picked, one_frame, averaged, some_frames)
"""What may leave sense of what has none as a whole."""
