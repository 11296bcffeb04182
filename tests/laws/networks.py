"""Random networks of every node kind, and regions and points for them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch

from certrnn.cells import Activation, GruCell, LstmCell, RnnCell, State, unroll
from certrnn.domains import evaluate
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from tests.laws.oracle import Points
from transformers_abs import (
    ERF,
    GELU,
    LOG,
    PRODUCT,
    RELU,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    SQUARE,
    STEP,
    TANH,
    Elu,
    Exp,
    LeakyRelu,
    Power,
    Reciprocal,
    Rsqrt,
    Sqrt,
    Step,
)

Rng = np.random.Generator


def numbers(rng: Rng, *shape: int, gain: float = 1.0) -> torch.Tensor:
    """Numbers in [-gain, gain)."""
    return torch.from_numpy(np.asarray(rng.uniform(-gain, gain, shape)))


def _cell(rng: Rng, kind: str, features: int, hidden: int, gain: float) -> RnnCell | LstmCell | GruCell:
    rows = hidden * {"rnn": 1, "relu": 1, "lstm": 4, "gru": 3, "reset": 3}[kind]
    parts = [
        rng.uniform(-gain, gain, shape) for shape in ((rows, features), (rows, hidden), (rows,), (rows,))
    ]
    if kind == "lstm":
        return LstmCell.of(*parts)
    if kind in ("gru", "reset"):
        return GruCell.of(*parts, linear_before_reset=kind == "reset")
    return RnnCell.of(*parts, activation=Activation("Relu" if kind == "relu" else "Tanh"))


def recurrent(rng: Rng, kind: str, frames: int, features: int, gain: float) -> Graph:
    """Two layers, the second one in both directions, and a linear head on the last step of both."""
    builder, hidden, start = GraphBuilder(), 3, _no_state(kind)
    inputs = [builder.input(t, features) for t in range(frames)]
    below = _hidden(unroll(builder, _cell(rng, kind, features, hidden, gain), inputs, start))
    ahead = _hidden(unroll(builder, _cell(rng, kind, hidden, hidden, gain), below, start))
    back = _hidden(unroll(builder, _cell(rng, kind, hidden, hidden, gain), below, start, reverse=True))
    both = builder.gather([ahead[-1], back[0]], np.array([5, 0, 1, 2, 3, 4, 0]))
    return builder.build(builder.affine(numbers(rng, 3, 7), numbers(rng, 3), both))


def _hidden(states: list[State]) -> list[int]:
    return [state[0] for state in states if state[0] is not None]


def _no_state(kind: str) -> tuple[None, ...]:
    return (None, None) if kind == "lstm" else (None,)


def mixed(rng: Rng, frames: int, features: int, gain: float, error: float) -> Graph:
    """Products of unrelated values, maxima through relu, diagonal maps, constants, odd sums, errors of coefficients."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    dense = [
        builder.affine(numbers(rng, 4, features, gain=gain), numbers(rng, 4), v, relative_error=error)
        for v in x
    ]
    squashed = [builder.elementwise((TANH, SIGMOID, LeakyRelu(0.125))[t % 3], v) for t, v in enumerate(dense)]
    unrelated = builder.elementwise(PRODUCT, squashed[0], squashed[-1])
    fixed = builder.constant(numbers(rng, 4), relative_error=error)
    top = builder.sum([fixed, builder.elementwise(RELU, builder.sum([unrelated, fixed], [1.0, -1.0]))])
    crossed = builder.gather([top, dense[0]], rng.permutation(8)[:5])
    diagonal = builder.affine(numbers(rng, 5, gain=gain), numbers(rng, 5), crossed, relative_error=error)
    scaled = builder.gather([squashed[-1], unrelated], rng.integers(0, 8, 5))
    weighted = builder.sum([diagonal, scaled, crossed], [-1.5, 0.3, 1.0 / 3.0], relative_error=error)
    square = builder.elementwise(PRODUCT, weighted, weighted)
    last = builder.sum([square, builder.elementwise(TANH, weighted)], [0.1, -1.0])
    return builder.build(
        builder.affine(numbers(rng, 3, 5, gain=gain), numbers(rng, 3), last, relative_error=error)
    )


def cancelling(rng: Rng, frames: int, features: int) -> Graph:
    """Large terms that cancel, so that what rounding hides is as large as what is left."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    large = [builder.affine(1e8 * numbers(rng, 4, features), 1e8 * numbers(rng, 4), v) for v in x]
    total = builder.sum([*large, *large], [*([0.1] * frames), *([-0.1] * frames)])
    mixing = torch.cat([torch.eye(4, dtype=torch.float64)] * 2, dim=1)
    mixing[:, 4:] *= -(1.0 + 2.0**-40)
    pair = builder.gather([large[0], large[0]], np.arange(8))
    rest = builder.affine(mixing / 3.0, torch.zeros(4, dtype=torch.float64), pair)
    tamed = builder.affine(torch.full((4,), 1e-8, dtype=torch.float64), numbers(rng, 4), large[-1])
    return builder.build(builder.sum([builder.elementwise(TANH, tamed), rest, total], [1.0, 1.0 / 7.0, 1.0]))


def overflowing(rng: Rng, frames: int, features: int) -> Graph:
    """Products grow past the largest number, and a saturated function hides it."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    large = builder.affine(1e200 * numbers(rng, 3, features).sign(), 1e200 * numbers(rng, 3), x[0])
    squared = builder.elementwise(PRODUCT, large, large)
    other = builder.affine(numbers(rng, 3, features), numbers(rng, 3), x[-1])
    return builder.build(builder.sum([builder.elementwise(TANH, squared), builder.elementwise(TANH, other)]))


def rough_sums(rng: Rng, frames: int, features: int) -> Graph:
    """Coefficients of sums known to a thousandth, all else exactly."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    total = builder.sum(x, numbers(rng, frames, gain=3.0).tolist(), relative_error=1e-3)
    curved = builder.elementwise(TANH, total)
    return builder.build(builder.sum([curved, total, x[0]], [0.5, -1.0, 1.0 / 3.0], relative_error=1e-3))


def underflowing(rng: Rng, frames: int, features: int) -> Graph:
    """Scores of 1e-200 whose coefficients in terms of the inputs' large multiples are below every number."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    nothing = torch.zeros(3, dtype=torch.float64)
    large = builder.affine(1e200 * numbers(rng, 3, features), nothing, x[0])
    dense = builder.affine(1e-200 * numbers(rng, 3, 3), nothing, large)
    diagonal = builder.affine(1e-200 * numbers(rng, 3), nothing, dense)
    scaled = builder.sum([large], [1e-200])
    bent = builder.elementwise(
        LeakyRelu(1e-200), builder.affine(-1e200 * numbers(rng, 3, 3).abs(), nothing, scaled)
    )
    mapped = builder.affine(1e-200 * numbers(rng, 3, 3), nothing, bent)
    small = builder.sum([diagonal, scaled, bent, mapped], [1.0, 1e-200, 1e-200, 1.0])
    return builder.build(builder.affine(numbers(rng, 3, 3), nothing, small))


def attentive(rng: Rng, frames: int, features: int) -> Graph:
    """Scores a frame, their softmax by logarithms of sums of exponentials, and a weighted sum of products."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    scores = [builder.affine(numbers(rng, 3, features, gain=3.0), numbers(rng, 3), v) for v in x]
    total = scores[0]
    for score in scores[1:]:
        apart = builder.sum([score, total], [1.0, -1.0])
        total = builder.sum([total, builder.elementwise(SOFTPLUS, apart)])
    shares = [
        builder.elementwise(Exp(ceiling=0.0), builder.sum([score, total], [1.0, -1.0])) for score in scores
    ]
    values = [
        builder.elementwise(GELU, builder.affine(numbers(rng, 3, features), numbers(rng, 3), v)) for v in x
    ]
    products = [builder.elementwise(PRODUCT, p, v) for p, v in zip(shares, values, strict=True)]
    return builder.build(builder.affine(numbers(rng, 3, 3), numbers(rng, 3), builder.sum(products)))


def normalised(rng: Rng, frames: int, features: int) -> Graph:
    """Deviations from a mean by their norm, between functions of every kind of section."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    dense = [builder.affine(numbers(rng, 4, features), numbers(rng, 4), v) for v in x]
    bent = [builder.elementwise((ERF, SOFTSIGN, Elu(1.5))[t % 3], v) for t, v in enumerate(dense)]
    mixed = builder.sum(bent, [1.0, -0.5, 2.0][:frames])
    apart = builder.affine(
        torch.eye(4, dtype=torch.float64) - 0.25, torch.zeros(4, dtype=torch.float64), mixed
    )
    spread = builder.affine(
        torch.full((4, 4), 0.25, dtype=torch.float64),
        torch.full((4,), 1.0, dtype=torch.float64),
        builder.elementwise(SQUARE, apart),
    )
    scaled = builder.elementwise(PRODUCT, apart, builder.elementwise(Rsqrt(floor=1.0), spread))
    root = builder.elementwise(Sqrt(floor=0.0), builder.elementwise(SQUARE, scaled))
    log = builder.elementwise(LOG, spread)
    inverse = builder.elementwise(Reciprocal(floor=1.0), spread)
    last = builder.sum(
        [scaled, root, log, inverse, builder.elementwise(Power(3), scaled)], [1.0, 0.3, 0.2, 0.1, 0.2]
    )
    return builder.build(builder.affine(numbers(rng, 3, 4), numbers(rng, 3), last))


def stepped(rng: Rng, frames: int, features: int) -> Graph:
    """Comparisons with numbers, and what is chosen by them."""
    builder = GraphBuilder()
    x = [builder.input(t, features) for t in range(frames)]
    dense = [builder.affine(numbers(rng, 4, features), numbers(rng, 4), v) for v in x]
    truths = [builder.elementwise(Step(inclusive=t % 2 == 0), v) for t, v in enumerate(dense)]
    chosen = [builder.elementwise(PRODUCT, t, v) for t, v in zip(truths, dense, strict=True)]
    known = builder.elementwise(
        STEP, builder.affine(torch.zeros(4, features, dtype=torch.float64), numbers(rng, 4), x[0])
    )
    both = builder.elementwise(PRODUCT, truths[-1], known)
    last = builder.sum(
        [builder.elementwise(TANH, builder.sum(chosen)), both, truths[0]], [1.0, 0.5, -1.0 / 3.0]
    )
    again = builder.elementwise(
        Step(inclusive=True), builder.affine(numbers(rng, 4, 4), numbers(rng, 4), last)
    )
    return builder.build(builder.affine(numbers(rng, 3, 4), numbers(rng, 3), builder.sum([last, again])))


FAMILIES: dict[str, Callable[[Rng], Graph]] = {
    "rnn": lambda rng: recurrent(rng, "rnn", 3, 2, 1.0),
    "relu rnn": lambda rng: recurrent(rng, "relu", 3, 2, 0.7),
    "lstm": lambda rng: recurrent(rng, "lstm", 3, 2, 1.5),
    "gru": lambda rng: recurrent(rng, "gru", 3, 2, 1.0),
    "gru, linear before reset": lambda rng: recurrent(rng, "reset", 3, 2, 2.0),
    "mixed": lambda rng: mixed(rng, 3, 2, 1.0, 0.0),
    "mixed, rounded coefficients": lambda rng: mixed(rng, 3, 2, 1.0, 2.0**-53),
    "mixed, rough coefficients": lambda rng: mixed(rng, 3, 2, 2.0, 1e-3),
    "rough sums": lambda rng: rough_sums(rng, 3, 2),
    "attention": lambda rng: attentive(rng, 3, 2),
    "normalisation": lambda rng: normalised(rng, 3, 2),
    "steps": lambda rng: stepped(rng, 3, 2),
    "cancelling": lambda rng: cancelling(rng, 3, 2),
    "overflowing": lambda rng: overflowing(rng, 3, 2),
    "underflowing": lambda rng: underflowing(rng, 3, 2),
}
"""Small random networks on 3 frames of 2 features with 3 or 4 scores."""

EPS = (0.0, 1e-12, 1e-6, 1e-3, 0.05, 0.3, 1.0, 10.0)
"""Radii of one batch."""


def region(
    rng: Rng, graph: Graph, frames: tuple[int, ...], clip: bool, eps: tuple[float, ...] = EPS
) -> LinfBall:
    """One row for each eps, around its own center."""
    features = graph.nodes[graph.inputs[0]].size
    center = 0.5 + 0.5 * numbers(rng, len(eps), graph.frames, features)
    return LinfBall(center, torch.tensor(eps, dtype=torch.float64), frames, (0.0, 1.0) if clip else None)


def points(rng: Rng, graph: Graph, ball: LinfBall, count: int = 2) -> Points:
    """Members of every row, row after row: the center, random ones, exact corners by chance and towards small and
    large scores. Each row has ``3 * count + 1`` of them."""
    parts = [Points.of(ball.center)]
    for _ in range(count):
        inner = ball.project(ball.center + ball.eps[:, None, None] * numbers(rng, *ball.center.shape))
        inside = ball.contains(inner)
        parts.append(Points.of(torch.where(inside[:, None, None], inner, ball.center)))
        parts.append(corner(ball, numbers(rng, *ball.center.shape).sign()))
        parts.append(corner(ball, _steepest(rng, graph, ball)))
    joined = [torch.stack([getattr(p, name) for p in parts], dim=1).flatten(0, 1) for name in ("x", "moved")]
    return Points(*joined)


def corner(ball: LinfBall, sign: torch.Tensor) -> Points:
    """The exact corner in the direction ``sign`` (B, frames, features): ``center + eps * sign`` in real arithmetic,
    or the end of the valid range where that comes first."""
    x, moved = ball.center.clone(), torch.zeros_like(ball.center)
    for row in range(ball.batch):
        for frame in ball.frames:
            for feature in range(x.shape[2]):
                index = row, frame, feature
                step = float(ball.eps[row] * sign[index])
                end = None if ball.clip is None else ball.clip[int(step > 0)]
                start = float(x[index])
                if end is not None and abs(Fraction(start) + Fraction(step) - Fraction(1, 2)) > Fraction(
                    1, 2
                ):
                    x[index] = end
                else:
                    moved[index] = step
    return Points(x, moved)


def _steepest(rng: Rng, graph: Graph, ball: LinfBall) -> torch.Tensor:
    """Signs of the gradient of random rows of the scores, after a step along it."""
    rows = numbers(rng, ball.batch, graph.outputs)
    x = ball.center
    sign = torch.zeros_like(x)
    for _ in range(2):
        leaf = x.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad((rows * evaluate(graph, leaf)).sum(), leaf, allow_unused=True)
        sign = torch.zeros_like(x) if gradient is None else torch.nan_to_num(gradient).sign()
        x = ball.project(ball.center + ball.eps[:, None, None] * sign)
    return sign
