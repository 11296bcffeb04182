"""Pad and ReverseSequence."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Known, Tensor, check_elements, entries, rearranged


def pad(node: NodeContext) -> list[Tensor]:
    """Pad with a constant, or by reflecting, repeating or wrapping entries; negative counts cut."""
    source = node.input(0)
    counts = _counts(node, len(source.shape))
    lengths = [n + before + after for n, (before, after) in zip(source.shape, counts, strict=True)]
    if min([0, *lengths, *(n + min(c) for n, c in zip(source.shape, counts, strict=True))]) < 0:
        raise node.damaged(f"no more is cut off than axes {source.shape} have", counts)
    check_elements(node.where, int(np.prod(lengths, dtype=object)))
    cut = entries(source)[
        tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(source.shape, counts, strict=True))
    ]
    width = [(max(0, before), max(0, after)) for before, after in counts]
    mode = str(node.attribute("mode", "constant"))
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise node.damaged("mode is constant, reflect, edge or wrap", mode)
    if mode != "constant":
        return [rearranged(source, np.pad(cut, width, mode=mode))]  # type: ignore[call-overload]
    if not any(before or after for before, after in width):
        return [rearranged(source, cut)]
    return [_filled(node, source, cut, width)]


def _counts(node: NodeContext, rank: int) -> list[tuple[int, int]]:
    """Entries added before and after along each axis."""
    pads = node.integers(1, "pads") if node.has(1) else [int(v) for v in node.attribute("pads", [])]
    axes = [node.axis(a, rank) for a in node.integers(3, "axes")] if node.has(3) else list(range(rank))
    if len(pads) != 2 * len(axes):
        raise node.damaged(f"pads holds {2 * len(axes)} counts", pads)
    ends = {a: (pads[i], pads[i + len(axes)]) for i, a in enumerate(axes)}
    return [ends.get(a, (0, 0)) for a in range(rank)]


def _filled(node: NodeContext, source: Tensor, cut: np.ndarray, width: list[tuple[int, int]]) -> Tensor:
    """Entries of ``source`` between copies of the value, which has an error of its own."""
    filling = node.constant(2, "the value") if node.has(2) else None
    if filling is None:
        filling = Known(np.asarray(float(node.attribute("value", 0.0))))
    if filling.array.size != 1:
        raise node.damaged("the value is one number", filling.shape)
    if isinstance(source, Known):
        value = filling.array.reshape(-1)[0]
        error = max(source.relative_error, filling.relative_error)
        return Known(np.pad(cut, width, constant_values=value), error, source.name, source.kind)
    view = node.as_view(source)
    one = Known(filling.array.reshape(-1), filling.relative_error, filling.name)
    value = node.space.constant(one, node.where).ids[0]
    return rearranged(view, np.pad(cut, width, constant_values=value))


def reverse_sequence(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    lengths = node.integers(1, "sequence_lens")
    time, batch = int(node.attribute("time_axis", 0)), int(node.attribute("batch_axis", 1))
    if {time, batch} != {0, 1} or len(source.shape) < 2 or len(lengths) != source.shape[batch]:
        raise node.damaged(
            "axes 0 and 1 are time and batch, with one length a sample", (time, batch, lengths)
        )
    moved = np.moveaxis(entries(source), (time, batch), (0, 1)).copy()
    for sample, length in enumerate(lengths):
        if not 0 < length <= moved.shape[0]:
            raise node.damaged(f"a length lies in 1 to {moved.shape[0]}", length)
        moved[:length, sample] = moved[:length, sample][::-1]
    return [rearranged(source, np.moveaxis(moved, (0, 1), (time, batch)))]
