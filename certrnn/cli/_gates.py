"""The options of pipelines: what fails, and files that build servers and code hosts read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._options_of import with_options

if TYPE_CHECKING:
    from certrnn.results.certificates import Results
    from certrnn.results.gates import Gate

Accuracy = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Exit with 1 where less than this share of the samples is verified, such as 0.9.",
        show_default=False,
    ),
]
_Junit = Annotated[
    str | None, typer.Option(metavar="FILE", help="Also write the rows as JUnit XML.", show_default=False)
]
_Sarif = Annotated[
    str | None, typer.Option(metavar="FILE", help="Also write what fails as SARIF.", show_default=False)
]
OPTIONS: dict[str, tuple[Any, Any]] = {
    "fail_under": (
        Annotated[
            float | None,
            typer.Option(
                metavar="EPS", help="Exit with 1 where a searched eps is below this.", show_default=False
            ),
        ],
        None,
    ),
    "fail_under_accuracy": (Accuracy, None),
    "junit": (_Junit, None),
    "sarif": (_Sarif, None),
}
"""Annotation and default, option by option, in the order of the help."""


@dataclass(frozen=True)
class Gated:
    """What the options say."""

    fail_under: float | None = None
    fail_under_accuracy: float | None = None
    junit: str | None = None
    sarif: str | None = None

    def gate(self) -> Gate:
        """What is demanded; files are tried first, so that one that cannot be written costs no work.

        Raises:
            UsageError: a demand that makes no sense, or a file that cannot be written.
        """
        from certrnn.report.output import Output
        from certrnn.results.gates import Gate

        for file in (self.junit, self.sarif):
            Output(json=False, file=file)
        return Gate(self.fail_under, self.fail_under_accuracy)

    def close(self, results: Results, gate: Gate, program: str) -> int:
        """Write the files, say on stderr what falls short, and return the exit code."""
        from certrnn.report.output import write_file
        from certrnn.report.pipelines import junit, sarif

        for file, written in ((self.junit, junit), (self.sarif, sarif)):
            if file is not None:
                write_file(file, written(results, gate).encode("utf-8"))
        for line in gate.short(results):
            print(f"{program}: {line}", file=sys.stderr)
        return gate.exit_code(results)


UNGATED = Gated()
with_gates = with_options("gated", OPTIONS, Gated)
"""The command with these options in place of its parameter ``gated``."""
