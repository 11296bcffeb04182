"""``certrnn attack --attack rnn-test``: its options, and what the command then does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._options_of import with_options
from certrnn.cli._samples import read_data
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.cli._reading import Settled
    from certrnn.io.text import TextSource
    from certrnn.testing.search import GuidedSearch

NAME = "rnn-test"
SCALES = "0:70:5"


@dataclass(frozen=True)
class Guided:
    """What the options say; see :class:`certrnn.testing.search.GuidedSearch`."""

    orientation: str | None = None
    guide: str | None = None
    strategy: str | None = None
    states: int | None = None
    topk: int | None = None
    scales: str | None = None
    runs: int | None = None
    seed: int | None = None
    next_word: bool = False
    fill: bool = False
    certify: bool = False

    def is_search(self, attack: str | None, eps: str | None, without: str) -> bool:
        """Whether the command is a guided search: the attack ``rnn-test`` without ``--eps``.

        Raises:
            UsageError: options of the search with another attack, or beside an eps.
        """
        options = [name for name, value in vars(self).items() if value not in (None, False)]
        if attack == NAME and eps in (None, without):
            return True
        if options:
            received = f"--attack {attack or 'pgd'}" + ("" if eps in (None, without) else f" --eps {eps}")
            raise UsageError(
                f"reading --{options[0].replace('_', '-')}",
                f"it belongs to --attack {NAME} without --eps",
                received,
            )
        return False

    def search(self, barred: frozenset[int]) -> GuidedSearch:
        """The same as the library takes it.

        Raises:
            UsageError: an option makes no sense.
        """
        from certrnn.attacks.rnn_test import parse_scales
        from certrnn.testing.search import GuidedSearch

        names = ("orientation", "guide", "strategy", "states", "topk", "runs", "seed")
        told = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        scales = parse_scales(self.scales or SCALES)
        return GuidedSearch(**told, scales=scales, next_word=self.next_word, fill=self.fill, barred=barred)


UNGUIDED = Guided()
"""Nothing is said."""


def _option(kind: Any, metavar: str, text: str) -> tuple[Any, Any]:
    option = typer.Option(metavar=metavar, help=f"rnn-test: {text}", show_default=False)
    return Annotated[kind | None, option], None


OPTIONS: dict[str, tuple[Any, Any]] = {
    "orientation": _option(str, "NAME", "state (default), state-swapped, cost, decision or none."),
    "guide": _option(str, "METRIC", "coverage to raise: hs, cs, gate-i, gate-f, .., dx or none (default)."),
    "strategy": _option(str, "NAME", "how the guide chooses states: boost (default) or random."),
    "states": _option(int, "N", "states that the guide chooses (50)."),
    "topk": _option(int, "K", "classes that the decision orientation looks at (3)."),
    "scales": _option(str, "A:B:STEP", f"what the gradient is multiplied with ({SCALES})."),
    "runs": _option(int, "N", "how often every input is searched (1)."),
    "seed": _option(int, "N", "of all chance (0)."),
    "next_word": (
        Annotated[
            bool,
            typer.Option("--next-word", help="rnn-test: of a language model, the target is the next word."),
        ],
        False,
    ),
    "fill": (
        Annotated[bool, typer.Option("--fill", help="rnn-test: where nothing is found, change by chance.")],
        False,
    ),
    "certify": (
        Annotated[
            bool, typer.Option("--certify", help="rnn-test: the certified eps of the frame, beside it.")
        ],
        False,
    ),
}
"""Annotation and default, option by option, in the order of the help."""

with_guided = with_options("guided", OPTIONS, Guided)
"""The command with these options in place of its parameter ``guided``."""


def guided_search(
    model: str,
    settled: Settled,
    data: str | TextSource,
    samples: str | None,
    guided: Guided,
    clip: tuple[float, float] | None,
    out: str | None,
    json: bool,
) -> int:
    """Search, print and write; returns the exit code.

    ``--out NAME.npz`` gets the changed inputs, and ``NAME.csv`` beside it a line for each row; ``NAME.csv`` and
    ``NAME.json`` alone are written as they are named.
    """
    from certrnn.report.files import Files
    from certrnn.report.guided_table import show_guided
    from certrnn.report.output import print_rich, print_text
    from certrnn.report.progress import progress
    from certrnn.testing.guided import guided_search as search

    outs = Files(_names(out), ("npz", "csv", "json"))
    spell, barred = _names_of(data)
    options = guided.search(frozenset(barred))
    network, chosen = read_data(model, settled, data, samples)
    with progress(options.runs * len(chosen), "searching") as bar:
        outcome = search(
            network,
            chosen,
            search=options,
            clip=clip,
            spell=spell,
            tick=bar.finished,
            certify=guided.certify,
        )
    results = outcome.results
    texts = {"csv": results.to_csv, "json": results.to_json}
    outs.write(
        lambda kind: outcome.content(network.precision) if kind == "npz" else texts[kind]().encode("utf-8")
    )
    if json:
        print_text(results.to_json())
    else:
        print_rich(lambda console: show_guided(results, console))
    return results.exit_code()


def _names(out: str | None) -> tuple[str, ...]:
    if out is None:
        return ()
    return (out, str(Path(out).with_suffix(".csv"))) if Path(out).suffix.lower() == ".npz" else (out,)


def _names_of(data: str | TextSource) -> tuple[Any, tuple[int, ...]]:
    """How words are written, and the numbers of those that are never put in: padding, ends of sentences."""
    if isinstance(data, str):
        return (lambda _: ""), ()
    from certrnn.io.text.names import names

    spell, special = names(data)
    return spell, tuple(special.values())
