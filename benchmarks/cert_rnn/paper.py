"""The tables of the Cert-RNN paper (CCS 2021) on networks trained here: ours beside the paper's figures.

    python -m benchmarks.cert_rnn.paper models  --data FOLDER --cache FOLDER
    python -m benchmarks.cert_rnn.paper table2  --data FOLDER --cache FOLDER [--out FOLDER] [--only RNN-4] [--samples N]
    python -m benchmarks.cert_rnn.paper table6  --data FOLDER --cache FOLDER [--methods zonotope,auto --budget 5]
    python -m benchmarks.cert_rnn.paper figure7 --data FOLDER --cache FOLDER --out FOLDER
    python -m benchmarks.cert_rnn.paper words   --data FOLDER --cache FOLDER [--out FOLDER]

FOLDER (or CERTRNN_DATA) holds mnist/, rotten_tomatoes/, toxic/, urls/ and har/. ``models`` trains 24 networks, each
in under two minutes of one core, and keeps their ONNX files and test accuracies in --cache; the others train what
they miss. Several commands may be given at once. Finished cells are kept in --cache, too, until the network, the
question or certrnn changes: ``figure7`` after ``table2`` takes seconds. Tables are Markdown on stdout, progress
goes to stderr, pictures to --out: ``table2`` writes the violins of Figure 6, ``figure7`` its panels, ``words`` heat
maps as HTML.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before torch loads
import torch

from benchmarks.cert_rnn import tables as tables
from benchmarks.cert_rnn.cases import CASES, Case
from benchmarks.cert_rnn.networks import Kept, kept, missing
from benchmarks.cert_rnn.pictures import figure_7
from benchmarks.cert_rnn.search import Asked, compared
from benchmarks.cert_rnn.sensitive_words import words
from certrnn.engine import engine_version
from certrnn.report.violin import violin_picture
from certrnn.results.comparison import Comparison

Found = list[tuple[Kept, Comparison]]
METHODS: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("interval", "popqorn", "zonotope"),
    ("all",): ("interval", "popqorn", "zonotope", "attack"),
}
"""By threat: an attack on every single frame takes longer than all the proofs together."""
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--data", {"default": os.environ.get("CERTRNN_DATA"), "help": "folder of the data sets"}),
    ("--cache", {"type": Path, "required": True, "help": "folder of the networks and finished cells"}),
    ("--out", {"type": Path, "help": "folder of the pictures"}),
    ("--only", {"default": "", "help": "networks whose names contain one of these, between commas"}),
    (
        "--methods",
        {"help": "interval,popqorn,zonotope, table6 also attack; there are joint, auto, crown, .."},
    ),
    ("--samples", {"type": int, "help": "of each network (20 digits, 8 texts, 4 URLs, 2 activities)"}),
    ("--cell-seconds", {"type": float, "default": 60.0, "help": "a cell begins no further sample then (60)"}),
    ("--budget", {"type": float, "default": 5.0, "help": "seconds a row of auto (5)"}),
    ("--threads", {"type": int, "default": 1}),
)


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    cases: tuple[Case, ...]
    data: Path
    cache: Path
    out: Path | None
    asked: Asked

    def of(self, command: str) -> Options:
        """With the networks that a command is about."""
        return replace(self, cases=tuple(case for case in self.cases if wanted(command, case)))

    def networks(self) -> Iterator[Kept]:
        """The networks, one after the other."""
        for case in self.cases:
            yield kept(case, self.data, self.cache)

    def found(self, *threats: str) -> Found:
        """Every cell under ``threats``, or by default under each network's single frames."""
        return [(network, self._compared(network, threats)) for network in self.networks()]

    def _compared(self, network: Kept, threats: tuple[str, ...]) -> Comparison:
        asked = self.asked
        if not asked.methods:  # where the paper has no POPQORN, ours takes minutes a sample, too
            known = [m for m in METHODS[threats] if m != "popqorn" or network.case.popqorn is not None]
            asked = replace(asked, methods=tuple(known))
        return compared(network, threats or network.case.chosen, asked)

    def save(self, name: str, content: bytes) -> None:
        """A picture, where a folder for it was named."""
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / name).write_bytes(content)
            print(f"wrote {self.out / name}", file=sys.stderr)


def wanted(command: str, case: Case) -> bool:
    """Whether a command is about a network: the words are of toxic comments, and Table 6 is of frames, not of texts."""
    return {"words": case.data == "toxic", "table6": not case.text}.get(command, True)


def models(options: Options) -> bool:
    """Every network with its accuracy."""
    print(
        "### Networks\n\n| network | test accuracy | on | paper's | trained in s | sha256 |\n|---|---|---|---|---|---|"
    )
    for network in options.networks():
        case, record = network.case, network.record
        own = f"{100 * record.accuracy:.1f} % | {record.tested} | {case.accuracy:g} %"
        print(f"| {case.name} | {own} | {record.seconds:.0f} | {record.sha256[:12]} |", flush=True)
    return True


def table2(options: Options) -> bool:
    """Tables 2 and 3, and the violins of Figure 6."""
    found = options.found()
    _print(tables.table_2(found), tables.table_3(found), [tables.DIFFERS])
    for data in dict.fromkeys(network.case.data for network, _ in found):  # each in units of its own
        groups = [group for network, c in found if network.case.data == data for group in c.groups]
        options.save(f"figure_6_{data}.png", violin_picture(Comparison(tuple(groups)), "png"))
    return _sound(found)


def table6(options: Options) -> bool:
    """Table 6, also for the LSTMs that the paper leaves out, and for the GRU."""
    found = options.of("table6").found("all")
    _print(tables.table_6(found), [tables.DIFFERS])
    return _sound(found)


def figure7(options: Options) -> bool:
    """Verified accuracy as numbers and as a picture."""
    found = options.found()
    _print(tables.figure_7(found), [tables.DIFFERS])
    options.save("figure_7.png", figure_7(found))
    return _sound(found)


def sensitive(options: Options) -> bool:
    """The paper's toxic comments, word by word."""
    for network in options.of("words").networks():
        words(network, options.save)
    return True


COMMANDS: dict[str, Callable[[Options], bool]] = {
    "models": models,
    "table2": table2,
    "table6": table6,
    "figure7": figure7,
    "words": sensitive,
}


def _print(*parts: Iterator[str] | Sequence[str]) -> None:
    for part in parts:
        for line in part:
            print(line)
        print(flush=True)


def _sound(found: Found) -> bool:
    """Whether no counterexample contradicts a certificate."""
    broken = [network.case.name for network, comparison in found if comparison.broken]
    if broken:
        print(f"A COUNTEREXAMPLE LIES INSIDE A CERTIFIED REGION: {', '.join(broken)}", file=sys.stderr)
    return not broken


def parsed() -> tuple[list[str], Options, int]:
    """Commands, options and threads; refuses in one line what cannot work."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="+", choices=tuple(COMMANDS), metavar="|".join(COMMANDS))
    for name, about in OPTIONS:
        parser.add_argument(name, **about)
    given = parser.parse_args()
    if given.data is None or not Path(given.data).is_dir():
        parser.error(f"the data lies in --data or CERTRNN_DATA: no folder {given.data!r}")
    data, parts = Path(given.data), given.only.split(",")
    cases = tuple(case for case in CASES if any(part in case.name for part in parts))
    cases = tuple(case for case in cases if any(wanted(command, case) for command in given.commands))
    if not cases:
        parser.error(f"--only {given.only!r} names no network; there are {', '.join(c.name for c in CASES)}")
    absent = [file for case in cases for file in missing(data, case)]
    if absent:
        parser.error(
            f"missing in {data}: {', '.join(dict.fromkeys(absent))} (leave networks out with --only)"
        )
    methods = given.methods.split(",") if given.methods else ()
    asked = Asked(tuple(methods), given.samples, given.cell_seconds, given.budget, given.cache)
    return given.commands, Options(cases, data, given.cache, given.out, asked), given.threads


def main() -> int:
    commands, options, threads = parsed()
    torch.set_num_threads(threads)
    engine = f"certrnn {engine_version()}"  # said first: what is edited later plays no part in its name
    print(
        f"# {date.today()}: {platform.machine()}, {os.cpu_count()} cores, {threads} threads, {engine}\n",
        flush=True,
    )
    sound = []
    for command in commands:
        start = time.perf_counter()
        sound.append(COMMANDS[command](options))
        print(f"{command}: {time.perf_counter() - start:.0f} s\n", flush=True)
    return 0 if all(sound) else 3


if __name__ == "__main__":
    sys.exit(main())
