"""Words replaced by neighbours, against trying everything."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from certrnn.attacks import NearestWords
from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.attacks.cases import recurrent, uniform

TABLE = uniform(21, 12, 4)
GRAPH = recurrent(3)
WORDS = torch.randint(0, 12, (10, 3), generator=torch.Generator().manual_seed(5))
X = TABLE[WORDS]
SPEC = label_spec(evaluate(GRAPH, X).argmax(dim=1), 3)


def region(eps: float, frames: tuple[int, ...] = (0, 1, 2)) -> LinfBall:
    return LinfBall(X, torch.full((10,), eps, dtype=torch.float64), frames)


def within(eps: float, frames: tuple[int, ...], row: int) -> torch.Tensor:
    """Every sentence of table words in the region of a row."""
    options = [TABLE if t in frames else X[row, t][None] for t in range(3)]
    every = torch.stack([torch.stack(words) for words in product(*options)])
    return every[((every - X[row]).abs() <= eps).flatten(1).all(dim=1)]


def broken(spec: Spec, x: torch.Tensor) -> torch.Tensor:
    wide = spec.select(torch.zeros(len(x), dtype=torch.long))
    return wide.margins(evaluate(GRAPH, x)).amin(dim=1) <= 0


@pytest.mark.parametrize("eps", [0.4, 0.8, 3.0])
def test_sentences_are_words_of_the_table_inside_the_region(eps: float) -> None:
    outcome = NearestWords(TABLE, neighbours=12)(GRAPH, region(eps), SPEC)
    known = (outcome.x[:, :, None] == TABLE).all(dim=3).any(dim=2)
    assert bool(known.all())
    assert bool(region(eps).contains(outcome.x).all())
    for row in range(10):
        possible = bool(broken(SPEC.part(row, row + 1), within(eps, (0, 1, 2), row)).any())
        assert not bool(outcome.success[row]) or possible


def test_most_of_what_trying_everything_finds_is_found() -> None:
    outcome = NearestWords(TABLE, neighbours=12)(GRAPH, region(3.0), SPEC)
    possible = [bool(broken(SPEC.part(r, r + 1), within(3.0, (0, 1, 2), r)).any()) for r in range(10)]
    assert sum(possible) >= 8
    assert int(outcome.success.sum()) >= 0.9 * sum(possible)


def test_one_replacement_is_exact() -> None:
    outcome = NearestWords(TABLE, neighbours=12, most=1)(GRAPH, region(3.0), SPEC)
    assert int((outcome.x != X).any(dim=2).sum(dim=1).max()) == 1
    for row in range(10):
        tried = [within(3.0, (t,), row) for t in range(3)]
        possible = bool(broken(SPEC.part(row, row + 1), torch.cat(tried)).any())
        assert bool(outcome.success[row]) == possible


def test_other_frames_and_far_words_stay() -> None:
    outcome = NearestWords(TABLE)(GRAPH, region(3.0, frames=(1,)), SPEC)
    assert torch.equal(outcome.x[:, [0, 2]], X[:, [0, 2]])
    still = NearestWords(TABLE)(GRAPH, region(1e-9), SPEC)
    assert torch.equal(still.x, X)


def test_neighbours_are_the_nearest_words() -> None:
    outcome = NearestWords(TABLE, neighbours=1, most=1)(GRAPH, region(5.0), SPEC)
    changed = (outcome.x != X).any(dim=2)
    assert changed.any()
    for row, frame in changed.nonzero().tolist():
        apart = (TABLE - X[row, frame]).norm(dim=1)
        nearest = TABLE[apart.where(apart > 0, torch.tensor(torch.inf, dtype=torch.float64)).argmin()]
        assert torch.equal(outcome.x[row, frame], nearest)


def test_options_without_sense_are_refused() -> None:
    with pytest.raises(UsageError):
        NearestWords(neighbours=0)
    with pytest.raises(UsageError):
        NearestWords(TABLE[0])
