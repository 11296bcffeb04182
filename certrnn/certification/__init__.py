"""Certification: a question, put to batches of samples, answered row by row."""

from certrnn.certification.batch import Adversary, Tick, answer
from certrnn.certification.falsifier import Opponent
from certrnn.certification.problem import Problem, Threat, parse_threats
from certrnn.certification.query import Query, eps_numbers, eps_values, spelled_frames
from certrnn.certification.radii import margins, radii, undisturbed

__all__ = [
    "Adversary",
    "Opponent",
    "Problem",
    "Query",
    "Threat",
    "Tick",
    "answer",
    "eps_numbers",
    "eps_values",
    "margins",
    "parse_threats",
    "radii",
    "spelled_frames",
    "undisturbed",
]
