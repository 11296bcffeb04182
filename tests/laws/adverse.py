"""Networks built against the proofs: coefficients that cancel, numbers that overflow beside finite boxes, long loops.

Each is what a review found a bound to be wrong on, or nearly so, drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from certrnn.ir import Graph, GraphBuilder
from transformers_abs import PRODUCT, RELU, TANH

Rng = np.random.Generator
LOST = 1.999 * 2.0**-54
"""The largest share of a number that a sum loses each time it is added to it."""


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def uniform(rng: Rng, *shape: int, gain: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(np.asarray(rng.uniform(-gain, gain, shape)))


def cancelling(rng: Rng, count: int) -> np.ndarray:
    """Coefficients of ``count`` terms whose sum loses all but its rounding: a power of two, many lost shares of it,
    and the same power of two taken away, or its neighbour."""
    large = float(rng.choice([-1.0, 1.0]))
    last = float(rng.choice([large, np.nextafter(large, 0.0), np.nextafter(large, 2.0 * large)]))
    small = np.full(count - 2, float(rng.choice([-1.0, 1.0])) * LOST)
    return np.concatenate([[large], small, [-last]])


def repeats(rng: Rng, builder: GraphBuilder, value: int, size: int, count: int) -> int:
    """Every element of a value ``count`` times, in one of the ways of a file: Expand, Tile, Concat of Concats."""
    way = int(rng.integers(3))
    if way == 0:
        return builder.gather([value], np.repeat(np.arange(size), count))
    if way == 1:
        return builder.gather([value], np.tile(np.arange(size), count))
    twice = builder.gather([value, value], np.arange(2 * size))
    return builder.gather([twice] * (count // 2), np.arange(2 * size * (count // 2)))


def repeated_gathers(rng: Rng, scale: float, curved: bool) -> Graph:
    """Scores whose coefficients of an element read again and again cancel, before and behind a nonlinearity."""
    builder, count = GraphBuilder(), int(rng.choice([64, 130, 256]))
    inputs = [builder.input(t, 2) for t in range(3)]
    value = builder.gather([inputs[0], inputs[2]], np.arange(4))
    if curved:
        value = builder.elementwise(TANH, value)
    again = repeats(rng, builder, value, 4, count)
    weight = torch.zeros(3, 4 * count, dtype=torch.float64)
    read = builder[again].index if builder[again].sources == (value,) else np.arange(4 * count) % 4  # type: ignore[union-attr]
    for score in range(2):
        element = int(rng.integers(4))
        weight[score, torch.from_numpy(np.flatnonzero(read == element))] = torch.from_numpy(
            scale * cancelling(rng, count)
        )
    bias = torch.zeros(3, dtype=torch.float64)
    if curved:
        weight[2] = uniform(rng, 4 * count, gain=scale)
    return builder.build(builder.affine(weight, bias, again))


def repeated_sums(rng: Rng) -> Graph:
    """One value added to itself with coefficients that cancel; maps that are neighbours, one taken from the other."""
    builder, count = GraphBuilder(), 200
    inputs = [builder.input(t, 2) for t in range(3)]
    lone = builder.sum([inputs[0]] * count, cancelling(rng, count).tolist())
    weight = uniform(rng, 2, 2)
    beside = torch.from_numpy(np.nextafter(weight.numpy(), np.inf))
    none = torch.zeros(2, dtype=torch.float64)
    one, other = (builder.affine(w, none, inputs[1]) for w in (weight, beside))
    pair = builder.sum([one, other, lone], [2.0**40, -(2.0**40), 1.0])
    both = builder.gather([pair, lone, builder.elementwise(TANH, pair)], np.array([0, 3, 4]))
    return builder.build(both)


def overflow_beside_boxes(rng: Rng) -> Graph:
    """A zonotope ever wider beside a box within [0, 1], times two weights near the largest number that are neighbours:
    a huge difference that its own zonotope cannot hold and its box does not know."""
    builder = GraphBuilder()
    inputs = [builder.input(t, 2) for t in range(3)]
    value = builder.elementwise(RELU, builder.affine(tensor(1.0, 0.0)[None], tensor(0.0), inputs[0]))
    for _ in range(15):
        value = builder.elementwise(RELU, builder.affine(tensor(2.0)[None], tensor(-1.0), value))
    factor = float(rng.uniform(1.85, 1.95))
    scaled = builder.affine(tensor(factor)[None], tensor(0.0), value)
    # neighbours whose products with the factor round to the same number, so that the boxes' difference is small
    large = float(rng.uniform(1.15, 1.25)) * 2.0**1021
    for _ in range(64):
        beside = float(np.nextafter(large, np.inf))
        if large * factor == beside * factor:
            break
        large = beside
    maps = [builder.affine(tensor(w)[None], tensor(0.0), scaled) for w in (large, beside)]
    apart = builder.elementwise(TANH, builder.sum(maps, [1.0, -1.0]))
    steep = builder.affine(tensor(3.0, 0.0, 2.9, 0.0).reshape(2, 2), torch.zeros(2).double(), inputs[1])
    both = builder.gather([apart, builder.elementwise(TANH, steep)], np.arange(3))
    mixing = torch.cat([tensor(1.0, 6.0, -6.0)[None], uniform(rng, 2, 3)])
    return builder.build(builder.affine(mixing, tensor(0.9, 0.0, 0.0), both))


def two_inputs_of_a_frame(rng: Rng) -> Graph:
    """Frames that are read by several nodes each, some of which nearly cancel."""
    builder = GraphBuilder()
    inputs = [builder.input(t % 3, 2) for t in range(7)]
    mapped = [builder.affine(uniform(rng, 3, 2), uniform(rng, 3), x) for x in inputs]
    bent = [builder.elementwise(TANH, v) for v in mapped[:4]]
    close = builder.sum([mapped[4], mapped[4], bent[0]], [1.0, -1.0 + 2.0**-52, 0.5])
    return builder.build(builder.sum([*bent, close, *mapped[5:]], [1.0, -1.0, 0.5, 1.0, 1.0, 1.0, -1.0]))


def leaky(rng: Rng, frames: int, way: str, size: int = 3, dt: float = 0.0) -> Graph:
    """``h <- h + dt (f(W h + U x) - h)`` as exporters write it, a linear filter, or each unit with a dt of its own."""
    builder, none = GraphBuilder(), torch.zeros(size, dtype=torch.float64)
    dt = dt or float(rng.choice([0.03125, 0.1, 0.5, 0.9, 1.0]))
    recurrent, given = uniform(rng, size, size, gain=1.5 / size), uniform(rng, size, 2)
    steps = tensor(*([dt] * size)) if way != "units" else torch.from_numpy(rng.uniform(0.02, 1.0, size))
    state = builder.elementwise(TANH, builder.affine(given, none, builder.input(0, 2)))
    for t in range(1, frames):
        new = builder.affine(given, none, builder.input(t, 2))
        if way != "linear":
            new = builder.elementwise(TANH, builder.sum([new, builder.affine(recurrent, none, state)]))
        apart = builder.sum([new, state], [1.0, -1.0])
        if way == "sums":
            state = builder.sum([state, builder.sum([apart], [dt])])
        else:
            state = builder.sum([state, builder.affine(steps, none, apart)])
    return builder.build(builder.affine(uniform(rng, 3, size), uniform(rng, 3), state))


def squares(rng: Rng) -> Graph:
    """Products of a value with itself read again and again, and their cancelling sums."""
    builder = GraphBuilder()
    inputs = [builder.input(t, 2) for t in range(3)]
    value = builder.affine(uniform(rng, 2, 2), uniform(rng, 2), inputs[0])
    square = builder.elementwise(PRODUCT, value, value)
    again = repeats(rng, builder, square, 2, 64)
    weight = torch.from_numpy(np.stack([np.tile(cancelling(rng, 64), 2) for _ in range(2)]))
    gone = builder.affine(weight, torch.zeros(2).double(), again)
    last = builder.elementwise(TANH, inputs[2])
    return builder.build(builder.gather([gone, last], np.array([0, 1, 2])))


ADVERSE: dict[str, Callable[[Rng], Graph]] = {
    "repeated gathers": lambda rng: repeated_gathers(rng, 1.0, False),
    "repeated gathers, large": lambda rng: repeated_gathers(rng, 2.0**50, False),
    "repeated gathers, curved": lambda rng: repeated_gathers(rng, 1.0, True),
    "repeated sums": repeated_sums,
    "squares": squares,
    "overflow beside boxes": overflow_beside_boxes,
    "two inputs of a frame": two_inputs_of_a_frame,
    "leaky": lambda rng: leaky(rng, 8, "maps"),
    "leaky, by sums": lambda rng: leaky(rng, 8, "sums"),
    "leaky, units of their own": lambda rng: leaky(rng, 8, "units"),
    "filter": lambda rng: leaky(rng, 12, "linear"),
}
"""Small random networks, most of them on 3 frames of 2 features, with 3 scores."""
