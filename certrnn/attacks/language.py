"""Candidates from a language model and a part-of-speech tagger: the extra ``language`` (transformers, nltk).

Models are read from folders on disk, never fetched: weights as safetensors, taggers as JSON; nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from certrnn.errors import InvalidInput, UsageError

Score = Callable[[str], torch.Tensor]
"""Scores (tokens,) of the token that follows a text."""


def masked_model(folder: str | Path) -> tuple[Any, Score]:
    """Tokenizer and scores of a masked language model (BERT and its kind): a mask is put behind the text.

    Raises:
        UsageError: the extra is not installed.
        InvalidInput: the folder does not hold such a model.
    """
    tokenizer, model = _loaded(folder, "AutoModelForMaskedLM")
    if tokenizer.mask_token is None:
        raise InvalidInput(f"reading language model {str(folder)!r}", "its tokenizer has a mask", "none")

    def score(text: str) -> torch.Tensor:
        encoding = tokenizer(f"{text} {tokenizer.mask_token}".strip(), return_tensors="pt")
        place = (encoding["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten()[-1]
        with torch.no_grad():
            return model(**encoding).logits[0, place]

    return tokenizer, score


def causal_model(folder: str | Path) -> tuple[Any, Score]:
    """Tokenizer and scores of a model that continues a text (GPT-2 and its kind).

    Raises:
        UsageError: the extra is not installed.
        InvalidInput: the folder does not hold such a model.
    """
    tokenizer, model = _loaded(folder, "AutoModelForCausalLM")

    def score(text: str) -> torch.Tensor:
        encoding = tokenizer(text, return_tensors="pt")
        ids = encoding["input_ids"]
        if not ids.shape[1]:
            start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else 0
            ids = torch.tensor([[start]])
        with torch.no_grad():
            return model(input_ids=ids).logits[0, -1]

    return tokenizer, score


def tagger(folder: str | Path, language: str = "eng") -> Callable[[list[str]], list[str]]:
    """nltk's averaged perceptron tagger from a folder of JSON files: words to parts of speech.

    Raises:
        UsageError: the extra is not installed.
        InvalidInput: the folder does not hold a tagger.
    """
    try:
        from nltk.tag.perceptron import PerceptronTagger
    except ImportError:
        raise _missing("nltk") from None
    perceptron = PerceptronTagger(load=False)
    try:
        # read here: nltk itself opens nothing outside of its own data folders
        weights, words, classes = (
            json.loads(
                (Path(folder) / f"averaged_perceptron_tagger_{language}.{part}.json").read_text("utf-8")
            )
            for part in ("weights", "tagdict", "classes")
        )
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"reading tagger {str(folder)!r}",
            "the folder holds nltk's averaged_perceptron_tagger as JSON",
            " ".join(str(error).split()),
        ) from error
    perceptron.model.weights, perceptron.tagdict, perceptron.classes = weights, words, set(classes)
    perceptron.model.classes = perceptron.classes
    return lambda text: [tag for _, tag in perceptron.tag(text)]


@dataclass(frozen=True, eq=False)
class LanguageCandidates:
    """The words that a language model expects most in a word's place, given the words before it.

    Args:
        vocabulary: the words of the attacked network, by number.
        model: from :func:`masked_model` or :func:`causal_model`.
        tags: from :func:`tagger`; candidates then have the word's part of speech.
        context: number of words before that are read (the paper's tau).
        count: candidates (the paper's M).
    """

    vocabulary: Sequence[str]
    model: tuple[Any, Score]
    tags: Callable[[list[str]], list[str]] | None = None
    context: int = 4
    count: int = 20
    _tokens: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokenizer = self.model[0]
        special = set(tokenizer.all_special_ids)  # padding and the like are no words that a person writes
        for number, word in enumerate(self.vocabulary):
            for spelled in (word, f" {word}"):  # byte-pair tokens carry the space before a word
                tokens = tokenizer.encode(spelled, add_special_tokens=False)
                if len(tokens) == 1 and tokens[0] not in special:
                    self._tokens[number] = tokens[0]
        if not self._tokens:
            raise InvalidInput(
                "reading a language model", "some words of the vocabulary are single tokens of it", "none"
            )

    def __call__(self, before: Sequence[int], word: int) -> Sequence[int]:
        words = [self.vocabulary[w] for w in before[max(0, len(before) - self.context) :]]
        scores = self.model[1](" ".join(words))
        numbers = list(self._tokens)
        order = scores[torch.tensor([self._tokens[n] for n in numbers])].argsort(descending=True)
        ranked = [numbers[int(k)] for k in order if numbers[int(k)] != word]
        if self.tags is None:
            return ranked[: self.count]
        tags, chosen = self.tags, []
        wanted = tags([*words, self.vocabulary[word]])[-1]
        for number in ranked:
            if tags([*words, self.vocabulary[number]])[-1] == wanted:
                chosen.append(number)
            if len(chosen) == self.count:
                break
        return chosen


def _loaded(folder: str | Path, kind: str) -> tuple[Any, Any]:
    try:
        import transformers
    except ImportError:
        raise _missing("transformers") from None
    if not Path(folder).is_dir():
        raise InvalidInput("reading a language model", "the folder exists", repr(str(folder)))
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = getattr(transformers, kind).from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"reading language model {str(folder)!r}",
            "the folder holds a tokenizer and safetensors weights, as save_pretrained writes them",
            " ".join(str(error).split())[:200],
        ) from error
    return tokenizer, model.eval()


def _missing(package: str) -> UsageError:
    return UsageError(
        "loading a language model", f"{package} is installed", "nothing", "pip install 'certrnn[language]'"
    )
