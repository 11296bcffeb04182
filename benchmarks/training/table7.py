"""Cert-RNN's Table 7: certified eps of Original, IBP-VT and Cert-RNN-VT with the same frozen word vectors.

    python -m benchmarks.training.table7 --data FOLDER [--sets rotten,toxic,urls] [--seeds 5] [--samples 100]
    python -m benchmarks.training.table7 --quick

A vanilla RNN of 32 units. Word vectors are those that an undefended network made of GloVe's (characters: of random
ones) in ``--vector-epochs``; all variants and seeds then keep them frozen. The certified eps of a text is the least
over its words, each disturbed alone (Table 2's question), by the zonotope on the paper's grid, unclipped. Samples are
the first test texts, and a mean is over the pairs of seed and sample that all three variants answer rightly. p is of a
one-sided Wilcoxon test of paired differences, over all pairs and over texts (means over seeds, which share a text's
words). Networks are kept in ``--cache``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data.texts import FILES
from benchmarks.training.variants import GLOVE, Task, frame_radii, made_up, task, variant, with_own_vectors
from certrnn.training import Architecture, Settings

DEFENCES = {"Original": "none", "IBP-VT": "ibp-vt", "Cert-RNN-VT": "cert-rnn-vt"}
EPS = {"rotten": 0.02, "toxic": 0.03, "urls": 0.03, "made up": 0.05}
"""What is trained for, all words together."""
LENGTHS = {"rotten": (5, 25), "toxic": (5, 25), "urls": (10, 25)}
PAPER = {
    "rotten": (0.0207, 0.0219, 0.0224),
    "toxic": (0.0332, 0.0428, 0.0436),
    "urls": (0.0361, 0.0702, 0.0730),
}


@dataclass(frozen=True, eq=False)
class Cell:
    """Certified eps (seeds, samples) of one variant, and its accuracy by seed."""

    eps: np.ndarray
    accuracy: np.ndarray


def cells(given: Task, asked: argparse.Namespace) -> dict[str, Cell]:
    """Each variant of a set."""
    chosen = given.test.take(range(min(asked.samples, len(given.test))))
    found = {}
    for name, defence in DEFENCES.items():
        eps, accuracy = [], []
        for seed in range(asked.seeds):
            settings = Settings(
                defence,
                EPS[given.name.split(",")[0]],
                asked.epochs,
                rate=asked.rate,
                seed=seed,
                ramp=0.5 * asked.epochs,
                freeze=True,
            )
            one = variant(given, Architecture("rnn", 32), settings, asked.cache)
            eps.append(frame_radii(one.model, chosen, "each", "zonotope"))
            accuracy.append(one.accuracy)
            mean = np.nanmean(eps[-1])
            said = f"{given.name} {name} seed {seed}: eps {mean:.4f}, accuracy {one.accuracy:.4f}"
            print(said, file=sys.stderr, flush=True)
        found[name] = Cell(np.stack(eps), np.array(accuracy))
    return found


def p_value(above: np.ndarray, below: np.ndarray) -> float:
    """Of a one-sided Wilcoxon test that the first exceeds the second; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    differences = above - below
    return 1.0 if not differences.any() else float(wilcoxon(differences, alternative="greater").pvalue)


def rows(given: Task, found: dict[str, Cell]) -> list[str]:
    """Lines of the table."""
    everywhere = ~np.isnan(np.stack([cell.eps for cell in found.values()])).any(0)
    lines, before = [], None
    for place, (name, cell) in enumerate(found.items()):
        kept = np.where(everywhere, cell.eps, np.nan)
        mean, paper = np.nanmean(kept), PAPER.get(given.name.split(",")[0])
        texts = everywhere.any(0)
        tests = "| |"
        if before is not None:
            last = np.where(everywhere, before.eps, np.nan)
            pairs = p_value(kept[everywhere], last[everywhere])
            means = p_value(np.nanmean(kept[:, texts], 0), np.nanmean(last[:, texts], 0))
            tests = f"{pairs:.2g} | {means:.2g} |"
        share = f"{100 * cell.accuracy.mean():.1f} %"
        shown = "" if paper is None else f"{paper[place]:.4f}"
        lines.append(
            f"| {given.name} | {name} | {mean:.4f} | {int(everywhere.sum())} | {share} | {tests} {shown} |"
        )
        before = cell
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.table7", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of real data")
    parser.add_argument("--cache", type=Path, default=Path("table7-cache"), help="where networks are kept")
    parser.add_argument("--sets", default="rotten,toxic,urls")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--vector-epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--limit", type=int, help="training texts of a set")
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--quick", action="store_true", help="a task of no data, in seconds")
    asked = parser.parse_args()
    names = asked.sets.split(",")
    if asked.quick:
        asked.seeds, asked.samples, asked.epochs, asked.rate = 2, 8, 6, 0.01
        given = [made_up()]
    else:
        if asked.data is None:
            parser.error("name the folder of real data with --data, or run --quick")
        lacking = [f for n in names for f in (*FILES[n], GLOVE) if not (asked.data / f).is_file()]
        if lacking:
            parser.error(f"missing in {asked.data} (--data): {', '.join(lacking)}")
        shape, first = Architecture("rnn", 32), Settings(epochs=asked.vector_epochs, rate=asked.rate)
        given = [
            with_own_vectors(task(asked.data, name, asked.limit, *LENGTHS[name]), shape, first, asked.cache)
            for name in names
        ]
    head = "| set | network | mean certified eps | pairs | accuracy | p over pairs | p over texts | paper |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for one in given:
        lines += rows(one, cells(one, asked))
    table = "\n".join(lines) + "\n"
    print(table)
    if asked.out is not None:
        asked.out.write_text(table, encoding="utf-8")
    raise SystemExit(0)


if __name__ == "__main__":
    main()
