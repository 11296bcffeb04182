"""Words replaced one by one, with candidates from neighbours and from small language models built here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from certrnn.attacks import DynamicFixedPoint, FixedPoint, GradientSign
from certrnn.attacks.language import LanguageCandidates, causal_model, masked_model, tagger
from certrnn.attacks.word_by_word import Aligned, BestEffect, EmbeddingNeighbours, WordByWord
from certrnn.cells import LstmCell, unroll
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, UsageError
from certrnn.ir import Graph, GraphBuilder
from certrnn.specs import Spec, label_spec
from tests.attacks.cases import uniform
from tests.rounding import evaluation_room

VOCABULARY = ("the", "film", "story", "is", "was", "good", "bad", "great", "poor", "plot")
TABLE = uniform(1, len(VOCABULARY), 4)
TEXTS = [tuple(int(w) for w in np.random.default_rng(k).integers(0, len(VOCABULARY), 7)) for k in range(5)]


def network(frames: int = 7) -> Graph:
    builder = GraphBuilder()
    rng = np.random.default_rng(3)
    weights = [1.5 * rng.uniform(-1, 1, s) for s in ((20, 4), (20, 5), (20,), (20,))]
    cell = LstmCell.of(weights[0], weights[1], weights[2], weights[3])
    states = unroll(builder, cell, [builder.input(t, 4) for t in range(frames)], (None, None))
    assert states[-1][0] is not None
    weight = 3.0 * uniform(4, 2, 5)
    return builder.build(builder.affine(weight, torch.zeros(2, dtype=torch.float64), states[-1][0]))


def spec_of(graph: Graph, words: Sequence[int]) -> Spec:
    return label_spec(evaluate(graph, TABLE[list(words)][None]).argmax(dim=1), 2)


NEIGHBOURS = EmbeddingNeighbours(TABLE, count=6)
ATTACKS = (
    WordByWord(TABLE, NEIGHBOURS),
    WordByWord(TABLE, NEIGHBOURS, rule=Aligned(), disturbance=GradientSign()),
    WordByWord(TABLE, NEIGHBOURS, rule=Aligned(), disturbance=FixedPoint(rounds=2)),
    WordByWord(TABLE, NEIGHBOURS, rule=Aligned(), disturbance=DynamicFixedPoint()),
)
NAMES = ["best", "gradient", "fixed", "dynamic"]


@pytest.mark.parametrize("attack", ATTACKS, ids=NAMES)
def test_outcomes_are_verified_and_causal(attack: WordByWord) -> None:
    graph, found = network(), 0
    for words in TEXTS:
        spec = spec_of(graph, words)
        outcome = attack(graph, words, spec)
        vectors = TABLE[list(outcome.words)][None]
        margin = float(spec.margins(evaluate(graph, vectors)).min())
        assert abs(outcome.margin - margin) <= float(evaluation_room(graph, vectors, spec).max())
        assert outcome.success == (outcome.margin <= 0)
        assert all(outcome.words[k] != words[k] for k in outcome.changed)
        for k in outcome.changed:
            assert outcome.words[k] in NEIGHBOURS(words[:k], words[k])
        later = (*words[:4], *reversed(TEXTS[0][:3]))
        assert attack(graph, later, spec).words[:4] == outcome.words[:4]
        found += outcome.success
    assert found >= 1


def test_trying_candidates_is_at_least_as_good_step_by_step() -> None:
    """The last word is replaced only where that lowers the margin."""
    graph = network()
    for words in TEXTS:
        spec = spec_of(graph, words)
        outcome = WordByWord(TABLE, NEIGHBOURS, rule=BestEffect())(graph, words, spec)
        kept = (*outcome.words[:-1], words[-1])
        vectors = TABLE[list(kept)][None]
        before = float(spec.margins(evaluate(graph, vectors)).min())
        assert outcome.margin <= before + float(evaluation_room(graph, vectors, spec).max())


def test_no_more_words_than_allowed() -> None:
    graph = network()
    for words in TEXTS:
        outcome = WordByWord(TABLE, NEIGHBOURS, most=2)(graph, words, spec_of(graph, words))
        assert len(outcome.changed) <= 2


def test_neighbours_are_the_nearest() -> None:
    found = NEIGHBOURS((), 2)
    distance = (TABLE - TABLE[2]).norm(dim=1)
    assert 2 not in found
    assert list(found) == sorted(found, key=lambda w: float(distance[w]))
    assert len(EmbeddingNeighbours(TABLE, largest=0.0)((), 2)) == 0
    assert len(EmbeddingNeighbours(TABLE, count=99)((), 2)) == len(VOCABULARY) - 1


def test_one_text_at_a_time() -> None:
    spec = label_spec(torch.tensor([0, 1]), 2)
    with pytest.raises(UsageError, match="one sample"):
        ATTACKS[0](network(), TEXTS[0], spec)


# ---- language models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A BERT and a GPT-2 of one narrow layer with random weights, saved as the real ones are."""
    pytest.importorskip("transformers", reason="the extra 'language' is not installed")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        GPT2Config,
        GPT2LMHeadModel,
        PreTrainedTokenizerFast,
    )

    torch.manual_seed(0)
    words = ["[UNK]", "[MASK]", "[PAD]", *VOCABULARY[:8]]
    inner = Tokenizer(WordLevel({w: k for k, w in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", mask_token="[MASK]", pad_token="[PAD]", bos_token="[PAD]"
    )
    bert = BertForMaskedLM(
        BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=16,
        )
    )
    gpt = GPT2LMHeadModel(GPT2Config(vocab_size=len(words), n_embd=16, n_layer=1, n_head=2, n_positions=16))
    folders = tmp_path_factory.mktemp("bert"), tmp_path_factory.mktemp("gpt")
    for folder, model in zip(folders, (bert, gpt), strict=True):
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    return folders


@pytest.fixture(scope="module")
def parts_of_speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nltk's tagger trained on a few sentences, in its own file format."""
    perceptron = pytest.importorskip("nltk.tag.perceptron", reason="the extra 'language' is not installed")
    found = perceptron.PerceptronTagger(load=False)
    sentences = [
        sentence
        for noun in ("film", "story", "plot")
        for verb in ("is", "was")
        for adjective in ("good", "bad", "great", "poor")
        for article, name, is_, so in [(("the", "DT"), (noun, "NN"), (verb, "VBZ"), (adjective, "JJ"))]
        for sentence in ([article, name, is_, so], [so, is_, article, name], [is_, article, name, so])
    ]
    found.train(sentences)
    folder = tmp_path_factory.mktemp("tagger")
    for part, value in zip(("weights", "tagdict", "classes"), found.encode_json_obj(), strict=True):
        (folder / f"averaged_perceptron_tagger_eng.{part}.json").write_text(json.dumps(value))
    return folder


def test_a_tagger_is_read_from_its_files(parts_of_speech: Path) -> None:
    assert tagger(parts_of_speech)(["the", "plot", "was", "poor"]) == ["DT", "NN", "VBZ", "JJ"]
    with pytest.raises(InvalidInput, match="averaged_perceptron_tagger"):
        tagger(parts_of_speech, "xyz")


def test_language_models_rank_candidates_by_the_words_before(models: tuple[Path, Path]) -> None:
    for loaded in (masked_model(models[0]), causal_model(models[1])):
        candidates = LanguageCandidates(VOCABULARY, loaded, count=5)
        found = candidates((0, 1, 3), 5)
        assert len(found) == 5
        assert 5 not in found
        assert set(found) <= set(range(8))  # the last two words are no tokens of the models
        tokenizer, score = loaded
        ids = tokenizer.convert_tokens_to_ids(list(VOCABULARY[:8]))
        scores = score("the film is")
        expected = [int(k) for k in scores[ids].argsort(descending=True) if k != 5][:5]
        assert list(found) == expected
        assert list(candidates((0, 1, 3, 6, 7), 5)) != list(found)
        assert len(candidates((), 5)) == 5
        short = LanguageCandidates(VOCABULARY, loaded, context=1)
        assert short((2, 3), 5) == short((6, 7, 3), 5)


def test_candidates_keep_the_part_of_speech(models: tuple[Path, Path], parts_of_speech: Path) -> None:
    tags = tagger(parts_of_speech)
    candidates = LanguageCandidates(VOCABULARY, masked_model(models[0]), tags)
    words, dropped = (0, 1, 3, 5), 0
    for place in range(1, 4):
        before = [VOCABULARY[w] for w in words[:place]]
        same = {
            w
            for w in range(8)
            if tags([*before, VOCABULARY[w]])[-1] == tags([*before, VOCABULARY[words[place]]])[-1]
        }
        assert set(candidates(words[:place], words[place])) == same - {words[place]}
        dropped += 8 - len(same)
    assert dropped > 0
    graph = network(4)
    outcome = WordByWord(TABLE, candidates)(graph, words, spec_of(graph, words))
    assert all(outcome.words[k] in candidates(words[:k], words[k]) for k in outcome.changed)


def test_what_is_no_model_is_refused(models: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the folder exists"):
        masked_model(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="safetensors"):
        masked_model(tmp_path)
    with pytest.raises(InvalidInput, match="single tokens"):
        LanguageCandidates(("zebra", "quark"), masked_model(models[0]))


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "nltk.tag.perceptron", None)
    for load in (masked_model, tagger):
        with pytest.raises(UsageError, match="language"):
            load(tmp_path)
