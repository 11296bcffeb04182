"""The only seam between torch tensors and the numpy arrays that the compiled kernels work on."""

from __future__ import annotations

import numpy as np
import torch


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A numpy view of a CPU tensor (no copy); a copy of a tensor that lives elsewhere or carries a gradient."""
    if tensor.requires_grad or tensor.device.type != "cpu":
        tensor = tensor.detach().cpu()
    return tensor.numpy()


def to_tensor(array: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """The array as a float64 tensor on the device of ``like``; no copy on the CPU."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64)).to(like.device)
