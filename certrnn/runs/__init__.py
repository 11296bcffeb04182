"""Runs in a folder: begun, gone on with after whatever stopped them, and shared between machines."""

from certrnn.runs.api import Settings, again, asked_again, question_in, run, same_model, stream

__all__ = ["Settings", "again", "asked_again", "question_in", "run", "same_model", "stream"]
