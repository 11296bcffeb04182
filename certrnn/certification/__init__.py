"""Certification: a question, put to batches of samples, answered row by row."""

from certrnn.certification.batch import Falsifier, Tick, answer
from certrnn.certification.falsifier import AttackFalsifier
from certrnn.certification.problem import FrameSet, Problem, parse_frames
from certrnn.certification.query import Query, eps_numbers, eps_values, spelled_frames
from certrnn.certification.radii import margins, radii, undisturbed

__all__ = [
    "AttackFalsifier",
    "Falsifier",
    "FrameSet",
    "Problem",
    "Query",
    "Tick",
    "answer",
    "eps_numbers",
    "eps_values",
    "margins",
    "parse_frames",
    "radii",
    "spelled_frames",
    "undisturbed",
]
