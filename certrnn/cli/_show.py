"""Results of whichever command, as that command prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


def show(results: Any, json: bool) -> None:
    """Print results on stdout: their table, or their JSON document."""
    from certrnn.report.output import print_rich, print_text
    from certrnn.vnnlib.answer import Verified

    if json:
        print_text(results.to_json())
    elif isinstance(results, Verified):
        print_text(results.text())
    else:
        print_rich(_table(results))


def _table(results: Any) -> Callable[[Console], None]:
    from certrnn.report.attack_table import show_attack
    from certrnn.report.compare_table import CompareReport
    from certrnn.report.conditions_table import show as show_conditions
    from certrnn.report.table import show as show_rows
    from certrnn.report.words_text import show as show_words
    from certrnn.results.attacks import AttackResults
    from certrnn.results.certificates import Results
    from certrnn.results.comparison import Comparison
    from certrnn.results.conditions import Conditions
    from certrnn.results.words import Words

    if isinstance(results, Comparison):
        return CompareReport(results).show
    shown: dict[type, Callable[[Any, Console], None]] = {
        AttackResults: show_attack,
        Conditions: show_conditions,
        Results: show_rows,
        Words: show_words,
    }
    return lambda console: shown[type(results)](results, console)
