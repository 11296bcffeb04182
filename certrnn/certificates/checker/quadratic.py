"""Rows whose planes leave a quadratic deficit: the deficits of all functions together are bounded over the symbols.

Lemma Q (quadratics). With d = G^T s + rho, ``|rho| <= slack``, the deficits are at most ``s^T Q s`` and a charge for
rho, Q the sum of ``|v| G C G^T`` over all functions. For any diagonal D with ``P = D - Q`` positive semidefinite and
any point z, ``l . s - s^T Q s >= -sum |l + 2 P z| - sum |D| - z^T P z`` for s in the cube, because of
``s^T P s >= 2 z^T P s - z^T P z``.

Lemma P (positive semidefinite). Where the Cholesky factorisation of a matrix A of size m runs through, ``A + E`` is
positive semidefinite for some E of norm at most ``2 gamma(m + 1) trace A`` (Demmel; Rump, BIT 2006, Theorem 2.3). A is
``D - Q`` less a shift that is twice that and all that rounding may change in Q: its largest absolute row sum.
"""

from __future__ import annotations

import numpy as np

from certrnn.certificates.checker.arithmetic import gamma, raised
from certrnn.certificates.checker.backward import Backward, Slopes
from certrnn.certificates.checker.forward import Forward


class Form:
    """``Q = E^T S E`` of one row: E (K, m) holds the generators of all arguments, S (3, n) a function is its block."""

    def __init__(self, forward: Forward, weighted: Slopes) -> None:
        assert forward.kept is not None
        self.charge = 0.0
        rows, blocks, start, self.symbols = [], [], 0, forward.symbols
        for place, block in weighted.items():
            values = forward.kept[place]
            for value in values:
                own = np.zeros((value.generators.shape[2], self.symbols))
                own[:, : value.generators.shape[1]] = value.generators[0].T
                rows.append(own)
            blocks.append((start, len(values), block))
            start += len(values) * block.shape[1]
            self.charge += _remainder(values, block)
        self.matrix, self.blocks = np.concatenate(rows), blocks

    def weigh(self, moved: np.ndarray, absolute: bool = False) -> np.ndarray:
        """``S moved`` for (K, ..), or ``|S| moved``."""
        product = np.zeros_like(moved)
        for start, arity, block in self.blocks:
            xx, xy, yy = np.abs(block) if absolute else block
            size = len(xx)
            first, second = slice(start, start + size), slice(start + size, start + 2 * size)
            shape = (-1, *[1] * (moved.ndim - 1))
            product[first] = xx.reshape(shape) * moved[first]
            if arity == 2:
                product[first] += xy.reshape(shape) * moved[second]
                product[second] = xy.reshape(shape) * moved[first] + yy.reshape(shape) * moved[second]
        return product

    def size(self, z: np.ndarray) -> np.ndarray:
        """At least ``|E|^T |S| |E| z`` for z >= 0."""
        positive = np.abs(self.matrix)
        depth = len(self.matrix) + self.symbols + 16
        return raised(positive.T @ self.weigh(positive @ z, absolute=True), depth)


def _remainder(values: list, block: np.ndarray) -> float:
    """At least what the slacks of the arguments add to the deficits, ``2 rho^T |S| |G^T s| + rho^T |S| rho``."""
    xx, xy, yy = np.abs(block)
    x, y = values[0], values[-1]
    slack, spread = [v.slack[0] for v in (x, y)], [v.spread[0] for v in (x, y)]
    total = xx * slack[0] * (2.0 * spread[0] + slack[0])
    if len(values) == 2:
        crossed = slack[0] * spread[1] + slack[1] * spread[0] + slack[0] * slack[1]
        total = total + 2.0 * xy * crossed + yy * slack[1] * (2.0 * spread[1] + slack[1])
    return float(raised(total.sum(), len(total) + 16))


def dominates(form: Form, diagonal: np.ndarray) -> bool:
    """Whether ``diag(D) - Q`` is proved positive semidefinite, lemma P."""
    e, m = form.matrix, form.symbols
    q = e.T @ form.weigh(e)
    lost = 2.0 * gamma(len(e) + 8) * float(form.size(np.ones(m)).max())
    total = float(raised(np.abs(diagonal).sum() + np.abs(np.diag(q)).sum(), 2 * m))
    shift = 2.0 * (lost + 4.0 * gamma(m + 8) * total)
    a = -q
    a[np.arange(m), np.arange(m)] += diagonal - shift
    try:
        factor = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(factor).all())


def least(
    backward: Backward,
    output: np.ndarray,
    rows: np.ndarray,
    offset: np.ndarray,
    diagonal: np.ndarray,
    point: np.ndarray,
) -> np.ndarray:
    """At most ``rows . output + offset`` (1, R); -inf where D (R, m) is not proved to dominate.

    Args:
        backward: of one sample, whose curvatures take part.
        point: z (R, m), any numbers.
    """
    moved, hidden = backward.run(output, rows, offset)
    bounds = np.full(offset.shape, -np.inf)
    for k in range(offset.shape[1]):
        weighted = {
            p: c[:, 0, k] * backward.weights[p][0, k]
            for p, c in backward.curvature.items()
            if p in backward.weights
        }
        form = Form(backward.forward, weighted)
        if not dominates(form, diagonal[k]):
            continue
        linear = np.zeros(form.symbols)
        linear[: moved.shape[2]] = moved[0, k]
        d, z = diagonal[k], point[k]
        tilt = d * z - form.matrix.T @ form.weigh(form.matrix @ z)
        depth = len(form.matrix) + 2 * form.symbols + 32
        error = raised(2.0 * gamma(depth) * (form.size(np.abs(z)) + np.abs(d * z)), depth)
        taken = np.abs(linear + 2.0 * tilt).sum() + np.abs(d).sum() + (z * tilt).sum()
        size = (
            np.abs(linear) + 3.0 * np.abs(tilt) + np.abs(d) + np.abs(z * tilt) + (2.0 + np.abs(z)) * error
        ).sum()
        # the weights are products of two numbers: one rounding of every block more
        lost = 2.0 * gamma(8) * form.size(np.ones(form.symbols)).sum() + form.charge
        more = raised(hidden[0, k] + ((2.0 + np.abs(z)) * error).sum() + gamma(depth) * size + lost, depth)
        bounds[0, k] = np.nextafter(backward.constant[0, k] - taken - 2.0 * more, -np.inf)
    return bounds
