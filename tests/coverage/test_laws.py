"""Laws of every registered metric, and that coverage is what a plain numpy loop over torch's states counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.coverage import (
    METRICS,
    LayerTrace,
    Metric,
    MetricOptions,
    Record,
    Sections,
    Trace,
    chosen,
    record,
    trace,
)
from certrnn.coverage.record import NEVER
from certrnn.errors import UsageError
from tests.coverage.networks import SHAPES, Shape, example, exported, made, numpy_states, sigmoid, vectors

SAMPLES, STEPS = 12, 6
VARIANTS: dict[str, MetricOptions] = {
    "default": MetricOptions(),
    "options": MetricOptions(hs_top=0.4, threshold=0.75, sections="ptb"),
    "authors": MetricOptions(hs_top=0.01, sections="spell", gates="split", dx_mean=True),
}
PAPER = ((0.0, 0.1, 0.4, 0.6, 0.9, 1.0), (-1.0, -0.8, -0.2, 0.2, 0.8, 1.0))
ENDS = {
    "default": PAPER,
    "options": ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (-1.0, -0.75, -0.2, 0.2, 0.75, 1.0)),
    "authors": ((0.0, 0.3, 0.4, 0.6, 0.7, 1.0), (-1.0, -0.7, -0.2, 0.2, 0.7, 1.0)),
}
QUARTERS = ("gate-i", "gate-n", "gate-f", "gate-o")
EDGE = 1e-9
"""How far a value must lie from where its section ends, for float64 to say which one it is in."""


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Trace, Any, Shape]:
    shape = request.param
    net, x = made(shape, seed=5), example(shape, SAMPLES, seed=6)
    file = tmp_path_factory.mktemp("networks") / "m.onnx"
    return trace(exported(net, file), vectors(net, x)), (net, x), shape


def part(found: Trace, rows: list[int]) -> Trace:
    """The trace of some of the samples."""
    layers = [
        replace(
            one,
            x=one.x[rows],
            h=one.h[rows],
            c=None if one.c is None else one.c[rows],
            start=tuple(s[rows] for s in one.start),
        )
        for one in found.layers
    ]
    return Trace(tuple(layers))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", METRICS)
def test_coverage_is_what_numpy_counts(name: str, variant: str, case: tuple[Trace, Any, Shape]) -> None:
    found, (net, x), _ = case
    kept = record(chosen([name], VARIANTS[variant])[name], found, range(SAMPLES), STEPS)
    counted = [counts(own, name, variant, below) for own, below in states(net, x)]
    present = [one for one in counted if one is not None]
    assert len(kept.layers) == len(present)
    for layer, (inside, sure) in zip(kept.layers, present, strict=True):
        assert sure.mean() > 0.99  # what rounding may decide is left out, and there is next to nothing
        want = inside.any(axis=0)
        decided = sure.all(axis=0)
        assert np.array_equal(layer.covered[:, decided], want[:, decided])
        shares = want.mean(axis=(1, 2))
        if decided.all() and len(present) == 1:
            np.testing.assert_allclose(kept.coverage(), shares, rtol=0, atol=1e-15)


def states(net: Any, x: torch.Tensor) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Every layer and direction: its states, and what a step of the authors' gates is cut from."""
    runs, below, out = numpy_states(net, x), vectors(net, x).numpy(), []
    each = 2 if net.shape.bidirectional else 1
    for k in range(0, len(runs), each):
        for d in range(each):
            h = runs[k + d]["h"]
            zero = np.zeros_like(h[:, :1])
            before = np.concatenate([h[:, 1:], zero] if d else [zero, h[:, :-1]], axis=1)
            out.append((runs[k + d], np.concatenate([below, before], axis=2)))
        below = np.concatenate([run["h"] for run in runs[k : k + each]], axis=2)
    return out


def counts(
    own: dict[str, np.ndarray], name: str, variant: str, joined: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """(B, K, S, E) what is covered and (B, S, E) whether float64 can tell, by loops over vectors and sections."""
    h, options = own["h"], VARIANTS[variant]
    if name == "hs":
        top = 1 if options.hs_top is None else max(1, round(options.hs_top * h.shape[2]))
        order = np.sort(h, axis=2)[..., ::-1]
        least = order[..., top - 1 : top]
        gap = np.abs(h - least)
        sure = (gap == 0) | (gap > EDGE)
        return (h >= least)[:, None], sure
    if name == "dx":
        neurons = h.mean(axis=2, keepdims=True) if options.dx_mean else h
        out = np.empty_like(neurons)
        for b, sample in enumerate(neurons):
            out[b] = (sample - sample.min()) / (sample.max() - sample.min())
        return (out > options.threshold)[:, None], np.abs(out - options.threshold) > EDGE
    ends = ENDS[variant][1 if name in ("cs", "gate-n") else 0]
    function = np.tanh if name in ("cs", "gate-n") else sigmoid
    if name != "cs" and options.gates == "split":
        if "c" not in own or name not in QUARTERS:
            return None
        argument = np.array_split(joined, 4, axis=2)[QUARTERS.index(name)]
    else:
        argument = own.get("c" if name == "cs" else name.removeprefix("gate-"))  # type: ignore[assignment]
    if argument is None:
        return None
    values = function(argument)
    inside = [(low <= values) & (values <= high) for low, high in pairwise(ends)]
    return np.stack(inside, axis=1), np.min([np.abs(values - end) for end in ends], axis=0) > EDGE


def hold(metric: Metric, found: Trace) -> None:
    """In [0, 1], never falling as samples come, of any order, and in halves as at once."""
    whole = record(metric, found, range(SAMPLES), STEPS)
    grown, before = Record(metric, STEPS), np.zeros(len(metric.names))
    order = np.random.default_rng(0).permutation(SAMPLES).tolist()
    for place in order:
        grown = grown.after(part(found, [place]), [place])
        now = grown.coverage()
        assert np.all((now >= before) & (now <= 1))
        before = now
    halves = [record(metric, part(found, rows), rows, STEPS) for rows in (order[:5], order[5:])]
    for other in (grown, halves[0].merged(halves[1]), halves[1].merged(halves[0])):
        assert other.samples == whole.samples
        assert [layer.name for layer in other.layers] == [layer.name for layer in whole.layers]
        for mine, theirs in zip(other.layers, whole.layers, strict=True):
            assert np.array_equal(mine.first, theirs.first)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", METRICS)
def test_laws(name: str, variant: str, case: tuple[Trace, Any, Shape]) -> None:
    hold(chosen([name], VARIANTS[variant])[name], case[0])


@dataclass(frozen=True)
class LargestOfTheBatch(Metric):
    """Wrong: what a sample covers depends on those beside it."""

    def values(self, layer: LayerTrace) -> torch.Tensor:
        return layer.h

    def covered(self, values: torch.Tensor) -> torch.Tensor:
        return (values >= values.amax(0, True))[:, None]


def test_the_laws_see_a_metric_that_breaks_them(case: tuple[Trace, Any, Shape]) -> None:
    with pytest.raises(AssertionError):
        hold(LargestOfTheBatch(), case[0])


@pytest.mark.parametrize("name", METRICS)
def test_the_curve_is_the_coverage_of_the_first_samples(name: str, case: tuple[Trace, Any, Shape]) -> None:
    found, _, _ = case
    metric = METRICS[name]
    numbers = [3 * k + 2 for k in range(SAMPLES)]  # numbers need not be consecutive
    curve = record(metric, found, numbers, STEPS).curve()
    assert curve.shape == (SAMPLES + 1, len(metric.names))
    assert not curve[0].any()
    for count in range(1, SAMPLES + 1):
        first = record(metric, part(found, list(range(count))), numbers[:count], STEPS)
        np.testing.assert_allclose(curve[count], first.coverage(), rtol=0, atol=1e-15)


def test_units_that_were_never_covered_are_named(case: tuple[Trace, Any, Shape]) -> None:
    found, _, _ = case
    kept = record(METRICS["hs"], found, range(SAMPLES), STEPS)
    for layer, (name, never) in zip(found.layers, kept.never(), strict=True):
        largest = {int(unit) for unit in layer.h.argmax(dim=2).flatten()}
        assert name == layer.name
        assert set(np.flatnonzero(~never[0])) == largest


def test_a_first_sample_stays_the_first(case: tuple[Trace, Any, Shape]) -> None:
    found, _, _ = case
    kept = record(METRICS["dx"], found, range(SAMPLES), STEPS)
    values = METRICS["dx"].values(found.layers[0])
    assert values is not None
    over = METRICS["dx"].covered(values)[:, 0].numpy()
    first = np.where(over.any(axis=0), over.argmax(axis=0), NEVER)
    assert np.array_equal(kept.layers[0].first[0], first)


def test_shorter_samples_leave_the_last_steps_open_and_longer_ones_are_refused(
    case: tuple[Trace, Any, Shape],
) -> None:
    found, _, _ = case
    roomy = record(METRICS["dx"], found, range(SAMPLES), STEPS + 2)
    assert not roomy.layers[0].covered[:, STEPS:].any()
    with pytest.raises(UsageError, match="at most 5 steps; got 6"):
        record(METRICS["dx"], found, range(SAMPLES), STEPS - 1)


def test_records_of_different_metrics_do_not_merge(case: tuple[Trace, Any, Shape]) -> None:
    found, _, _ = case
    hs, dx = (record(METRICS[name], found, range(SAMPLES), STEPS) for name in ("hs", "dx"))
    with pytest.raises(UsageError, match="merging records"):
        hs.merged(dx)


def test_states_that_are_all_alike_are_scaled_to_zero() -> None:
    flat = torch.ones(1, 2, 3, dtype=torch.float64)
    layer = LayerTrace("one", "RNN", None, False, flat, flat, None, (flat[:, 0],))  # type: ignore[arg-type]
    values = METRICS["dx"].values(layer)
    assert values is not None
    assert not METRICS["dx"].covered(values).any()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"hs_top": 0.0}, "--hs-top"),
        ({"threshold": 1.0}, "--threshold"),
        ({"sections": "wide"}, "--sections"),
        ({"gates": "halves"}, "--gates"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        chosen(None, MetricOptions(**options))


def test_gate_stands_for_every_gate_and_others_are_refused() -> None:
    assert list(chosen(["gate"])) == [f"gate-{gate}" for gate in "ifonzr"]
    assert list(chosen(["dx", "gate-f"])) == ["dx", "gate-f"]
    with pytest.raises(UsageError, match="a metric is one of hs, cs"):
        chosen(["gates"])
    with pytest.raises(UsageError, match="ascend"):
        Sections((0.0, 0.0))


def test_a_value_at_an_end_lies_in_both_sections_and_one_outside_in_none() -> None:
    held = Sections((0.0, 0.5, 1.0)).hold(torch.tensor([[0.5, 1.5, 1.0]]))
    assert held.tolist() == [[[True, False, False], [True, False, True]]]
