"""What a lone score means: a logit only where the graph shows one.

The threshold of a lone score is 0 where it is a logit, and one half where it is a probability. Which it is follows from
how far it can reach whatever the input: a score that cannot change its sign is no logit, and one that fills 0..1 is a
probability. Everything else between two bounds is a matter of taste, and is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.monotone import threshold
from certrnn.io.onnx.ranges import CLOSE, alike, both_signs, ranges
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Normalised
from certrnn.ir import Affine, Constant, Gather, Sum

_REMEDY = (
    "Say with --cut T that class 1 is what lies above T; or ask with --threshold LO HI that the output stays between "
    "two numbers."
)


@dataclass(frozen=True, eq=False)
class Lone:
    """What lone scores (S,) mean, one a step: ``plus`` minus ``minus``, or above ``cut``.

    Args:
        cut: class 1 is what lies above, in the numbers of the output.
        what, where: in words.
        plus: elements of the graph.
        minus: elements whose difference from ``plus`` decides instead, or None.
    """

    cut: float
    what: str
    where: str
    plus: np.ndarray
    minus: np.ndarray | None = None

    def scores(self, space: Space) -> np.ndarray:
        """Elements (S,) that are positive exactly where class 1 is the answer."""
        if self.minus is not None:
            return space.linear([self.plus, self.minus], [1.0, -1.0], 0.0, "scores")
        return np.array([_positive(space, int(element), self.cut) for element in self.plus])


def _positive(space: Space, element: int, cut: float) -> int:
    """An element that is positive exactly where ``element > cut``."""
    inner, at, above = threshold(space, element, cut)
    if above and at == 0.0:
        return inner
    sign = np.array([1.0 if above else -1.0])
    return int(space.scaled(np.array([inner]), sign, -sign * at, 0.0, "scores")[0])


def of_pair(tensor: Normalised, entries: np.ndarray, cut: float | None, where: str) -> Lone:
    """One value of each group of two: class 1 where it exceeds one half, that is, the other one.

    Raises:
        Unsupported: groups of more, values that were scaled, or another cut.
    """
    groups = [np.flatnonzero(tensor.groups == tensor.groups[entry]) for entry in entries]
    half = math.log(0.5) if tensor.function == "LogSoftmax" else 0.5
    if any(len(group) != 2 for group in groups) or not tensor.plain or cut not in (None, half):
        raise Unsupported(
            where,
            f"one value of {tensor.function} alone is one of two, cut at one half",
            f"one of {len(groups[0])}" if cut is None else f"a cut at {cut:g}",
            "Export all the classes.",
        )
    other = np.array([group[group != entry][0] for group, entry in zip(groups, entries, strict=True)])
    words = "probability", f"where it exceeds {half:.3g}"
    return Lone(half, *words, tensor.scores[entries], tensor.scores[other])


def of_value(space: Space, ids: np.ndarray, cut: float | None, where: str) -> Lone:
    """Scores that nothing normalises, one a step.

    Raises:
        Unsupported: no cut follows from the graph.
    """
    if cut is not None:
        return Lone(float(cut), "score", f"where it exceeds {cut:g}, as asked", ids)
    low, high = (ends[ids] for ends in ranges(space, space.builder.nodes))
    at_half = bool((np.abs(low) <= CLOSE).all() and (np.abs(high - 1.0) <= CLOSE).all())
    if at_half:
        return Lone(0.5, "probability", "where it exceeds 0.5", ids)
    if bool(both_signs(low, high).all()) and (_open_or_even(low, high) or not _tail(space, ids)):
        return Lone(0.0, "logit", "where it is positive", ids)
    raise Unsupported(
        where,
        "a lone score is a logit, which can be of any size, or a probability from 0 to 1",
        f"one score between {float(low.min()):.4g} and {float(high.max()):.4g} whatever the input",
        _REMEDY,
    )


def _open_or_even(low: np.ndarray, high: np.ndarray) -> bool:
    """True where scores are bounded on neither side, or alike on both."""
    if bool((np.isinf(low) & np.isinf(high)).all()):
        return True
    finite = np.isfinite(low).all() and np.isfinite(high).all()
    return bool(finite and (np.abs(low + high) <= CLOSE * (high - low)).all())


def _tail(space: Space, ids: np.ndarray) -> bool:
    """True where a score is a function of one bounded value that is no hidden state: a scalar, bent and shifted."""
    states = {p for r in space.recurrences for state in r.states for p in state if p is not None}
    return any(_spread(space, int(element), states) < 2 for element in ids)


def _spread(space: Space, element: int, states: set[int]) -> int:
    """How many nonlinear values a score is a weighted sum of; a hidden state counts as many, a mean over frames as one
    of them."""
    elements: set[int] = set()
    left = [element]
    while left and len(elements) < 2:
        (position,), (place,) = space.locate(np.array([left.pop()]))
        node = space.builder[int(position)]
        if int(position) in states:
            return 2
        if isinstance(node, Sum):
            terms = node.sources[:1] if alike(np.asarray(node.coefficients)) else node.sources
            left += [int(space.ids(source)[place]) for source in terms]
        elif isinstance(node, Gather) or (isinstance(node, Affine) and node.diagonal):
            left.append(int(space.sources(np.array([position]), np.array([place]))[0]))
        elif isinstance(node, Affine):
            row = node.weight[place].numpy()
            read = row.nonzero()[0].tolist()
            left += [int(space.ids(node.sources[0])[k]) for k in (read[:1] if alike(row) else read)]
        elif not isinstance(node, Constant):
            elements.add(int(space.ids(int(position))[place]))
    return len(elements)
