"""ONNX Loop and Scan nodes whose number of rounds does not depend on the data, unrolled, and If nodes likewise.

tf2onnx writes Keras's SimpleRNN and GRU layers as Loop nodes; a Scan is a cell written out, run along an axis.
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
    fixed = _fixed(context, body)
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
        carried, outputs = results[: len(carried)], results[len(carried) :]
        handed.append(outputs)
    if scans and not handed:
        raise context.refuse("a loop has at least one round", 0)
    context.note(f"unrolled, {len(handed)} rounds")
    return carried + [_stacked(context, [outputs[k] for outputs in handed]) for k in range(scans)]


def scan(context: NodeContext, scope: dict[str, Tensor], step: Step) -> list[Tensor]:
    """The states after the last round, then what every round hands out, side by side along its axis.

    Inputs are the first states, then tensors that are read slice after slice, in the same round one of each; the body
    reads the states and these slices, and computes the next states and what is handed out.
    """
    body: onnx.GraphProto = context.attribute("body")
    read = int(context.attribute("num_scan_inputs", 0))
    states = [context.input(i) for i in range(len(context.inputs) - read)] if context.opset >= 9 else []
    handing = len(body.output) - len(states)
    if context.opset < 9:
        raise context.refuse("a Scan is of operator set 9 or newer", context.opset)
    if not 0 < read <= len(context.inputs) or len(body.input) != len(context.inputs) or handing < 0:
        raise context.damaged("the body reads what the scan gives it", (len(body.input), len(body.output)))
    series = [
        _slices(context, context.input(len(states) + k), axis, backward)
        for k, (axis, backward) in enumerate(_ways(context, "input", read))
    ]
    rounds = len(series[0])
    if not rounds or any(len(one) != rounds for one in series):
        raise context.damaged("all that is scanned has one length, at least 1", [len(one) for one in series])
    fixed, names = _fixed(context, body), [i.name for i in body.input]
    handed: list[list[Tensor]] = []
    for k in range(rounds):
        inner = scope | fixed
        inner.update(zip(names, [*states, *(one[k] for one in series)], strict=True))
        for node in body.node:
            step(node, inner)
        results = [inner[o.name] for o in body.output]
        states, outputs = results[: len(states)], results[len(states) :]
        handed.append(outputs)
    context.note(f"unrolled, {rounds} rounds")
    ways = _ways(context, "output", handing)
    return states + [
        _stacked(context, [outputs[k] for outputs in (handed[::-1] if backward else handed)], axis)
        for k, (axis, backward) in enumerate(ways)
    ]


def _ways(context: NodeContext, which: str, count: int) -> list[tuple[int, bool]]:
    """For each scanned input or output its axis, and whether it is read or filled from the end."""
    axes = context.attribute(f"scan_{which}_axes", [0] * count)
    directions = context.attribute(f"scan_{which}_directions", [0] * count)
    if len(axes) != count or len(directions) != count or not set(directions) <= {0, 1}:
        raise context.damaged(f"axes and directions are given for each scanned {which}", (axes, directions))
    return list(zip(axes, (direction == 1 for direction in directions), strict=True))


def _slices(context: NodeContext, tensor: Tensor, axis: int, backward: bool) -> list[Tensor]:
    places = np.moveaxis(entries(tensor), context.axis(axis, len(tensor.shape)), 0)
    slices = [rearranged(tensor, places[k]) for k in range(min(len(places), MAX_ROUNDS + 1))]
    if len(slices) > MAX_ROUNDS:
        raise context.refuse(f"a scan ends after at most {MAX_ROUNDS} rounds", len(places))
    return slices[::-1] if backward else slices


def _fixed(context: NodeContext, body: onnx.GraphProto) -> dict[str, Tensor]:
    return {t.name: known(to_array(t, context.where), t.name) for t in body.initializer}


def _true(context: NodeContext, condition: Tensor) -> bool:
    if not isinstance(condition, Known) or condition.array.size != 1:
        raise context.refuse("the condition of a loop is constant", "one that depends on the data")
    return bool(condition.array.reshape(-1)[0])


def _stacked(context: NodeContext, rounds: list[Tensor], axis: int = 0) -> Tensor:
    axis = context.axis(axis, len(rounds[0].shape) + 1)
    return joined(context, [rearranged(t, np.expand_dims(entries(t), axis)) for t in rounds], axis)


def branch(context: NodeContext, scope: dict[str, Tensor], step: Step) -> list[Tensor]:
    """An If whose condition is known: the nodes of the branch it takes."""
    condition = context.constant(0, "the condition").array.reshape(-1)
    taken: onnx.GraphProto = context.attribute("then_branch" if bool(condition[0]) else "else_branch")
    inner = scope | _fixed(context, taken)
    for node in taken.node:
        step(node, inner)
    context.note(f"folded, its condition is always {bool(condition[0])}")
    return [inner[o.name] for o in taken.output]
