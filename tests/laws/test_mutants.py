"""Each planted error in the domains breaks a law that the real ones keep. The laws see nothing without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.domains import (
    Domain,
    Fold,
    Interval,
    Intervals,
    Zonotope,
    Zonotopes,
    accounts,
    interval,
)
from certrnn.domains import (
    vectors as _vectors,
)
from certrnn.domains.interval import IntervalRun
from certrnn.domains.zonotope import (
    accumulate as _forming,
)
from certrnn.domains.zonotope import (
    generators as _generators,
)
from certrnn.domains.zonotope import (
    propagation as zonotope,
)
from certrnn.domains.zonotope import (
    reduction,
)
from certrnn.domains.zonotope.propagation import ZonotopeRun
from certrnn.domains.zonotope.symbols import Segment, Symbols, count
from certrnn.ir import Affine, Constant, Gather, Sum
from certrnn.regions import LinfBall
from tests.laws.laws import Violation, containment
from tests.laws.networks import FAMILIES, points, region
from tests.laws.oracle import Oracle, Perturbation
from transformers_abs import Cuts

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """An error that ``plant`` puts into the domains, and where it shows: a family of networks and a domain."""

    plant: Callable[[Patch], None]
    family: str
    domain: Callable[[], Domain[Any]] = Zonotopes
    eps: tuple[float, ...] = (1e-12, 0.05, 1.0)
    frames: tuple[int, ...] = (0, 1, 2)
    clip: bool = False
    seed: int = 0

    def violations(self) -> list[Violation]:
        """What the law finds."""
        rng = np.random.default_rng(self.seed)
        graph = FAMILIES[self.family](rng)
        ball = region(rng, graph, self.frames, self.clip, self.eps)
        oracle = Oracle(graph, points(rng, graph, ball), Perturbation(rng))
        return containment(self.domain(), oracle, ball)


def around(patch: Patch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Replace ``owner.name`` by ``change(original, *arguments)``."""
    original = getattr(owner, name)
    patch.setattr(owner, name, lambda *arguments: change(original, *arguments))


def without_slack(value: Zonotope) -> Zonotope:
    """The value without its slack, its magnitude as before."""
    changed = replace(value, slack=torch.zeros_like(value.slack))
    changed.__dict__["_reading"] = value._reading
    return changed


def no_charge(*names: str) -> Callable[[Patch], None]:
    """Nothing is charged for the rounding of some nodes, and nothing raised."""
    free = {
        accounts.LinearCharges: accounts.LinearCharges(0.0, 1.0, 0.0, 1.0, 0.0),
        accounts.RelaxedCharges: accounts.RelaxedCharges(0.0, 1.0, 1.0, 0.0),
        float: 1.0,
    }

    def freed(real: Callable[..., Any], *given: Any) -> Any:
        return free[type(real(*given))]

    def plant(patch: Patch) -> None:
        for name in names:
            around(patch, accounts, name, freed)

    return plant


def no_rounding(module: Any, *names: str) -> Callable[[Patch], None]:
    """Numbers are believed to be exact: no slack for roundings and no outward step."""

    def plant(patch: Patch) -> None:
        exact: dict[str, Callable[..., Any]] = {
            "up": lambda value, roundings: value,
            "outward": lambda lower, upper: (lower, upper),
        }
        no_charge("affine", "scale", "add", "relax", "directions", "rows", "read", "join")(patch)
        for name in names:
            patch.setattr(module, name, exact[name])

    return plant


def slack_left_behind(patch: Patch) -> None:
    """``|W| r`` is forgotten in affine maps."""
    around(patch, ZonotopeRun, "affine", lambda real, run, node, value: real(run, node, without_slack(value)))


def slack_of_sums_dropped(patch: Patch) -> None:
    around(
        patch,
        ZonotopeRun,
        "sum",
        lambda real, run, node, values: real(run, node, [without_slack(v) for v in values]),
    )


def by_position(patch: Patch) -> None:
    """Row k of one value is added to row k of the other, whatever symbols they stand for."""

    def longest(members: Sequence[Symbols]) -> Symbols:
        return max(members, key=count)

    def runs(members: Sequence[Symbols]) -> list[Segment]:
        counts = [count(m) for m in members]
        ends = sorted({0, *counts})
        return [
            Segment(start, stop, tuple(start if n >= stop else None for n in counts))
            for start, stop in pairwise(ends)
        ]

    for module in (_generators, _forming):
        patch.setattr(module, "union", longest)
        patch.setattr(module, "segments", runs)


def box_clipped(limit: float) -> Callable[[Patch], None]:
    """Functions saturate, so the box of their arguments is cut off."""

    def clipped(real: Callable[..., Any], *given: Any) -> Any:
        lower, upper = real(*given)
        return np.clip(lower, -limit, limit), np.clip(upper, -limit, limit)

    def plant(patch: Patch) -> None:
        for module in (interval, zonotope):
            around(patch, module, "stack_arguments", clipped)

    return plant


def cuts(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Patch], None]:
    """The widths of the cuts are changed."""

    def changed(real: Callable[..., Cuts], run: ZonotopeRun, values: list[Zonotope]) -> Cuts:
        found = real(run, values)
        return Cuts(found.center, found.scale, change(found.width))

    return lambda patch: around(patch, ZonotopeRun, "_cuts", changed)


def cuts_without_slack(patch: Patch) -> None:
    def dropped(real: Callable[..., Cuts], run: ZonotopeRun, values: list[Zonotope]) -> Cuts:
        return real(run, [without_slack(v) for v in values])

    around(patch, ZonotopeRun, "_cuts", dropped)


def fresh_symbols_shrunk(patch: Patch) -> None:
    """The radius of fresh symbols is a hundredth too small."""

    def shrunk(real: Callable[..., Zonotope], run: ZonotopeRun, *arguments: Any) -> Zonotope:
        value = real(run, *arguments)
        diagonal = value.generators.diagonal
        if diagonal is None:
            return value
        smaller = replace(diagonal, values=0.99 * diagonal.values)
        terms = value.generators.pending or value.generators.formed
        return replace(value, generators=_generators.Generators(value.center, terms, smaller))

    around(patch, ZonotopeRun, "elementwise", shrunk)


def exact_coefficients(kind: str) -> Callable[[Patch], None]:
    """``relative_error`` is ignored."""

    def ignored(real: Callable[..., Any], run: Any, node: Affine | Constant | Sum, *values: Any) -> Any:
        return real(run, replace(node, relative_error=0.0), *values)

    def plant(patch: Patch) -> None:
        for run in (IntervalRun, ZonotopeRun):
            around(patch, run, kind, ignored)

    return plant


def next_index(patch: Patch) -> None:
    """Gathers read the neighbour."""

    def moved(real: Callable[..., Any], run: Any, node: Gather, values: list[Any]) -> Any:
        return real(run, replace(node, index=np.maximum(node.index - 1, 0)), values)

    for run in (IntervalRun, ZonotopeRun):
        around(patch, run, "gather", moved)


def fold_into_nothing(patch: Patch) -> None:
    """Folded generators do not reach the slack."""
    patch.setattr(reduction, "absolute_sums", lambda dense: torch.zeros(dense.shape[1:], dtype=dense.dtype))


def box_rounded_inward(patch: Patch) -> None:
    def inward(real: Callable[..., Any], ball: LinfBall, frame: int) -> Any:
        lower, upper = real(ball, frame)
        x = ball.center[:, frame]
        lower, upper = (
            torch.nextafter(torch.nextafter(lower, x), x),
            torch.nextafter(torch.nextafter(upper, x), x),
        )
        return torch.minimum(lower, x), torch.maximum(upper, x)

    around(patch, LinfBall, "box", inward)


def failures_ignored(patch: Patch) -> None:
    """Rows out of range stand as zeros and are believed."""

    def forgetful(real: Callable[..., Any], *given: Any) -> Any:
        found = real(*given)
        given[-1].zero_()
        return found

    for module in (interval, zonotope):
        around(patch, module, "stack_arguments", forgetful)


def signs_dropped(patch: Patch) -> None:
    """Coefficients of sums lose their signs."""

    def positive(real: Callable[..., Any], run: Any, node: Sum, values: list[Any]) -> Any:
        return real(run, replace(node, coefficients=tuple(abs(c) for c in node.coefficients)), values)

    for run in (IntervalRun, ZonotopeRun):
        around(patch, run, "sum", positive)


def ends_not_swapped(patch: Patch) -> None:
    """A negative coefficient keeps the ends of an interval in place."""

    def kept(real: Callable[..., Interval], node: Sum, values: list[Interval]) -> Interval:
        total = sum(c * v.lower for c, v in zip(node.coefficients, values, strict=True))
        upper = sum(c * v.upper for c, v in zip(node.coefficients, values, strict=True))
        assert isinstance(total, torch.Tensor)
        assert isinstance(upper, torch.Tensor)
        return Interval(torch.minimum(total, upper), torch.maximum(total, upper))

    around(patch, interval, "sum_interval", kept)


def weight_without_absolute_value(patch: Patch) -> None:
    """The radius of an affine map is ``|W r|`` instead of ``|W| r``."""

    def signed(real: Callable[..., Interval], node: Affine, value: Interval) -> Interval:
        middle, radius = value.midpoint()
        weight = torch.diag(node.weight) if node.diagonal else node.weight
        center, spread = middle @ weight.T + node.bias, (radius @ weight.T).abs()
        return Interval(center - spread, center + spread)

    around(patch, interval, "affine_interval", signed)


def newest_symbols_lost(patch: Patch) -> None:
    """Values lose their last generator row in affine maps."""

    def lost(real: Callable[..., Any], *given: Any) -> Any:
        found = real(*given)
        return _generators.Generators.of(found.rows[:-1], found.dense[:-1], found.diagonal)

    around(patch, _generators, "dense_map", lost)


def residual_one_sided(patch: Patch) -> None:
    """The middle of the residual is replaced by its lower end."""

    def low(real: Callable[..., Any], lower: np.ndarray, upper: np.ndarray, *given: Any) -> None:
        real(lower, upper, *given)
        given[-2][0] += 0.5 * (lower - upper)

    around(patch, _vectors, "relax_outputs", low)


def second_slope_for_both(patch: Patch) -> None:
    """Generators of both arguments are scaled by the slope of the second."""

    def mixed_up(real: Callable[..., Any], values: list[Any], slopes: list[Any], fresh: Any) -> Any:
        return real(values, [slopes[-1] for _ in values], fresh)

    around(patch, _generators, "scale", mixed_up)


def joined_symbols_too_small(patch: Patch) -> None:
    """Symbols that are joined to one keep a hundredth of their radii."""

    def shrunk(real: Callable[..., Any], run: ZonotopeRun, node: Sum, values: list[Zonotope]) -> Any:
        found = real(run, node, values)
        return found and replace(found, values=0.01 * found.values)

    around(patch, ZonotopeRun, "_joined", shrunk)


def later_terms_lost(patch: Patch) -> None:
    """Generators are formed from all their terms but the last."""
    around(patch, _generators, "form", lambda real, terms, *rest: real(terms[:-1] or terms, *rest))


MUTANTS: dict[str, Mutant] = {
    "zonotope: no slack for rounding": Mutant(no_rounding(zonotope, "up"), "cancelling", eps=(0.0, 1e-12)),
    "zonotope: rows not rounded down": Mutant(no_charge("rows"), "cancelling", eps=(0.0, 1e-12)),
    "interval: no rounding": Mutant(
        no_rounding(interval, "up", "outward"),
        "cancelling",
        Intervals,
        eps=(0.0, 1e-12),
    ),
    "affine maps that cost nothing": Mutant(no_charge("affine"), "cancelling", eps=(0.0, 1e-12)),
    "sums that cost nothing": Mutant(no_charge("add"), "rough sums", eps=(0.0, 1e-12)),
    "sums that cost nothing, intervals": Mutant(no_charge("add"), "rough sums", Intervals, eps=(0.0, 1e-12)),
    "slack left behind by affine maps": Mutant(
        slack_left_behind, "gru", lambda: Zonotopes(reduction=Fold(4))
    ),
    "slack left behind by sums": Mutant(slack_of_sums_dropped, "mixed, rough coefficients"),
    "symbols aliased by position": Mutant(by_position, "mixed"),
    "boxes clipped at 1": Mutant(box_clipped(1.0), "rnn"),
    "boxes clipped at 1, intervals": Mutant(box_clipped(1.0), "lstm", Intervals),
    "cuts half as wide": Mutant(cuts(lambda width: 0.5 * width), "lstm"),
    "cuts a thousandth too narrow": Mutant(cuts(lambda width: 0.999 * width), "lstm"),
    "cuts ignore their direction": Mutant(
        cuts(lambda width: np.repeat(width[:1], len(width), axis=0)), "lstm"
    ),
    "cuts without slack": Mutant(cuts_without_slack, "lstm", lambda: Zonotopes(reduction=Fold(4))),
    "fresh symbols a hundredth too small": Mutant(fresh_symbols_shrunk, "rnn"),
    "errors of constants ignored": Mutant(exact_coefficients("constant"), "mixed, rough coefficients"),
    "errors of affine maps ignored": Mutant(exact_coefficients("affine"), "mixed, rough coefficients"),
    "errors of sums ignored": Mutant(exact_coefficients("sum"), "rough sums"),
    "roundings of constants ignored": Mutant(exact_coefficients("constant"), "mixed, rounded coefficients"),
    "gathers off by one": Mutant(next_index, "gru"),
    "folded generators lost": Mutant(fold_into_nothing, "lstm", lambda: Zonotopes(reduction=Fold(4))),
    "region rounded inward": Mutant(box_rounded_inward, "rnn"),
    "failures ignored": Mutant(failures_ignored, "overflowing", eps=(1.0, 10.0)),
    "failures ignored, intervals": Mutant(failures_ignored, "overflowing", Intervals, eps=(1.0, 10.0)),
    "signs of sums dropped": Mutant(signs_dropped, "mixed"),
    "ends of negative terms not swapped": Mutant(ends_not_swapped, "mixed", Intervals),
    "interval affine map without |W|": Mutant(weight_without_absolute_value, "rnn", Intervals),
    "newest symbols lost": Mutant(newest_symbols_lost, "rnn"),
    "residual centred at its lower end": Mutant(residual_one_sided, "rnn"),
    "joined symbols too small": Mutant(joined_symbols_too_small, "lstm"),
    "later terms lost": Mutant(later_terms_lost, "gru"),
    "slopes of arguments mixed up": Mutant(second_slope_for_both, "gru"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_error_is_found(name: str, monkeypatch: Patch) -> None:
    mutant = MUTANTS[name]
    assert mutant.violations() == []
    mutant.plant(monkeypatch)
    assert mutant.violations() != []
