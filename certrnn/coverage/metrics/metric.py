"""What a coverage metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from certrnn.coverage.sections import Sections
from certrnn.coverage.trace import LayerTrace


class Metric(ABC):
    """Says which units of a recurrent layer a sample covers at which step.

    ``sections`` are those of its values; None where a unit is covered or not.
    """

    @property
    def sections(self) -> Sections | None:
        """The sections that are counted apart, or None."""
        return None

    @abstractmethod
    def values(self, layer: LayerTrace) -> torch.Tensor | None:
        """(B, S, E) the values that decide, differentiable; None where the layer has none."""

    @abstractmethod
    def covered(self, values: torch.Tensor) -> torch.Tensor:
        """(B, K, S, E) what values (B, S, E) cover, in each of K sections."""

    @property
    def names(self) -> tuple[str, ...]:
        """The sections as they are shown; one empty name where there are none."""
        return ("",) if self.sections is None else self.sections.names
