"""Cert-RNN's sensitive words: the certified eps of each word of the paper's toxic comments, and other rankings."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from benchmarks.cert_rnn.cases import EXAMPLES, Example
from benchmarks.cert_rnn.networks import Kept
from benchmarks.data import texts
from certrnn.certification.words import BALL, FADE, WordQuery
from certrnn.model import load
from certrnn.report.words_html import page
from certrnn.results.words import Sentence, Word

NOTES = """What differs from the paper:

* The network is our own (see the accuracy); its word vectors have 32 numbers and were trained with it, so that eps are
  in other units than the paper's. A word in brackets is unknown to our vocabulary.
* *fade* is not in the paper: how far the word may fade to the unknown word's vector, guaranteed, or, where all of it
  may, the largest share of the margin that this costs. It finds the words that decide more surely than eps does
  (`benchmarks/cert_rnn/words.py` tests both by deleting and replacing words).
* Rank correlations are Spearman's, of a comment's words.
"""


def words(network: Kept, save: Callable[[str, bytes], None]) -> None:
    """Print the comments word by word, and save heat maps."""
    case = network.case
    found = texts.cached_network(network.data, network.path.parent, case.data, case.cell)
    ids = {word: number for number, word in enumerate(found.vocabulary)}
    print(
        f"### Sensitive words of toxic comments, {case.name} (accuracy {100 * network.record.accuracy:.1f} %)\n"
    )
    model = load(network.path)
    assert model.network.embedding is not None
    x = [np.array([ids.get(word, 1) for word in example.words]) for example in EXAMPLES]
    unknown = torch.from_numpy(model.network.embedding.table[1])
    asked = (
        WordQuery(FADE, unknown, "the unknown word"),
        WordQuery(BALL, rel_tol=0.02),
    )
    ranked = []
    for query in asked:
        start = time.perf_counter()
        spoken = replace(model.sequences(x, [1] * len(x)), words=tuple(e.words for e in EXAMPLES))
        sentences = [one for some in model.stream(spoken, query) for one in some]
        done = model.job(spoken, query).collect(sentences)
        save(f"words_{case.cell}_{query.threat}.html", page(done).encode("utf-8"))
        seconds = time.perf_counter() - start
        print(f"{case.name}, {query.threat}: {len(x)} comments, {seconds:.1f} s", file=sys.stderr, flush=True)
        ranked.append(done)
    for number, example in enumerate(EXAMPLES):
        fade, ball = (done.sentences[number] for done in ranked)
        _show(example, x[number], fade, ball, ranked[0].shown)
    print(NOTES)


def _show(
    example: Example, ids: np.ndarray, fade: Sentence, ball: Sentence, shown: Callable[[Word], str]
) -> None:
    """One comment as a table: a column a word."""
    spoken = [f"({word})" if number == 1 else word for word, number in zip(example.words, ids, strict=True)]
    bold = [f"**{word}**" if place in example.underlined else word for place, word in enumerate(spoken)]
    print(_row("", bold) + "\n" + _row("---", ["---"] * len(bold)))
    print(_row("paper's eps", [f"{eps:.4f}" for eps in example.eps]))
    if not fade.right:
        print("\nAnswered as not toxic by our network: nothing to certify.\n")
        return
    eps = [word.certified or 0.0 for word in ball.words]
    print(_row("our eps", [f"{value:.4f}" for value in eps]))
    print(_row("fade", [shown(word) for word in fade.words]))
    underlined = [example.words[place] for place in example.underlined]
    first = {"eps": np.argsort(eps, kind="stable"), "fade": [word.frame for word in fade.ranked()]}
    ranks = "; ".join(
        f"by {name} {', '.join(str(list(order).index(place) + 1) for place in example.underlined)}"
        for name, order in first.items()
    )
    mine, places = _spearman(eps, example.eps), _spearman(range(len(bold)), example.eps)
    print(f"\nThe paper underlines {', '.join(underlined)}. Ranks of these among {len(bold)} words: {ranks}.")
    print(f"Rank correlation with the paper's eps: {mine} of ours, {places} of the words' places alone.\n")


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _spearman(first: Sequence[float] | range, second: Sequence[float]) -> str:
    from scipy.stats import spearmanr

    return f"{float(spearmanr(list(first), list(second))[0]):.2f}"  # pyright: ignore
