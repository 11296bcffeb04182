"""Do the words that certrnn ranks first decide the answer? Deleting or replacing them should flip more predictions than
deleting or replacing words by chance.

    python -m benchmarks.cert_rnn.words --data FOLDER --cache FOLDER [--set rotten|toxic] [--cell rnn|lstm] [--texts N]

FOLDER (or CERTRNN_DATA) holds rotten_tomatoes/rt-polarity.{pos,neg} and toxic/jigsaw_subset.csv.gz. A network of 32
units on 32-dimensional word vectors is trained on it (under two minutes), exported to ONNX and kept in --cache. Then
the words of held-out texts that it answers right are ranked by three measures:

* ``fade``: how far the word's vector may move towards the unknown word's, guaranteed (``certrnn words``);
* ``ball``: the certified l-inf eps of its vector in units of the vector's length (``certrnn words --threat ball``);
* ``eps``: the same eps as it stands.

Each text is a pair: did it flip once its k first ranked words were gone, and how often did it flip once k words drawn
by chance were gone. p is that of the paired sign-flip permutation test of the mean difference, one-sided; beside it
McNemar's exact test against a single draw.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.data.texts import Text, cached_network, splits

DRAWS = 50
PERMUTATIONS = 20_000


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    measure: str
    change: str
    words: int
    texts: int
    top: float
    chance: float
    p: float
    only_top: int
    only_chance: int
    mcnemar: float

    def __str__(self) -> str:
        counts = f"{self.only_top}/{self.only_chance}"
        return (
            f"| {self.measure} | {self.change} | {self.words} | {self.texts} | {self.top:.3f} | {self.chance:.3f} "
            f"| {self.p:.2g} | {counts} | {self.mcnemar:.2g} |"
        )


HEAD = """| ranking | change | words | texts | flips, first ranked | by chance | p (permutation) | McNemar pairs | p |
|---|---|---|---|---|---|---|---|---|"""


def permutation_test(differences: np.ndarray, random: np.random.Generator) -> float:
    """One-sided p of the mean of paired differences being this large by chance: signs are flipped at random."""
    observed = differences.mean()
    signs = random.choice([-1.0, 1.0], size=(PERMUTATIONS, len(differences)))
    return float((1 + ((signs * differences).mean(axis=1) >= observed - 1e-12).sum()) / (PERMUTATIONS + 1))


def measures(
    model_path: Path, texts: Sequence[Text], rel_tol: float, threats: Sequence[str]
) -> dict[str, list[np.ndarray]]:
    """For each measure and text the words' sensitivities, the largest first to go."""
    import torch

    import certrnn
    from certrnn.certification.words import WordQuery

    model = certrnn.load(model_path)
    assert model.network.embedding is not None
    table = model.network.embedding.table
    x, y = [text.ids for text in texts], [text.label for text in texts]
    out: dict[str, list[np.ndarray]] = {}
    for threat in threats:
        start = time.perf_counter()
        asked = WordQuery(threat, torch.from_numpy(table[1]), "the unknown word", rel_tol=rel_tol)
        found = model.words(x, y, asked)
        seconds = time.perf_counter() - start
        out[threat] = [np.array([w.sensitivity for w in s.words]) for s in found.sentences]
        if threat == "ball":
            out["eps"] = [-np.array([w.certified for w in s.words]) for s in found.sentences]
        words = sum(len(s.words) for s in found.sentences)
        print(f"{threat}: {words} words of {len(texts)} texts in {seconds:.0f} s", file=sys.stderr)
    return out


def compare(
    predict: Callable[[np.ndarray], int], texts: Sequence[Text], ranked: dict[str, list[np.ndarray]]
) -> list[Line]:
    """Flips by the first ranked words, and by chance."""
    lines = []
    for change, gone in (("delete", np.delete), ("replace", _replaced)):
        for count in (1, 2, 3):
            random = np.random.default_rng(count)
            draws = [
                [random.choice(len(t.ids), count, replace=False) for _ in range(DRAWS + 1)] for t in texts
            ]
            flips = np.array(
                [
                    [predict(gone(t.ids, d)) != t.label for d in one]
                    for t, one in zip(texts, draws, strict=True)
                ]
            )
            chance, single = flips[:, 1:].mean(axis=1), flips[:, 0]
            for measure, values in ranked.items():
                first = [np.argsort(-v, kind="stable")[:count] for v in values]
                top = np.array(
                    [predict(gone(t.ids, f)) != t.label for t, f in zip(texts, first, strict=True)]
                )
                lines.append(_line(measure, change, count, top, chance, single, random))
    return sorted(lines, key=lambda line: list(ranked).index(line.measure))


def _replaced(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
    out = ids.copy()
    out[places] = 1
    return out


def _line(
    measure: str,
    change: str,
    count: int,
    top: np.ndarray,
    chance: np.ndarray,
    single: np.ndarray,
    random: np.random.Generator,
) -> Line:
    from scipy.stats import binomtest

    more, less = int((top & ~single).sum()), int((~top & single).sum())
    exact = binomtest(more, more + less, 0.5, "greater").pvalue if more + less else 1.0
    p = permutation_test(top - chance, random)
    return Line(
        measure, change, count, len(top), float(top.mean()), float(chance.mean()), p, more, less, exact
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("CERTRNN_DATA"), help="folder of the data sets")
    parser.add_argument("--cache", required=True, help="folder of the trained networks")
    parser.add_argument("--set", choices=("rotten", "toxic"), default="rotten")
    parser.add_argument("--cell", choices=("rnn", "lstm"), default="rnn")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--longest", type=int, default=25, help="only texts of at most so many words")
    parser.add_argument("--rel-tol", type=float, default=0.05)
    parser.add_argument(
        "--threats", default="fade,ball", help="of fade and ball; balls take ten times as long"
    )
    given = parser.parse_args()
    if given.data is None or not Path(given.data).is_dir():
        parser.error(f"the data lies in --data or CERTRNN_DATA: no folder {given.data!r}")
    network = cached_network(Path(given.data), Path(given.cache), given.set, given.cell)
    ids = {word: number for number, word in enumerate(network.vocabulary)}
    held_out = [t.encoded(ids) for t in splits(Path(given.data), given.set).test]
    predict = network.predictor()
    fitting = [t for t in held_out if 5 <= len(t.ids) <= given.longest]
    texts = [t for t in fitting if predict(t.ids) == t.label][: given.texts]
    accuracy = np.mean([predict(t.ids) == t.label for t in held_out])
    print(f"## {given.set}, {given.cell} with 32 units, {date.today()}\n")
    print(
        f"accuracy {accuracy:.3f} on {len(held_out)} held-out texts; sha256 of the network {network.digest}"
    )
    print(f"\n{HEAD}")
    for line in compare(
        predict, texts, measures(network.path, texts, given.rel_tol, given.threats.split(","))
    ):
        print(line)
    options = f"--set {given.set} --cell {given.cell} --texts {given.texts} --threats {given.threats}"
    print(f"\n`python -m benchmarks.cert_rnn.words {options}`\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
