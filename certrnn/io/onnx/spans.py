"""Which frames each element of a graph stands for, so that an output's axis of time is known, not guessed.

An element's *span* is the first and the last frame that it depends on. The state of a recurrent node after step k
stands for what the step read, whatever came before. Along an axis of time spans move in one direction from entry to
entry; scores of one vector, which all depend on the same frames, have one span.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from certrnn.cells import Recurrence
from certrnn.ir import Affine, Constant, Gather, Input
from certrnn.ir.ops import Node

NEVER = np.iinfo(np.int64).max // 2
"""First frame of what depends on none; the last is its negative."""


def _told(recurrences: Sequence[Recurrence]) -> dict[int, int]:
    """Node by node of recurrent states, the node that their step read."""
    return {
        position: read
        for recurrence in recurrences
        for read, state in zip(recurrence.frames, recurrence.states, strict=True)
        for position in state
        if position is not None
    }


def spans(nodes: Sequence[Node], recurrences: Sequence[Recurrence]) -> tuple[np.ndarray, np.ndarray]:
    """First and last frame, each (elements,), of all elements of the nodes one after the other."""
    told = _told(recurrences)
    firsts: list[np.ndarray] = []
    lasts: list[np.ndarray] = []
    for position, node in enumerate(nodes):
        if position in told:
            read = told[position]
            first, last = firsts[read].min(), lasts[read].max()
            span = np.full(node.size, first), np.full(node.size, last)
        else:
            span = _span(node, firsts, lasts)
        firsts.append(span[0])
        lasts.append(span[1])
    return np.concatenate(firsts), np.concatenate(lasts)


def _span(node: Node, firsts: list[np.ndarray], lasts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    below = [firsts[s] for s in node.sources], [lasts[s] for s in node.sources]
    match node:
        case Input():
            return np.full(node.size, node.frame), np.full(node.size, node.frame)
        case Constant():
            return np.full(node.size, NEVER), np.full(node.size, -NEVER)
        case Gather():
            return np.concatenate(below[0])[node.index], np.concatenate(below[1])[node.index]
        case Affine() if not node.diagonal:
            return np.full(node.size, below[0][0].min()), np.full(node.size, below[1][0].max())
    return np.minimum.reduce(below[0]), np.maximum.reduce(below[1])


def moves(first: np.ndarray, last: np.ndarray, axis: int) -> bool:
    """True where spans, of a tensor's shape, move along ``axis`` in one direction, everywhere from entry to entry.
    Entries that depend on no frame, such as the zero beside a logit, say nothing.

    >>> moves(np.array([0, 0, 1]), np.array([1, 2, 2]), 0), moves(np.array([0, 0]), np.array([3, 3]), 0)
    (True, False)
    """
    steps = np.diff(first, axis=axis), np.diff(last, axis=axis)
    silent = (first == NEVER).all(axis=axis, keepdims=True)
    changes = bool(((steps[0] != 0) | (steps[1] != 0) | silent).all()) and not silent.all()
    up, down = (all(bool((sign * step >= 0).all()) for step in steps) for sign in (1, -1))
    return changes and (up or down) and first.shape[axis] > 1


def windows(first: np.ndarray, last: np.ndarray, axis: int) -> bool:
    """True where entry k along ``axis`` stands for the frames from k - a to k + b, cut off at both ends, for some a and
    b of at least 0; or where it does so counted from the other end. A Reshape that exchanges frames and scores moves
    through the frames as well, but in no such steps.

    >>> windows(np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3]), 0), windows(np.array([2, 1, 0]), np.array([2, 1, 0]), 0)
    (True, True)
    >>> windows(np.array([0, 0, 1, 1, 2]), np.array([2, 3, 3, 4, 4]), 0)
    False
    """
    others = tuple(k for k in range(first.ndim) if k != axis)
    low, high = first.min(axis=others), last.max(axis=others)
    spoken = low != NEVER
    for one, other in ((low, high), (low[::-1], high[::-1])):
        known = spoken if one is low else spoken[::-1]
        place = np.arange(len(one))
        before, after = (place - one)[known].max(initial=0), (other - place)[known].max(initial=0)
        inside = (one == np.maximum(place - before, 0)) & (other == np.minimum(place + after, len(one) - 1))
        if bool(inside[known].all()):
            return True
    return False


def members(nodes: Sequence[Node], recurrences: Sequence[Recurrence], frames: int) -> list[np.ndarray]:
    """The frames that each element stands for, as bits: for each node an array (size, bytes), or (1, bytes) where all
    of its elements stand for the same."""
    told, width = _told(recurrences), (frames + 7) // 8
    masks: list[np.ndarray] = []
    for position, node in enumerate(nodes):
        below = [masks[told[position]]] if position in told else [masks[source] for source in node.sources]
        if position in told or (isinstance(node, Affine) and not node.diagonal):
            masks.append(np.bitwise_or.reduce(below[0], axis=0, keepdims=True))
        elif isinstance(node, Gather):
            rows = [
                np.broadcast_to(b, (nodes[s].size, width)) for b, s in zip(below, node.sources, strict=True)
            ]
            masks.append(np.concatenate(rows)[node.index])
        else:
            bits = np.zeros((1, width), dtype=np.uint8)
            if isinstance(node, Input):
                bits[0, node.frame // 8] = 1 << (node.frame % 8)
            masks.append(reduce(np.bitwise_or, below, bits))
    return masks


def own_frames(bits: np.ndarray) -> bool:
    """True where each entry stands for its own frame among others, counted from either end; bits (frames, bytes).
    Entries without any frame say nothing.

    >>> own_frames(np.array([[0b011], [0b110], [0b100]], dtype=np.uint8))
    True
    >>> own_frames(np.array([[0b011], [0b101], [0b110]], dtype=np.uint8))
    False
    """
    count = len(bits)
    flags = np.unpackbits(bits, axis=1, bitorder="little", count=count).astype(bool)
    silent = ~flags.any(axis=1)
    diagonal = np.arange(count)
    return any(bool((flags[diagonal, order] | silent).all()) for order in (diagonal, diagonal[::-1]))
