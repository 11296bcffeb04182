"""Figures of the precision benchmark: what is recorded of peers, what was measured, tables and comparisons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ATTACK, PORT = "PGD-upper-bound", "cert-rnn-py"
FAR = 0.02
"""Relative: the widest tolerance of a search."""
Row = dict[str, list[float]]
"""By image: certified eps and seconds."""
Figures = dict[str, dict[str, dict[str, Row]]]
"""By method, network and frames ("all" or a number): a row. The layout of peers.json."""


@dataclass(frozen=True, eq=False)
class Book:
    """Recorded ``peers`` and what was ``measured``, which is kept in a file (if any) so that runs can go on."""

    peers: Figures
    measured: Figures
    file: Path | None

    @staticmethod
    def open(folder: Path, file: Path | None) -> Book:
        peers = json.loads((folder / "peers.json").read_text("utf-8"))["eps"]
        kept = json.loads(file.read_text("utf-8")) if file is not None and file.is_file() else {}
        return Book(peers, kept, file)

    def row(self, who: str, network: str, frames: str) -> Row:
        figures = self.measured if who in self.measured else self.peers
        return figures.get(who, {}).get(network, {}).get(frames, {})

    def add(self, who: str, network: str, frames: str, row: Row) -> None:
        if self.file is not None and self.file.is_file():  # another run may have written meanwhile
            self.measured.update(json.loads(self.file.read_text("utf-8")))
        self.measured.setdefault(who, {}).setdefault(network, {}).setdefault(frames, {}).update(row)
        if self.file is not None:
            self.file.write_text(json.dumps(self.measured, indent=1), "utf-8")

    def line(self, who: str, network: str, frames: str, images: list[str]) -> str | None:
        """Mean eps, share of the attack's, ratio to the port's, the worst input's, and seconds a sample."""
        row = {i: value for i, value in self.row(who, network, frames).items() if i in images}
        if not row:
            return None
        eps = np.mean([value[0] for value in row.values()])
        share = self._ratios(row, self.row(ATTACK, network, frames))
        port = self._ratios(row, self.row(PORT, network, frames))
        common = [i for i in row if i in self.row(PORT, network, frames)]
        means = [np.mean([r[i][0] for i in common]) for r in (row, self.row(PORT, network, frames))]
        ratio = f"{means[0] / means[1]:6.2f} {port.min():6.2f}" if common else f"{'-':>6} {'-':>6}"
        shown = f"{share.mean():6.3f}" if len(share) else f"{'-':>6}"
        seconds = np.mean([value[1] for value in row.values()])
        return f"{network:15} {frames:>5} {who:23} {len(row):2d} {eps:9.5f} {shown} {ratio} {seconds:8.2f}"

    @staticmethod
    def _ratios(row: Row, other: Row) -> np.ndarray:
        return np.array([value[0] / other[i][0] for i, value in row.items() if i in other])

    def below(self, who: str, others: list[str]) -> tuple[dict[str, float], int]:
        """Where a method's eps lies below another's on the same input, and by how much; number of comparisons."""
        lines, compared = {}, 0
        for other in others:
            for network, threats in self.measured.get(who, {}).items():
                for frames, row in threats.items():
                    theirs = self.row(other, network, frames)
                    for image in row.keys() & theirs.keys():
                        compared += 1
                        mine, top = row[image][0], theirs[image][0]
                        if mine < top:
                            where = f"{network} {frames} {image}: {who} {mine:.6f} below {other} {top:.6f}"
                            lines[where] = mine / top - 1.0
        return dict(sorted(lines.items())), compared


HEAD = f"{'network':15} {'frame':>5} {'method':23} {'n':>2} {'eps':>9} {'share':>6} {'/port':>6} {'least':>6} {'s':>8}"


def table(book: Book, cases: dict[str, tuple[list[str], list[str]]], methods: list[str]) -> Iterator[str]:
    """One row a method, the recorded peers first, each on what is known of the images; ``cases`` gives frames and
    images by network."""
    yield HEAD
    recorded = [who for who in book.peers if who != ATTACK]
    for network, (frames, images) in cases.items():
        for frame in frames:
            lines = [book.line(who, network, frame, images) for who in (ATTACK, *recorded, *methods)]
            yield from (line for line in lines if line is not None)


def auto_lirpa_recorded(folder: Path) -> Iterator[str]:
    """Shares of its own attack that autolirpa.json records, on other images of the same networks."""
    path = folder / "autolirpa.json"
    if not path.is_file():
        return
    yield "recorded of auto_LiRPA on other images: network, frames, method, inputs, mean eps, share of its own attack's"
    for network, threats in json.loads(path.read_text("utf-8"))["models"].items():
        for frames, rows in threats.items():
            for method, row in rows.items():
                if method != "pgd":
                    eps, top = np.array(row["eps"]), np.array(rows["pgd"][: len(row["eps"])])
                    share = (eps / top).mean()
                    yield f"{network:15} {frames:>4} {method:10} {len(eps):2d} {eps.mean():.5f} {share:.3f}"


def comparisons(book: Book, cheaper: dict[str, list[str]], beside: list[str]) -> Iterator[str]:
    """Never below a recorded figure, never below our own cheaper methods, by model, threat and input: where it does not
    hold. Listed are falls by more than a search's tolerance (2 % in the ladder); of peers, only those of expensive
    methods.

    ``cheaper`` gives by our method those that are cheaper, ``beside`` the peers that were measured.
    """
    recorded = [who for who in book.peers if who != ATTACK]
    for method, ours in cheaper.items():
        expensive = method.startswith(("joint", "auto"))
        for what, others, listed in (
            ("recorded peers", recorded, expensive),
            ("auto_LiRPA beside", beside, expensive),
            ("our cheaper methods", ours, True),
        ):
            lines, compared = book.below(method, others)
            far = [f"  {where} ({by:+.1%})" for where, by in lines.items() if by < -FAR]
            if compared:
                yield f"{method}: below {what} in {len(lines)} of {compared}, by more than {FAR:.0%} in {len(far)}"
            yield from far if listed else []
