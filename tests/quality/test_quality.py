"""Measures of quality on inputs whose values are known, and against independent computations."""

from __future__ import annotations

import math
import sys
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch

from certrnn.errors import UsageError
from certrnn.quality import (
    bleu,
    character_distance,
    correction_lost,
    costs,
    edit_distance,
    generation_rate,
    l2,
    orientation_rate,
    paired,
    perplexities,
    perplexity,
    success_rate,
    word_error_rate,
)


def test_costs_are_torch_s_cross_entropy_and_nothing_where_nothing_is_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 4, 5, dtype=torch.float64, generator=generator)
    targets = torch.randint(0, 5, (3, 4), generator=generator)
    wanted = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
    torch.testing.assert_close(costs(scores, targets), wanted.reshape(3, 4))
    targets[0, 1] = -1
    assert costs(scores, targets)[0, 1] == 0


def test_the_cost_of_a_lone_score_is_that_of_the_logistic_function() -> None:
    scores = torch.tensor([[[2.0]], [[-1.0]]], dtype=torch.float64)
    found = costs(scores, torch.tensor([[1], [0]]))
    wanted = [-math.log(1 / (1 + math.exp(-2.0))), -math.log(1 - 1 / (1 + math.exp(1.0)))]
    assert found.flatten().tolist() == pytest.approx(wanted)


def test_perplexity_of_a_uniform_guess_is_the_number_of_words() -> None:
    each = [4 * math.log(10), 2 * math.log(10)]
    assert perplexity(each, [4, 2]) == pytest.approx(10)
    assert perplexities(each, [4, 2]).tolist() == pytest.approx([10, 10])
    assert math.isnan(perplexity([], []))
    assert np.isnan(perplexities([0.0], [0])).all()


def test_total_perplexity_weighs_words_and_the_mean_weighs_inputs() -> None:
    assert perplexity([math.log(2), 3 * math.log(8)], [1, 3]) == pytest.approx(2 ** (10 / 4))
    assert perplexities([math.log(2), 3 * math.log(8)], [1, 3]).mean() == pytest.approx(5)


@cache
def recursive(one: str, other: str) -> int:
    """The distance by its definition."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        recursive(one[1:], other) + 1,
        recursive(one, other[1:]) + 1,
        recursive(one[1:], other[1:]) + (one[0] != other[0]),
    )


def test_edit_distance_is_that_of_its_definition_on_every_short_pair() -> None:
    words = ["".join(letters) for n in range(4) for letters in product("ab", repeat=n)]
    for one, other in product(words, words):
        assert edit_distance(one, other) == recursive(one, other)


def test_characters_are_counted_and_words_are_a_rate() -> None:
    assert character_distance("the cat", "a cat") == 3
    assert word_error_rate("the cat", "a cat") == 0.5
    assert word_error_rate("a b c d", "x") == 4  # a rate of errors may exceed 1
    assert math.isnan(word_error_rate("a", " "))


def test_bleu_is_1_of_the_same_text_and_falls_with_changes() -> None:
    pytest.importorskip("nltk")
    text = "the quick brown fox jumps over the lazy dog"
    assert bleu(text, text) == pytest.approx(1)
    one, two = (
        bleu(text.replace("fox", "fax"), text),
        bleu(text.replace("fox", "fax").replace("dog", "cat"), text),
    )
    assert 0 < two < one < 1
    assert bleu("", text) == 0
    assert bleu("ab", text) < 0.01  # too short for any run of three: nltk only warns


def test_bleu_without_nltk_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "nltk"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(UsageError, match=r"certrnn\[language\]"):
        bleu("a", "a")


def test_rates() -> None:
    made, lucky, harm = [True, True, False, True], [False, True, False, False], [True, False, False, True]
    assert generation_rate(made) == 0.75
    assert orientation_rate(made, lucky) == pytest.approx(2 / 3)
    assert success_rate(made, harm) == pytest.approx(2 / 3)
    assert math.isnan(generation_rate([]))
    assert math.isnan(success_rate([False], [False]))
    assert l2(np.array([[3.0], [4.0]])) == 5


def test_a_correction_counts_as_lost_where_the_word_left_the_answer() -> None:
    text, wrong = "swim in the ocean", "swim in the ocaen"
    assert correction_lost(text, wrong, "swim in the ocean", "swim in the ocaen")
    assert not correction_lost(text, wrong, "swim in the ocean", "swum in the ocean")
    assert not correction_lost(text, wrong, "swim in the ocaen", "swim in the ocaen")  # never corrected
    with pytest.raises(ValueError, match="one number of words"):
        correction_lost("a b", "ab", "a b", "a b")


def test_paired_intervals_hold_the_difference_and_shrink_with_inputs() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=400)
    moved = base + 0.5 + 0.1 * rng.normal(size=400)

    def mean(values: np.ndarray, count: int):
        return lambda rows: float(values[:count][rows].mean())

    few, many = (paired(mean(moved, n), mean(base, n), n, draws=400) for n in (20, 400))
    assert few.low < 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    assert many.not_above == 0
    same = paired(mean(base, 400), mean(base, 400), 400, draws=50)
    assert (same.value, same.low, same.high, same.not_above) == (0, 0, 0, 1)
    # pairing matters: what is common to both cancels
    assert many.high - many.low < 0.2 * np.std(base)
