"""Quality of outputs and of searches, one measure a file: cross-entropy, perplexity, edit distance, BLEU, rates, size
of a perturbation, and paired bootstrap intervals. None of them knows a network.
"""

from certrnn.quality.bleu import bleu
from certrnn.quality.bootstrap import Interval, paired
from certrnn.quality.cost import costs
from certrnn.quality.edit_distance import character_distance, edit_distance, word_error_rate
from certrnn.quality.perplexity import perplexities, perplexity
from certrnn.quality.perturbation import l2
from certrnn.quality.rates import correction_lost, generation_rate, orientation_rate, success_rate

__all__ = [
    "Interval",
    "bleu",
    "character_distance",
    "correction_lost",
    "costs",
    "edit_distance",
    "generation_rate",
    "l2",
    "orientation_rate",
    "paired",
    "perplexities",
    "perplexity",
    "success_rate",
    "word_error_rate",
]
