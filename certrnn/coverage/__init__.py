"""Coverage of recurrent states: what a set of samples has exercised inside a network.

:func:`trace` evaluates every hidden state, cell state and gate; :data:`METRICS` say what of them counts, one file a
metric in :mod:`certrnn.coverage.metrics`, which says how to add one; a :class:`Record` keeps for every step, unit and
section the first sample that covered it.

>>> import torch
>>> from certrnn.examples import resolve
>>> from certrnn.io.onnx import read
>>> found = trace(read(resolve("example:digits_lstm")), torch.zeros(3, 8, 8, dtype=torch.float64))
>>> [(layer.kind, tuple(layer.h.shape)) for layer in found.layers]
[('LSTM', (3, 8, 32))]
>>> kept = Record(METRICS["cs"], steps=8).after(found, [0, 1, 2])
>>> kept.coverage().shape, kept.total
((5,), 256)

Source: Guo et al., RNN-Test: Towards adversarial testing for recurrent neural network systems.
"""

from certrnn.coverage.metrics import METRICS, Metric, MetricOptions, chosen
from certrnn.coverage.record import LayerRecord, Record, record
from certrnn.coverage.sections import RANGES, Ranges, Sections
from certrnn.coverage.trace import LayerTrace, Trace, Tracer, trace

__all__ = [
    "METRICS",
    "RANGES",
    "LayerRecord",
    "LayerTrace",
    "Metric",
    "MetricOptions",
    "Ranges",
    "Record",
    "Sections",
    "Trace",
    "Tracer",
    "chosen",
    "record",
    "trace",
]
