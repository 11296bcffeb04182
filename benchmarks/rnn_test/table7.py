"""Table VII of RNN-Test: the language model trained anew with changed inputs beside the training part.

    python -m benchmarks.rnn_test.table7 --data FOLDER --cache FOLDER [--size quick] [--repeats 5] [--inputs 1650]

The paper adds 82.5 KB of inputs (about 1650 windows of ten words) that the decision orientation found, and does not say
which part they come from. Here they come from the train, the valid or the test part, each by itself: a changed window
of the test part repeats nine of ten words that the test then asks for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

import certrnn
from benchmarks.rnn_test.language_model import (
    END,
    PARTS,
    SIZES,
    Corpus,
    LanguageModel,
    Size,
    epoch,
    given,
    options,
    trained,
)
from certrnn.testing.guided import guided_search
from certrnn.testing.search import GuidedSearch

PAPER = {"valid": "-1.159 %", "test": "117.53 to 102.75 (-12.6 %)", "train": "+1.082 %"}


def perplexities(size: Size, text: Corpus, extra: np.ndarray, seed: int) -> dict[str, float]:
    """By part the perplexity of a model trained on the training part and ``extra`` words behind it."""
    torch.manual_seed(seed)
    model = LanguageModel(size, len(text.vocabulary))
    stream = np.concatenate([text.parts["train"], extra])
    for number in range(size.epochs):
        train = epoch(model, stream, size, size.rate_of(number))
    rest = {part: epoch(model, text.parts[part], size, None) for part in ("valid", "test")}
    return {"train": train, **rest}


def changed(file: Path, text: Corpus, part: str, count: int, seed: int) -> np.ndarray:
    """The words of changed windows of a part, one behind the other."""
    x, y = text.windows(part)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(x))[:count])
    barred = frozenset({text.vocabulary.index(END)})
    search = GuidedSearch("decision", seed=seed, barred=barred)
    outcome = guided_search(certrnn.load(file), x[chosen], y[chosen], search)
    words = [one.words for one in outcome.inputs if one.words is not None]
    return np.concatenate(words) if words else np.zeros(0, dtype=np.int64)


def main() -> int:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="trainings, each of another seed")
    parser.add_argument("--inputs", type=int, default=1650, help="windows that are changed")
    told = given(parser)
    size = SIZES[told.size]
    file, text = trained(told.data, told.cache, told.size, told.seed)
    extras = {"nothing": np.zeros(0, dtype=np.int64)}
    for part in PARTS:
        print(f"changing windows of the {part} part", file=sys.stderr, flush=True)
        extras[f"changed windows of {part}"] = changed(file, text, part, told.inputs, told.seed)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in extras}
    for seed in range(told.repeats):
        for name, extra in extras.items():
            print(f"training {seed + 1} of {told.repeats} with {name}", file=sys.stderr, flush=True)
            found[name].append(perplexities(size, text, extra, seed))
    report(told.size, extras, found)
    return 0


def report(size: str, extras: dict[str, np.ndarray], found: dict[str, list[dict[str, float]]]) -> None:
    """Print means over the trainings, and the change beside training without; the interval is 1.96 standard errors of
    the paired changes."""
    repeats = len(next(iter(found.values())))
    print(f"Table VII: model {size}, means of {repeats} trainings\n")
    print("| added | words | " + " | ".join(f"{part} pp | change" for part in PARTS) + " |")
    print("|---" * (2 + 2 * len(PARTS)) + "|")
    base = found["nothing"]
    for name, rows in found.items():
        cells = [name, str(len(extras[name]))]
        for part in PARTS:
            mine, plain = (np.array([row[part] for row in some]) for some in (rows, base))
            change = 100 * (mine / plain - 1)
            spread = 1.96 * change.std(ddof=1) / np.sqrt(repeats) if repeats > 1 else float("nan")
            cells += [f"{mine.mean():.2f}", "" if rows is base else f"{change.mean():+.3f} % +- {spread:.3f}"]
        print(f"| {' | '.join(cells)} |")
    print("| the paper | about 16500 | | " + " | | ".join(PAPER[part] for part in PARTS) + " |")


if __name__ == "__main__":
    sys.exit(main())
