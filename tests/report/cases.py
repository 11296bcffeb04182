"""Rows and results that the tests of the reports share."""

from __future__ import annotations

from typing import Any

from certrnn.results.certificates import Results
from certrnn.results.row import Row

HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"' onload=alert(1) x='",
    "</style><img src=x onerror=alert(2)>",
    "\u202egnp.onnx\u2066\u200f",
    "lone \ud800 surrogate",
    "{{ 7 * 7 }} {% raw %} $\\alpha$ ]]> --> &lt;",
    "line\nbreak \x00\x07",
)
"""Texts that a path or a note may hold."""


def row(sample: int, certified: float | None, attacked: float | None = None, **changes: Any) -> Row:
    """A searched row of all frames; certified 0 is ``unknown``, None is ``misclassified``."""
    verdict = "misclassified" if certified is None else "certified" if certified else "unknown"
    fields: dict[str, Any] = {
        "sample": sample,
        "frames": "all",
        "label": 1,
        "prediction": 2 if certified is None else 1,
        "verdict": verdict,
        "eps": None,
        "eps_certified": certified,
        "eps_attacked": attacked,
        "ratio": certified / attacked if certified and attacked else None,
        "margin": 0.5 if certified else None,
        "method": "zonotope",
        "seconds": 0.25,
    }
    return Row(**{**fields, **changes})


def results(*rows: Row, path: str = "model.onnx", **changes: Any) -> Results:
    """Results of rows."""
    return Results(path, "ab" * 32, rows, **changes)
