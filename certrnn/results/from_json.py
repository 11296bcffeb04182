"""Results read back from the JSON document of ``certify --json``; whatever does not fit it is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from certrnn.errors import InvalidInput
from certrnn.results.certificates import Results, ordered
from certrnn.results.changes import Change
from certrnn.results.extent import Extent
from certrnn.results.question import Question, read
from certrnn.results.row import VERDICTS, Row

_NUMBERS = ("eps", "eps_certified", "eps_attacked", "ratio", "margin")
LARGEST = 2**28
"""Bytes of the largest document that is read."""


def read_results(path: str) -> Results:
    """The results of a file that ``certify --json``, ``certify --out`` or ``certrnn curve --json`` wrote.

    Raises:
        InvalidInput: the file is missing, is no JSON, or is not such a document.
    """
    where = f"reading results from {path}"
    try:
        file = Path(path)
        if file.is_file() and file.stat().st_size > LARGEST:
            raise InvalidInput(where, f"the file has at most {LARGEST} bytes", file.stat().st_size)
        document = json.loads(file.read_text("utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise InvalidInput(where, "it is a file that can be read", error.strerror or error) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            where, "it is the JSON document of certify --json", error, "Write one with certify --out FILE."
        ) from None
    return parse_results(document, where)


def parse_results(document: Any, where: str = "reading results") -> Results:
    """The results of a parsed document.

    Raises:
        InvalidInput: keys are missing, types do not fit, or a row contradicts itself.
    """
    top = _Reader(where)
    top.need(isinstance(document, dict), "the document is an object", type(document).__name__)
    one = "it is about one model, as certify and curve write it"
    top.need("comparison" not in document, one, "the document of a comparison")
    model, rows, notes = document.get("model"), document.get("rows"), document.get("notes", [])
    top.need(isinstance(model, dict), "it has a model with path and sha256", type(model).__name__)
    top.need(isinstance(rows, list), "it has a list of rows", type(rows).__name__)
    top.need(isinstance(notes, list) and all(isinstance(n, str) for n in notes), "notes are texts", notes)
    labelled, external = document.get("labelled", True), model.get("external", {})
    top.need(isinstance(labelled, bool), "labelled is true or false", labelled)
    top.need(isinstance(external, dict), "the model's external files are an object", external)
    path, digest = model.get("path"), model.get("sha256")
    grid = document.get("grid", [])
    eps = isinstance(grid, list) and all(
        _number(e, "the grid's eps", top) is not None and e >= 0 for e in grid
    )
    top.need(eps, "the grid is a list of eps", grid)
    texts = document.get("threat", "l-inf"), document.get("specification", "")
    for value in (path, digest, *external.values(), *texts):
        top.need(
            isinstance(value, str), "the model's path and digests, threat and specification are texts", value
        )
    parsed = ordered(_row(row, _Reader(f"{where}, row {number}")) for number, row in enumerate(rows))
    question, extent = (
        None if document.get(name) is None else read(kind, document[name], top.need, name)
        for name, kind in (("question", Question), ("extent", Extent))
    )
    return Results(
        path,
        digest,
        parsed,
        labelled,
        tuple(notes),
        tuple(external.items()),
        *texts,
        tuple(grid),
        question,
        extent,
    )


class _Reader:
    """Requirements on one part of the document."""

    def __init__(self, where: str) -> None:
        self._where = where

    def need(self, holds: bool, requirement: str, received: object) -> None:
        if not holds:
            raise InvalidInput(self._where, requirement, repr(received)[:80])


def _row(row: Any, reader: _Reader) -> Row:
    reader.need(isinstance(row, dict), "a row is an object", row)
    for name in ("sample", "label", "prediction"):
        value = row.get(name)
        reader.need(type(value) is int and abs(value) < 2**53, f"{name} is a whole number", value)
    reader.need(row["sample"] >= 0, "samples are counted from 0", row["sample"])
    verdict, frames, method = row.get("verdict"), row.get("frames"), row.get("method")
    reader.need(verdict in VERDICTS, f"the verdict is one of {', '.join(VERDICTS)}", verdict)
    listed = isinstance(frames, list) and all(type(f) is int and f >= 0 for f in frames)
    reader.need(listed or frames == "all", 'frames are "all" or a list of numbers', frames)
    reader.need(isinstance(method, str), "the method is a text", method)
    reason = row.get("reason", "")
    reader.need(isinstance(reason, str), "the reason is a text", reason)
    numbers = {name: _number(row.get(name), name, reader) for name in _NUMBERS}
    seconds = _number(row.get("seconds", 0.0), "seconds", reader) or 0.0
    lower, upper = numbers["eps_certified"], numbers["eps_attacked"]
    for name in ("eps", "eps_certified", "eps_attacked"):
        reader.need((numbers[name] or 0.0) >= 0.0, f"{name} is not negative", numbers[name])
    if verdict == "certified":
        reader.need(lower is not None and lower > 0, "a certified row has a positive eps_certified", lower)
        beside = upper is None or lower is None or lower < upper
        reader.need(beside, "no counterexample lies inside a certified region", f"{upper} within {lower}")
    return Row(
        sample=row["sample"],
        frames=frames,
        label=row["label"],
        prediction=row["prediction"],
        verdict=verdict,
        eps=numbers["eps"],
        eps_certified=lower,
        eps_attacked=upper,
        ratio=numbers["ratio"],
        margin=numbers["margin"],
        method=method,
        seconds=seconds,
        reason=reason,
        changed=_changed(row.get("changed"), reader),
    )


def _changed(entries: Any, reader: _Reader) -> tuple[Change, ...] | None:
    if entries is None:
        return None
    reader.need(isinstance(entries, list), "changed is a list", entries)
    return tuple(read(Change, one, reader.need, "a change") for one in entries)


def _number(value: Any, name: str, reader: _Reader) -> float | None:
    known = value is None or (type(value) in (int, float) and abs(value) < 1e308 and math.isfinite(value))
    reader.need(known, f"{name} is a finite number or null", value)
    return None if value is None else float(value)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")
