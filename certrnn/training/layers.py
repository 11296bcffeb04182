"""Parts of networks that torch does not have as modules, and how a module is taken apart."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from certrnn.errors import Unsupported

Recurrent = nn.RNN | nn.LSTM | nn.GRU


class LastStep(nn.Module):
    """A recurrent layer and its output at the last step it takes, for use in ``nn.Sequential``.

    Maps (B, frames, features) to (B, directions * hidden): of a bidirectional layer the output at the last frame in
    one direction beside the one at the first frame in the other.

    Args:
        recurrent: an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` with ``batch_first=True``.

    Raises:
        Unsupported: its axes are in another order, or it projects its states.

    >>> LastStep(nn.GRU(3, 5, batch_first=True, bidirectional=True))(torch.zeros(2, 4, 3)).shape
    torch.Size([2, 10])
    """

    def __init__(self, recurrent: Recurrent) -> None:
        super().__init__()
        if not isinstance(recurrent, nn.RNN | nn.LSTM | nn.GRU):
            raise _refusal("the layer is an nn.RNN, nn.LSTM or nn.GRU", type(recurrent).__name__)
        if not recurrent.batch_first:
            raise _refusal("batch_first is True", False)
        if recurrent.proj_size:
            raise _refusal("proj_size is 0", recurrent.proj_size)
        self.recurrent = recurrent

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (B, directions * hidden) of sequences (B, frames, features)."""
        steps = self.recurrent(x)[0]
        if not self.recurrent.bidirectional:
            return steps[:, -1]
        hidden = self.recurrent.hidden_size
        return torch.cat([steps[:, -1, :hidden], steps[:, 0, hidden:]], dim=1)


def _refusal(requirement: str, received: object) -> Unsupported:
    return Unsupported("making a LastStep", requirement, received)


def stages(module: nn.Module) -> tuple[nn.Module, ...]:
    """The parts of a module one after the other, ``nn.Sequential`` taken apart."""
    if isinstance(module, nn.Sequential):
        return tuple(stage for part in module for stage in stages(part))
    return (module,)


def vectors_of(module: nn.Module, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The vectors (B, frames, features) that an input becomes, and what the network makes of such vectors.

    Word vectors where the network begins with an ``nn.Embedding`` and ``x`` holds words (B, frames); ``x`` itself
    where it holds numbers.
    """
    if x.is_floating_point():
        return x, module
    first, *rest = stages(module)
    if not isinstance(first, nn.Embedding):
        raise Unsupported(
            "looking words up",
            "a network of words is an nn.Sequential that begins with an nn.Embedding",
            type(first).__name__,
            "Or pass the word vectors themselves as x.",
        )

    def above(vectors: Tensor) -> Tensor:
        for stage in rest:
            vectors = stage(vectors)
        return vectors

    return first(x), above
