"""Runs: a question, put to batches of samples, answered row by row."""

from certrnn.run.opponent import Opponent
from certrnn.run.query import Query, eps_numbers, eps_values, spelled_frames
from certrnn.run.rows import Adversary, Tick, answer
from certrnn.run.sequences import Batch, Sequences

__all__ = [
    "Adversary",
    "Batch",
    "Opponent",
    "Query",
    "Sequences",
    "Tick",
    "answer",
    "eps_numbers",
    "eps_values",
    "spelled_frames",
]
