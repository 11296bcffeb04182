"""Samples as a network takes them: sequences of frames, with their labels and what was done to them."""

from certrnn.datasets.sequences import Batch, Sequences

__all__ = ["Batch", "Sequences"]
