"""What a guided search found, input by input, and its quality."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from certrnn.quality import generation_rate, orientation_rate, perplexities, perplexity, success_rate
from certrnn.results.question import Question, written
from certrnn.results.row import finite


@dataclass(frozen=True)
class GuidedRow:
    """One input, and what was made of it.

    Args:
        sample: position in the data, from 0.
        run: which of the runs, from 0.
        frame: the frame that was to change, counted from the first that is no padding.
        word, substitute: numbers of the word before and after; None of vectors, or where none was found.
        spelled: the two words as they are written, "" where that is not known.
        scale: what the gradient was multiplied with; None where chance changed the frame, or nothing did.
        l2: Euclidean norm of the scaled gradient (of words more than they moved), or of the move by chance.
        generated: whether another input was found.
        by_chance: whether chance found it.
        asked: how many outputs have a target.
        wrong_before, wrong_after: how many of these onnxruntime answers otherwise.
        cost_before, cost_after: their cross-entropy in nats, in float64.
        confirmed: whether onnxruntime's answers are those of the network in float64.
        success: an output that was answered right is answered wrong; False where nothing was found.
        coverage: of the guiding metric by this and all earlier changed inputs of the run, section by section.
        eps_certified: a certified eps of the frame of the unchanged input, where it was asked.
        text: the words of the changed input, or none.
    """

    sample: int
    run: int
    frame: int
    word: int | None
    substitute: int | None
    spelled: tuple[str, str]
    scale: float | None
    l2: float | None
    generated: bool
    by_chance: bool
    asked: int
    wrong_before: int
    wrong_after: int
    cost_before: float
    cost_after: float
    confirmed: bool
    success: bool
    coverage: tuple[float, ...] = ()
    eps_certified: float | None = None
    text: tuple[str, ...] = ()

    @property
    def perplexities(self) -> tuple[float, float]:
        """Before and after."""
        before, after = perplexities([self.cost_before, self.cost_after], [self.asked, self.asked])
        return float(before), float(after)

    def as_json(self) -> dict[str, Any]:
        """The row as strict JSON takes it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("spelled", "coverage", "text"):
            values[name] = list(values[name])
        values["pp_before"], values["pp_after"] = self.perplexities
        return {name: finite(v) if isinstance(v, float) else v for name, v in values.items()}


@dataclass(frozen=True)
class Figures:
    """Quality of some rows: nan where there is nothing to average.

    Args:
        pp, pp_before: perplexity of all outputs together; inputs for which none was found count as they are.
        pp_i, pp_i_before: mean perplexity of an input.
        generated, oriented, success: the paper's gen_rate, orient_rate and suc_rate.
        l2: mean over the inputs that the gradient found.
    """

    inputs: int
    pp: float
    pp_before: float
    pp_i: float
    pp_i_before: float
    generated: float
    oriented: float
    success: float
    l2: float

    @staticmethod
    def of(rows: Sequence[GuidedRow]) -> Figures:
        """Those of the rows."""
        counts = [row.asked for row in rows]
        before, after = ([getattr(row, f"cost_{when}") for row in rows] for when in ("before", "after"))
        made, lucky = [row.generated for row in rows], [row.by_chance for row in rows]
        moved = [row.l2 for row in rows if row.generated and not row.by_chance and row.l2 is not None]
        return Figures(
            len(rows),
            perplexity(after, counts),
            perplexity(before, counts),
            float(np.mean(perplexities(after, counts))),
            float(np.mean(perplexities(before, counts))),
            generation_rate(made),
            orientation_rate(made, lucky),
            success_rate(made, [row.success for row in rows]),
            float(np.mean(moved)) if moved else float("nan"),
        )

    def as_json(self) -> dict[str, Any]:
        """The figures as strict JSON takes them."""
        return {f.name: finite(float(getattr(self, f.name))) for f in fields(self)}


@dataclass(frozen=True)
class GuidedResults:
    """Everything that a guided search found.

    Args:
        path: the model as the user named it.
        sha256: of the model file.
        objective: what was driven up, in words.
        rows: run by run, in order of the data.
        options: of the search, by name.
        sections: names of the sections of the guiding metric.
        notes: what a reader must know, a line each.
        question: everything else that the rows depend on.
    """

    path: str
    sha256: str
    objective: str
    rows: tuple[GuidedRow, ...]
    options: tuple[tuple[str, Any], ...] = ()
    sections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    question: Question | None = None

    @property
    def figures(self) -> Figures:
        """Over all runs."""
        return Figures.of(self.rows)

    def of_run(self, run: int) -> tuple[GuidedRow, ...]:
        """The rows of one run."""
        return tuple(row for row in self.rows if row.run == run)

    def exit_code(self) -> int:
        """0 where another input was found, else 4."""
        return 0 if any(row.generated for row in self.rows) else 4

    def as_json(self) -> dict[str, Any]:
        """The document of ``certrnn attack --attack rnn-test --json``."""
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "attack": "rnn-test",
            "objective": self.objective,
            **({} if self.question is None else {"question": written(self.question)}),
            "options": dict(self.options),
            "sections": list(self.sections),
            "figures": self.figures.as_json(),
            "rows": [row.as_json() for row in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The document as strict JSON text, ending in a newline."""
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """A line for each row; coverage has a column for each section."""
        file = io.StringIO()
        lines = csv.writer(file, lineterminator="\n")
        shown = ("sample", "run", "frame", "word", "substitute", "scale", "l2", "generated", "by_chance")
        counted = ("asked", "wrong_before", "wrong_after", "success", "confirmed", "eps_certified")
        covered = [f"coverage {name}".strip() for name in self.sections]
        names = [*shown, "before", "after", "pp_before", "pp_after", *counted, *covered]
        lines.writerow(names)
        for row in self.rows:
            own = [getattr(row, name) for name in shown]
            more = [getattr(row, name) for name in counted]
            lines.writerow([*own, *row.spelled, *row.perplexities, *more, *row.coverage])
        return file.getvalue()
