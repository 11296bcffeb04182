"""Walking a torch module in a domain: what each kind of module does to frames and vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from certrnn.errors import Unsupported
from certrnn.training.bounds.cells import unroll
from certrnn.training.bounds.domain import Box, Domain, Propagation, V
from certrnn.training.layers import LastStep, stages

Handler = Callable[[Propagation[Any], Any, "list[Any]"], "list[Any]"]
"""Maps the frames of a sequence, or the one vector that is left of it, to frames or one vector."""


def _linear(run: Propagation[V], module: nn.Linear, values: list[V]) -> list[V]:
    return run.project(values, module.weight, module.bias)


def _function(name: str) -> Handler:
    def handle(run: Propagation[V], module: nn.Module, values: list[V]) -> list[V]:
        return [run.apply(name, [value]) for value in values]

    return handle


def _unchanged(run: Propagation[V], module: nn.Module, values: list[V]) -> list[V]:
    return values


def _dropout(run: Propagation[V], module: nn.Dropout, values: list[V]) -> list[V]:
    return [_dropped(run, value, module.p) for value in values] if module.training and module.p else values


def _dropped(run: Propagation[V], value: V, share: float) -> V:
    """A mask of its own: not the one that the network itself draws in the same step."""
    like = run.bounds(value)[0]
    return run.scale(value, nn.functional.dropout(torch.ones_like(like), share))


def _flatten(run: Propagation[V], module: nn.Flatten, values: list[V]) -> list[V]:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise Unsupported("bounding nn.Flatten", "all axes but the batch are joined", module)
    return [run.join(values)] if len(values) > 1 else values


def _last_step(run: Propagation[V], module: LastStep, values: list[V]) -> list[V]:
    recurrent, frames = module.recurrent, list(values)
    ends: list[V] = []
    for layer in range(recurrent.num_layers):
        if layer and recurrent.training and recurrent.dropout:
            frames = [_dropped(run, frame, recurrent.dropout) for frame in frames]
        forward = unroll(run, recurrent, frames, layer, reverse=False)
        if recurrent.bidirectional:
            backward = unroll(run, recurrent, frames, layer, reverse=True)
            ends = [forward[-1], backward[0]]
            if layer + 1 < recurrent.num_layers:
                frames = [run.join(both) for both in zip(forward, backward, strict=True)]
        else:
            ends, frames = [forward[-1]], forward
    return [run.join(ends)] if len(ends) > 1 else ends


HANDLERS: dict[type[nn.Module], Handler] = {
    nn.Linear: _linear,
    nn.ReLU: _function("relu"),
    nn.Tanh: _function("tanh"),
    nn.Sigmoid: _function("sigmoid"),
    nn.Dropout: _dropout,
    nn.Identity: _unchanged,
    nn.Flatten: _flatten,
    LastStep: _last_step,
}
"""Modules that may stand in an ``nn.Sequential`` that is bounded. A person's own kind is added by its class."""


def margins(module: nn.Module, box: Box, rows: Tensor, offset: Tensor, domain: Domain) -> Tensor:
    """Lower bounds (B, K) of ``rows @ scores + offset`` over the box, differentiable, in ordinary floating point.

    The last linear layer is merged into the rows, so that what two scores share cancels.

    Args:
        module: takes vectors (B, frames, features); an ``nn.Embedding`` at its beginning is left out, the box being one
            of word vectors.
        box: the input sequences.
        rows: (B, K, scores).
        offset: (B, K).
        domain: of :data:`certrnn.training.bounds.DOMAINS`.

    Raises:
        Unsupported: a part of the module has no handler.
    """
    run = domain.start()
    parts = list(_above_words(module))
    merged = parts[-1] if parts and isinstance(parts[-1], nn.Linear) else None
    value = _walk(run, parts if merged is None else parts[:-1], box)
    if merged is not None:
        if merged.bias is not None:
            offset = offset + rows @ merged.bias
        rows = rows @ merged.weight
    return run.lower(value, rows, offset)


def bounds(module: nn.Module, box: Box, domain: Domain) -> tuple[Tensor, Tensor]:
    """Bounds (lower, upper) of the scores, each (B, scores), as :func:`margins` finds them."""
    run = domain.start()
    return run.bounds(_walk(run, _above_words(module), box))


def _above_words(module: nn.Module) -> Sequence[nn.Module]:
    parts = stages(module)
    return parts[1:] if isinstance(parts[0], nn.Embedding) else parts


def _walk(run: Propagation[V], parts: Sequence[nn.Module], box: Box) -> V:
    values = run.frames(box)
    for part in parts:
        handler = HANDLERS.get(type(part))
        if handler is None:
            known = ", ".join(["nn.Embedding (first)", *(kind.__name__ for kind in HANDLERS)])
            remedy = "Take it apart into these, or add its kind to certrnn.training.bounds.HANDLERS."
            raise Unsupported(
                "bounding a module", f"it is an nn.Sequential of {known}", type(part).__name__, remedy
            )
        values = handler(run, part, values)
    if len(values) != 1:
        raise Unsupported(
            "bounding a module",
            "one vector of scores is left of a sequence",
            f"{len(values)} frames",
            "Put a LastStep or an nn.Flatten before the head.",
        )
    return values[0]
