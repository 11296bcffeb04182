"""What a lone score means: its sign says the class only where the score is shown to be a logit.

Lemma L (logits). A probability is nowhere negative. A score that the propagation bounds below zero at one input and
above zero at another, each by a share of how far it reaches, is none. Inputs are single points, so the bounds err by
what rounding hides alone. Scores that are affine in sigmoids alone are refused whatever their ends: they are
probabilities, shifted and scaled.
"""

from __future__ import annotations

import numpy as np

from certrnn.certificates.checker.forward import EFFORTS, Forward, Region
from certrnn.certificates.checker.program import Apply, Linear, Program, Refused

SHARE = 0.1
"""How far a logit reaches below and above zero at least, as a share of its range."""
SCALES = (0.1, 1.0, 10.0, 100.0)
TRIES = 32
REMEDY = "certify a threshold, which is about the number itself"


def require_logit(program: Program, score: np.ndarray, frames: int, features: int, scale: float) -> None:
    """That a lone score (1,), or the argument of a sigmoid, is a logit.

    Args:
        scale: a usual size of the data's numbers: at random numbers of some sizes the score is bounded.

    Raises:
        Refused: nothing shows that it is one.
    """
    leaves = _leaves(program, score)
    if leaves == {"sigmoid"}:
        raise Refused(
            f"a lone score is a logit or a final Sigmoid; got a sum of sigmoids, a probability: {REMEDY}"
        )
    random = np.random.default_rng(0)
    points = [size * scale * random.standard_normal((TRIES, frames, features)) for size in SCALES]
    points += [
        size * scale * random.standard_normal((TRIES, 1, features)).repeat(frames, 1) for size in SCALES
    ]
    x = np.concatenate(points)
    with np.errstate(over="ignore", invalid="ignore"):
        value = Forward(program, Region(x, x, (), x, np.zeros_like(x)), {}, EFFORTS[0]).run(score)
    low, high = value.lower[np.isfinite(value.lower)], value.upper[np.isfinite(value.upper)]
    below, above = -high.min(initial=np.inf), low.max(initial=-np.inf)
    if not min(below, above) > SHARE * (below + above) or not np.isfinite(below + above):
        raise Refused(
            f"a lone score is a logit, of both signs, or a final Sigmoid of one; got one of {-below:.3g} to "
            f"{above:.3g} at {len(x)} inputs: {REMEDY}"
        )


def _leaves(program: Program, score: np.ndarray) -> set[str]:
    """The functions that a score is affine in; ``input`` for features."""
    found: set[str] = set()
    left, seen = score.tolist(), set(score.tolist())
    while left:
        (place,), (row,) = program.locate(np.array([left.pop()]))
        node = program.nodes[int(place)]
        if isinstance(node, Linear):
            for weight, elements in node.terms:
                own = elements[weight[row] != 0.0] if weight.ndim > 1 else elements[row : row + 1]
                more = set(own.tolist()) - seen
                left += more
                seen |= more
        else:
            found.add(node.name if isinstance(node, Apply) else "input")
    return found
