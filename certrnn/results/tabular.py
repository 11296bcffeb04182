"""Results as tables of other programs: data frames, CSV, LaTeX, and the HTML of notebooks."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from html import escape
from importlib import import_module
from typing import Any

from certrnn.errors import Unsupported
from certrnn.results.figures import exact, lower, near, upper

SHOWN = 60
"""Rows that a notebook shows."""
Record = dict[str, Any]
_PROVED = {"eps_certified", "certified", "margin", "ratio", "share", "mean", "median"}
_REACHED = {"eps_attacked", "radius", "linf", "l2", "sensitivity"}
"""Columns of what is proved, and of what an attack reached."""
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


class Tabular(ABC):
    """Results that are a table: :meth:`records` is all that a class gives."""

    @abstractmethod
    def records(self) -> list[Record]:
        """A row each: columns by name, all of numbers, texts and None."""

    def to_dataframe(self) -> Any:
        """A pandas data frame.

        Raises:
            Unsupported: pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            remedy = "Install pandas, or use to_csv()."
            raise Unsupported(
                "making a data frame", "the package pandas is installed", "none", remedy
            ) from None
        return pandas.DataFrame.from_records(self.records())

    def to_csv(self) -> str:
        """Comma-separated text with a line of names; None is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = self._names()
        writer.writerow(names)
        for record in self.records():
            writer.writerow([_plain(record.get(name)) for name in names])
        return text.getvalue()

    def to_latex(self) -> str:
        """A tabular environment with booktabs' rules; numbers have four significant digits, of what is proved rounded
        down, of what an attack reached rounded up."""
        records, names = self.records(), self._names()
        sides = "".join("r" if _numeric(records, name) else "l" for name in names)
        lines = [" & ".join(map(_tex, names)) + r" \\"]
        body = [
            " & ".join(_tex(_short(name, record.get(name))) for name in names) + r" \\" for record in records
        ]
        rules = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", *lines, r"\midrule", *body, r"\bottomrule"]
        return "\n".join([*rules, r"\end{tabular}"]) + "\n"

    def _repr_html_(self) -> str:
        """What a notebook shows: the first rows."""
        records, names = self.records(), self._names()
        heads = "".join(f"<th>{escape(name)}</th>" for name in names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_short(name, record.get(name)))}</td>" for name in names) + "</tr>"
            for record in records[:SHOWN]
        )
        more = f"<p>and {len(records) - SHOWN} more rows</p>" if len(records) > SHOWN else ""
        said = escape(repr(self))
        return f"<p>{said}</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{more}"

    def _names(self) -> list[str]:
        """The columns that hold anything, in order."""
        columns: dict[str, bool] = {}
        for record in self.records():
            for name, value in record.items():
                columns[name] = columns.get(name, False) or value not in (None, "")
        return [name for name, holds in columns.items() if holds]


def _plain(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _short(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if name == "eps":
        return exact(value)
    return lower(value) if name in _PROVED else upper(value) if name in _REACHED else near(value)


def _numeric(records: list[Record], name: str) -> bool:
    values = [record[name] for record in records if record.get(name) is not None]
    return all(isinstance(value, int | float) for value in values)


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)
