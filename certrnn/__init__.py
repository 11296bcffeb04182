"""Formal robustness certificates for recurrent neural networks.

>>> import certrnn
>>> model = certrnn.load("example:digits_lstm")
>>> len(model.sha256)
64
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certrnn.certification.comparing import CompareQuery
    from certrnn.certification.conditions import ConditionsQuery
    from certrnn.certification.methods import METHODS
    from certrnn.certification.query import Query
    from certrnn.certification.words import WordQuery
    from certrnn.coverage import MetricOptions
    from certrnn.datasets.sequences import Sequences
    from certrnn.errors import CertrnnError, InvalidInput, Unsupported, UsageError
    from certrnn.examples import resolve
    from certrnn.falsification.counterexamples import Counterexamples
    from certrnn.falsification.query import AttackQuery
    from certrnn.io.text.source import TextSource
    from certrnn.model import Model, load
    from certrnn.repetition import again
    from certrnn.report.html import html_page
    from certrnn.report.table import plain as table
    from certrnn.results.attacks import AttackResults, AttackRow
    from certrnn.results.certificates import Results
    from certrnn.results.coverage import CoverageResults
    from certrnn.results.from_json import read_results
    from certrnn.results.guided import GuidedResults
    from certrnn.results.row import Row
    from certrnn.results.words import Words
    from certrnn.runs.settings import Settings
    from certrnn.testing.guided import guided_search
    from certrnn.testing.measure import measure_coverage
    from certrnn.testing.search import GuidedSearch
    from certrnn.threats import Accept, Edits, Labels, NormBall, Threshold, WordSet, WordSubstitution
    from certrnn.vnnlib.parse import read_query
    from certrnn.vnnlib.verify import verify

__version__ = "0.1.0"

_HOMES = {
    "certification.comparing": ("CompareQuery",),
    "certification.conditions": ("ConditionsQuery",),
    "certification.methods": ("METHODS",),
    "certification.query": ("Query",),
    "certification.words": ("WordQuery",),
    "coverage": ("MetricOptions",),
    "datasets.sequences": ("Sequences",),
    "errors": ("CertrnnError", "InvalidInput", "Unsupported", "UsageError"),
    "examples": ("resolve",),
    "falsification.counterexamples": ("Counterexamples",),
    "falsification.query": ("AttackQuery",),
    "io.text.source": ("TextSource",),
    "model": ("Model", "load"),
    "repetition": ("again",),
    "report.html": ("html_page",),
    "report.table": ("plain as table",),
    "results.attacks": ("AttackResults", "AttackRow"),
    "results.certificates": ("Results",),
    "results.coverage": ("CoverageResults",),
    "results.from_json": ("read_results",),
    "results.guided": ("GuidedResults",),
    "results.row": ("Row",),
    "results.words": ("Words",),
    "runs.settings": ("Settings",),
    "testing.guided": ("guided_search",),
    "testing.measure": ("measure_coverage",),
    "testing.search": ("GuidedSearch",),
    "threats": ("Accept", "Edits", "Labels", "NormBall", "Threshold", "WordSet", "WordSubstitution"),
    "vnnlib.parse": ("read_query",),
    "vnnlib.verify": ("verify",),
}
_HOME = {name.split()[-1]: (home, name.split()[0]) for home, names in _HOMES.items() for name in names}

__all__ = [
    "METHODS",
    "Accept",
    "AttackQuery",
    "AttackResults",
    "AttackRow",
    "CertrnnError",
    "CompareQuery",
    "ConditionsQuery",
    "Counterexamples",
    "CoverageResults",
    "Edits",
    "GuidedResults",
    "GuidedSearch",
    "InvalidInput",
    "Labels",
    "MetricOptions",
    "Model",
    "NormBall",
    "Query",
    "Results",
    "Row",
    "Sequences",
    "Settings",
    "TextSource",
    "Threshold",
    "Unsupported",
    "UsageError",
    "WordQuery",
    "WordSet",
    "WordSubstitution",
    "Words",
    "__version__",
    "again",
    "guided_search",
    "html_page",
    "load",
    "measure_coverage",
    "read_query",
    "read_results",
    "resolve",
    "table",
    "verify",
]


def __getattr__(name: str) -> Any:
    """The library arrives when it is first used: importing certrnn loads no torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, own = _HOME[name]
    return getattr(import_module(f"certrnn.{home}"), own)


def __dir__() -> list[str]:
    return list(__all__)
