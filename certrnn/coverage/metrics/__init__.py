"""Coverage metrics: which units of a recurrent layer the samples have exercised, and how.

To add one, write a frozen dataclass that derives from :class:`Metric` in a file of its own: ``values`` are the numbers
of a layer that decide (B, S, E), ``covered`` says which of K sections each of them covers. Name it in :data:`METRICS`;
the laws of tests/coverage then hold it to lie in [0, 1], never to fall as samples come, and not to depend on their
order. A minimal one, which counts units that were ever positive:

>>> from dataclasses import dataclass
>>> import torch
>>> @dataclass(frozen=True)
... class Positive(Metric):
...     def values(self, layer):
...         return layer.h
...
...     def covered(self, values):
...         return (values > 0)[:, None]
>>> states = torch.tensor([[[0.5, -0.5]]])
>>> Positive().covered(states).tolist()
[[[[True, False]]]]
>>> METRICS["hs"].covered(states).tolist()
[[[[True, False]]]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from certrnn.coverage.gates import GATES
from certrnn.coverage.metrics.cell_state import CellStates
from certrnn.coverage.metrics.dx import DeepXplore
from certrnn.coverage.metrics.gate import Gate
from certrnn.coverage.metrics.hidden_state import HiddenStates
from certrnn.coverage.metrics.metric import Metric
from certrnn.coverage.metrics.split_gate import SplitGate
from certrnn.coverage.sections import ranges
from certrnn.errors import UsageError

KINDS = {"gates": Gate, "split": SplitGate}
"""What stands for a gate: its own arguments, or what the authors' code takes."""


@dataclass(frozen=True)
class MetricOptions:
    """How metrics are counted.

    Args:
        hs_top: share of a hidden vector that counts as its largest; None for the maximum.
        threshold: of DX.
        sections: ``paper``, ``ptb`` or ``spell``.
        gates: ``gates`` for the gates' arguments, ``split`` for what the authors' code takes instead.
        dx_mean: the neuron of DX is the mean of a hidden vector.
    """

    hs_top: float | None = None
    threshold: float = 0.5
    sections: str = "paper"
    gates: str = "gates"
    dx_mean: bool = False


def metrics(options: MetricOptions | None = None) -> dict[str, Metric]:
    """Every metric by its name, counted as the options say.

    Raises:
        UsageError: an option makes no sense.
    """
    settings = options or MetricOptions()
    if settings.gates not in KINDS:
        raise UsageError("reading --gates", f"it is one of {', '.join(KINDS)}", repr(settings.gates))
    own, gate = ranges(settings.sections), KINDS[settings.gates]
    table: dict[str, Metric] = {"hs": HiddenStates(settings.hs_top), "cs": CellStates(own.tanh)}
    for name in GATES:
        table[f"gate-{name}"] = gate(name, own.tanh if name == "n" else own.sigmoid)
    return table | {"dx": DeepXplore(settings.threshold, settings.dx_mean)}


METRICS: Mapping[str, Metric] = metrics()
"""Every metric with its default options, by the name that ``certrnn coverage --metrics`` takes."""


def chosen(names: Sequence[str] | None, options: MetricOptions | None = None) -> dict[str, Metric]:
    """The metrics of these names, all for None; ``gate`` stands for every gate.

    Raises:
        UsageError: there is no metric of a name, or an option makes no sense.
    """
    every = metrics(options)
    if names is None:
        return every
    selection: dict[str, Metric] = {}
    for name in names:
        some = {k: m for k, m in every.items() if name in (k, k.partition("-")[0])}
        if not some:
            known = ", ".join(["hs", "cs", "gate", "dx", *(f"gate-{gate}" for gate in GATES)])
            raise UsageError("reading --metrics", f"a metric is one of {known}", repr(name))
        selection |= some
    return selection


__all__ = [
    "METRICS",
    "CellStates",
    "DeepXplore",
    "Gate",
    "HiddenStates",
    "Metric",
    "MetricOptions",
    "SplitGate",
    "chosen",
    "metrics",
]
