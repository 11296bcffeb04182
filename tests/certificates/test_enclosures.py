"""The checker's propagation and substitution hold every point of 50-digit arithmetic, for any slopes; errors planted
there are seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from certrnn.certificates.checker import backward, forward, quadratic
from certrnn.certificates.checker.backward import Backward
from certrnn.certificates.checker.forward import EFFORTS, Forward, Region
from certrnn.certificates.checker.program import Apply, Input, Linear, Program, Term
from certrnn.certificates.checker.recurrent import _gru, _lstm
from tests.certificates.test_residuals import EXACT

FRAMES, FEATURES, HIDDEN = 3, 2, 3
ORDERS = [(np.inf, False), (2.0, False), (1.0, False), (2.0, True), (1.0, True)]


@pytest.fixture(autouse=True)
def _fifty_digits() -> object:
    with mpmath.workdps(50):
        yield


def network(kind: str, seed: int, size: float = 1.0) -> tuple[Program, np.ndarray]:
    """A small recurrent network with random weights of a size; two scores."""
    random, p = np.random.default_rng(seed), Program()
    frames = [p.add(Input(t, FEATURES)) for t in range(FRAMES)]
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    w, r = (size * random.normal(size=(gates * HIDDEN, k)) for k in (FEATURES, HIDDEN))
    bias = [random.normal(size=gates * HIDDEN) for _ in range(2)]
    hidden: Any = None
    cell: Any = None
    for frame in frames:
        past = [] if hidden is None else [Term(r, hidden)]
        if kind == "gru":
            hidden = _gru(
                p, [Term(w, frame)], r, [b for part in bias for b in np.split(part, 3)], hidden, seed % 2 == 0
            )
            continue
        pre = p.linear([Term(w, frame), *past], bias)
        hidden, cell = _lstm(p, np.split(pre, 4), cell) if kind == "lstm" else (p.apply("tanh", pre), None)
    return p, p.linear([Term(random.normal(size=(2, HIDDEN)), hidden)], [random.normal(size=2)])


def region(seed: int, order: float, joint: bool, eps: float) -> Region:
    random = np.random.default_rng(seed)
    x = random.normal(size=(1, FRAMES, FEATURES))
    lower, upper = x.copy(), x.copy()
    lower[:, 1:], upper[:, 1:] = np.nextafter(x[:, 1:] - eps, -9.0), np.nextafter(x[:, 1:] + eps, 9.0)
    upper[:, 2] = x[:, 2]  # as a valid range may cut it
    return Region(lower, upper, (1, 2), x, np.full(x.shape, eps), order, joint)


def members(given: Region, seed: int, count: int = 5) -> list[np.ndarray]:
    """Points (T, D) of a region, many of them at its boundary."""
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        step = random.choice([-1.0, 0.3, 1.0], size=(2, FEATURES))
        if np.isfinite(given.order):
            step = step if given.joint else step / np.linalg.norm(step, given.order, axis=1, keepdims=True)
            step = step / np.linalg.norm(step.reshape(-1), given.order) if given.joint else step
            step = step * (1.0 - 1e-12)
        x = given.center[0].copy()
        x[1:] = np.clip(x[1:] + given.reach[0, 1:] * step, given.lower[0, 1:], given.upper[0, 1:])
        found.append(x)
    return found


def exactly(p: Program, x: np.ndarray) -> list[mpmath.mpf]:
    """Every element of a program at a sequence."""
    found: list[mpmath.mpf] = []
    for node in p.nodes:
        match node:
            case Input():
                found += [mpmath.mpf(float(v)) for v in x[node.frame]]
            case Linear():
                rows = [
                    sum((mpmath.mpf(float(c[k])) for c in node.constants), mpmath.mpf(0))
                    for k in range(node.size)
                ]
                for weight, elements in node.terms:
                    for k in range(node.size):
                        pairs = (
                            [(weight[k], elements[k])]
                            if weight.ndim == 1
                            else zip(weight[k], elements, strict=True)
                        )
                        rows[k] += sum(mpmath.mpf(float(a)) * found[int(e)] for a, e in pairs)
                found += rows
            case Apply():
                pairs = zip(node.arguments[0], node.arguments[-1], strict=True)
                found += [EXACT[node.name](found[int(a)], found[int(b)]) for a, b in pairs]
    return found


def slopes_of(p: Program, random: np.random.Generator, *rows: int) -> dict[int, np.ndarray]:
    return {
        place: random.normal(size=(len(node.arguments), 1, *rows, node.size)) * 0.4
        for place, node in enumerate(p.nodes)
        if isinstance(node, Apply)
    }


def escapes(
    kind: str,
    seed: int,
    order: float = np.inf,
    joint: bool = False,
    eps: float = 0.1,
    size: float = 1.0,
    effort: int = 1,
) -> int:
    """How many exact values lie outside of what is said of arguments and rows."""
    p, output = network(kind, seed, size)
    given, random = region(seed, order, joint, eps), np.random.default_rng(seed)
    found = Forward(p, given, slopes_of(p, random), EFFORTS[effort])
    value = found.run(output)
    rows, offset = np.array([[[1.0, -1.0], [-1.0, 1.0], [0.5, 2.0]]]), np.array([[0.1, 0.2, 0.3]])
    least = [found.least(value, rows, offset)]
    least += [Backward(found, slopes_of(p, random, k)).least(output, rows, offset) for k in (1, 3)]
    outside = 0
    for x in members(given, seed):
        exact = exactly(p, x)
        for place, known in found.records.items():
            node = p.nodes[place]
            assert isinstance(node, Apply)
            for k, elements in enumerate(node.arguments):
                for j, element in enumerate(elements.tolist()):
                    low, high = (mpmath.mpf(float(end[k, 0, j])) for end in (known.lower, known.upper))
                    outside += not low <= exact[element] <= high
        scores = [exact[e] for e in output.tolist()]
        for bound in least:
            for row, more, low in zip(rows[0], offset[0], bound[0], strict=True):
                total = sum(mpmath.mpf(float(a)) * s for a, s in zip(row, scores, strict=True)) + mpmath.mpf(
                    float(more)
                )
                outside += not mpmath.mpf(float(low)) <= total
    return outside


def curved_escapes(kind: str, seed: int, share: float = 1.0, eps: float = 0.1) -> tuple[int, int]:
    """How many exact rows lie below what a bound with random deficits says, and of how many rows it says something.

    Args:
        share: of a diagonal that surely dominates.
    """
    p, output = network(kind, seed)
    given, random = region(seed, np.inf, False, eps), np.random.default_rng(seed)
    found = Forward(p, given, slopes_of(p, random), EFFORTS[1], kept={})
    found.run(output)
    rows, offset = np.array([[[1.0, -1.0], [-1.0, 1.0]]]), np.array([[0.1, 0.2]])
    bent = {}
    for place, values in (found.kept or {}).items():
        node = p.nodes[place]
        root = random.normal(size=(2, 1, 2, node.size)) * 0.3
        bent[place] = np.stack([root[0] ** 2, root[0] * root[1] * (len(values) - 1), root[1] ** 2])
    back = Backward(found, slopes_of(p, random, 2), bent)
    back.run(output, rows, offset)
    forms = [
        quadratic.Form(found, {place: c[:, 0, k] * back.weights[place][0, k] for place, c in bent.items()})
        for k in range(2)
    ]
    diagonal = np.stack([share * form.size(np.ones(form.symbols)) + 1e-9 for form in forms])
    point = random.uniform(-1.0, 1.0, size=diagonal.shape)
    back = Backward(found, back.slopes, bent)
    bound = quadratic.least(back, output, rows, offset, diagonal, point)
    outside = 0
    for x in members(given, seed, 12):
        exact = exactly(p, x)
        scores = [exact[e] for e in output.tolist()]
        for row, more, low in zip(rows[0], offset[0], bound[0], strict=True):
            parts = [mpmath.mpf(float(a)) * score for a, score in zip(row, scores, strict=True)]
            outside += not mpmath.mpf(float(low)) <= sum(parts) + mpmath.mpf(float(more))
    return outside, int(np.isfinite(bound).sum())


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_rows_with_deficits_hold_every_point(kind: str) -> None:
    found = [curved_escapes(kind, seed) for seed in range(3)]
    assert [outside for outside, _ in found] == [0, 0, 0]
    assert [said for _, said in found] == [2, 2, 2]


def test_a_diagonal_that_does_not_dominate_proves_nothing() -> None:
    assert [curved_escapes("lstm", seed, share=1e-3)[1] for seed in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_the_form_is_the_sum_of_its_functions_and_what_dominates_it_is_told_apart(kind: str) -> None:
    p, output = network(kind, 3)
    random = np.random.default_rng(3)
    found = Forward(p, region(3, np.inf, False, 0.3), slopes_of(p, random), EFFORTS[1], kept={})
    found.run(output)
    assert found.kept is not None
    blocks, whole = {}, np.zeros((found.symbols, found.symbols))
    for place, values in found.kept.items():
        root = random.normal(size=(2, values[0].center.shape[1]))
        blocks[place] = np.stack([root[0] ** 2, root[0] * root[1] * (len(values) - 1), root[1] ** 2])
        for j, (xx, xy, yy) in enumerate(blocks[place].T):
            x, y = (np.zeros(found.symbols) for _ in range(2))
            for axis, value in ((x, values[0]), (y, values[-1])):
                axis[: value.generators.shape[1]] = value.generators[0, :, j]
            whole += xx * np.outer(x, x)
            if len(values) == 2:
                whole += xy * (np.outer(x, y) + np.outer(y, x)) + yy * np.outer(y, y)
    form = quadratic.Form(found, blocks)
    assert np.allclose(form.matrix.T @ form.weigh(form.matrix), whole, rtol=1e-12, atol=1e-14)
    d = random.uniform(0.5, 2.0, size=found.symbols)
    most = np.linalg.eigvalsh(whole / np.sqrt(np.outer(d, d)))[-1]
    assert quadratic.dominates(form, (1.0 + 1e-9) * most * d)
    assert not quadratic.dominates(form, (1.0 - 1e-9) * most * d)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("order", "joint"), ORDERS)
def test_propagation_and_substitution_hold_every_point(kind: str, order: float, joint: bool) -> None:
    assert sum(escapes(kind, seed, order, joint) for seed in range(2)) == 0


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("effort", range(len(EFFORTS)))
def test_points_and_tiny_regions_hold_what_rounding_hides(kind: str, effort: int) -> None:
    assert (
        sum(
            escapes(kind, seed, eps=eps, size=30.0, effort=effort)
            for seed in range(3)
            for eps in (0.0, 1e-14)
        )
        == 0
    )


def _smaller(reach: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, generators: tuple(0.8 * end for end in reach(self, generators))


@pytest.mark.parametrize(
    ("module", "name", "planted"),
    [
        (forward, "gamma", lambda n: 0.0),
        (forward, "residual", lambda *a, **k: tuple(0.999 * end for end in forward_residual(*a, **k))),
        (forward, "extent", lambda *a: tuple(0.5 * end for end in extent(*a))),
        (forward.Forward, "reach", _smaller(Forward.reach)),
        (forward, "dual", lambda values, order: 0.7 * dual(values, order)),
        (backward, "bounds", lambda *a: tuple(end[::-1] for end in backward_bounds(*a))[::-1]),
    ],
)
def test_errors_planted_in_the_propagation_are_seen(
    module: Any, name: str, planted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, planted)
    if name == "gamma":
        monkeypatch.setattr(forward, "raised", lambda value, n: value)
        monkeypatch.setattr(forward, "down", lambda value: value)
        monkeypatch.setattr(forward, "up", lambda value: value)
    found = sum(
        escapes(kind, seed, *ball) for kind in ("rnn", "lstm") for seed in range(3) for ball in ORDERS[:2]
    )
    found += sum(escapes("lstm", seed, eps=0.0, size=30.0) for seed in range(3))
    assert found > 0


forward_residual, extent, dual, backward_bounds = (
    forward.residual,
    forward.extent,
    forward.dual,
    backward.bounds,
)
