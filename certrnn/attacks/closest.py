"""The closest violation of an attack that makes its own distance small."""

from __future__ import annotations

from collections.abc import Callable

import torch

from certrnn.attacks.attack import Attack, select, verify
from certrnn.attacks.smallest import Ball, Descent, Smallest
from certrnn.ir import Graph
from certrnn.specs import Spec


def closest(
    attack: Attack,
    graph: Graph,
    ball: Ball,
    spec: Spec,
    descent: Descent | None = None,
    spent: Callable[[], bool] = lambda: False,
) -> Smallest:
    """The violation that the attack finds in the first ball that it succeeds in, for every row of the batch.

    For attacks that minimise a distance of their own: a search of the smallest eps would answer another question.
    ``eps`` is the smallest radius, as far as known, of a ball that holds the violation.

    Args:
        ball: regions by rows and eps.
        spec: B specifications.
        descent: eps rises from ``start`` by ``stride`` up to ``ceiling``; a large ``start`` is one call in a wide
            region.
        spent: asked before each ball; the search ends where it is true.
    """
    search = Descent() if descent is None else descent
    none = torch.zeros_like(spec.offset[:, 0])
    center = ball(torch.arange(len(none), device=none.device), none)
    undisturbed = verify(graph, center, spec, center.center)
    high = torch.where(undisturbed.success, 0.0, torch.full_like(none, torch.inf))
    x, eps = center.center.clone(), search.start
    while bool(high.isinf().any()) and not spent():
        rows = high.isinf().nonzero().flatten()
        region, own = ball(rows, torch.full_like(none[rows], eps)), select(spec, rows)
        outcome = attack(graph, region, own)
        hits = outcome.success.nonzero().flatten()
        if hits.numel():
            violations, far = outcome.x[hits], torch.full_like(none[hits], eps)
            tight = torch.minimum(region.select(hits).distance(violations), far)
            inside = verify(graph, ball(rows[hits], tight), select(own, hits), violations).success
            high[rows[hits]], x[rows[hits]] = torch.where(inside, tight, far), violations
        if eps >= search.ceiling:
            break
        eps = min(eps * search.stride, search.ceiling)
    return Smallest(high, x)
