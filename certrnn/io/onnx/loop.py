"""ONNX Loop nodes whose number of rounds does not depend on the data, unrolled.

tf2onnx writes Keras's SimpleRNN and GRU layers this way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.movement import joined
from certrnn.io.onnx.reader import to_array
from certrnn.io.onnx.tensors import Known, Tensor, entries, known, rearranged

MAX_ROUNDS = 10_000

Step = Callable[[onnx.NodeProto, dict[str, Tensor]], None]
"""Lowers one node, reading from and writing to a scope."""


def unroll(context: NodeContext, scope: dict[str, Tensor], step: Step) -> list[Tensor]:
    """The loop's carried values after the last round, then what every round hands out, stacked.

    Inputs are the greatest number of rounds, a condition (either may be left out), then the carried values; the body
    reads the round's number, the condition and the carried values, and computes the next condition, the next carried
    values and the values handed out.
    """
    body: onnx.GraphProto = context.attribute("body")
    carried = [context.input(i) for i in range(2, len(context.inputs))]
    scans = len(body.output) - 1 - len(carried)
    if len(body.input) != 2 + len(carried) or scans < 0:
        raise context.damaged(
            "the body carries as many values as the loop", (len(body.input), len(body.output))
        )
    limit = context.integers(0, "the number of rounds")[0] if context.has(0) else MAX_ROUNDS + 1
    going = context.constant(1, "the condition") if context.has(1) else Known(np.array(True))
    fixed = {t.name: known(to_array(t, context.where), t.name) for t in body.initializer}
    handed: list[list[Tensor]] = []
    while len(handed) < limit and _true(context, going):
        if len(handed) >= MAX_ROUNDS:
            raise context.refuse(f"a loop ends after at most {MAX_ROUNDS} rounds", "more")
        inner = scope | fixed
        arguments = [Known(np.array(len(handed), dtype=np.int64)), going, *carried]
        inner.update(zip((i.name for i in body.input), arguments, strict=True))
        for node in body.node:
            step(node, inner)
        going, *results = (inner[o.name] for o in body.output)
        carried, found = results[: len(carried)], results[len(carried) :]
        handed.append(found)
    if scans and not handed:
        raise context.refuse("a loop has at least one round", 0)
    context.note(f"unrolled, {len(handed)} rounds")
    return carried + [_stacked(context, [found[k] for found in handed]) for k in range(scans)]


def _true(context: NodeContext, condition: Tensor) -> bool:
    if not isinstance(condition, Known) or condition.array.size != 1:
        raise context.refuse("the condition of a loop is constant", "one that depends on the data")
    return bool(condition.array.reshape(-1)[0])


def _stacked(context: NodeContext, rounds: list[Tensor]) -> Tensor:
    return joined(context, [rearranged(t, entries(t)[None]) for t in rounds], 0)
