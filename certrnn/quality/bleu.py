"""BLEU over characters, as the paper computes it: the extra ``language`` (nltk)."""

from __future__ import annotations

import warnings

from certrnn.errors import UsageError


def bleu(text: str, reference: str) -> float:
    """nltk's ``sentence_bleu`` of characters, n-grams up to 4 weighted alike, without smoothing; 0 for no text.

    Raises:
        UsageError: nltk is not installed.

    Source: Papineni et al., BLEU: a method for automatic evaluation of machine translation (ACL 2002).
    """
    try:
        from nltk.translate.bleu_score import sentence_bleu
    except ImportError:
        remedy = "pip install 'certrnn[language]'"
        raise UsageError("computing BLEU", "nltk is installed", "nothing", remedy) from None
    if not text:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nltk warns where a text has no n-gram of some length
        return float(sentence_bleu([list(reference)], list(text)))  # type: ignore[arg-type]
