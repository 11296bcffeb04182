"""The far end of a run: ``python -m certrnn.runs.worker`` reads a model and tasks from a pipe, and writes rows."""

from __future__ import annotations

from certrnn.runs.answerer import opening
from certrnn.runs.executors.serving import serve

if __name__ == "__main__":
    serve(opening)
