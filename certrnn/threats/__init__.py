"""What may change of an input (threat models), and what must hold of the answer (specifications).

To add a threat model, write a class that derives from :class:`ThreatModel` in a file of its own: ``region`` gives the
set that a sample may become at an eps, ``record`` and ``restored`` write it to documents and read it back. To add a
specification, derive from :class:`Specification`: ``targets`` says what is required of each sample, ``spec`` writes
that as linear rows over the scores. Name it in the registry below by the ``kind`` of its record, and give
tests/threats/members.py a few of them; the tests then hold it to the laws: regions grow with eps and contain the
sample, records restore to the same, and a specification's rows are positive exactly where it holds.

>>> import torch
>>> ball = NormBall("2", joint=True)
>>> region = ball.region([0], torch.zeros(1, 3, 2), torch.tensor([0.5]), (1, 2), None)
>>> region.frames
(1, 2)
>>> THREAT_MODELS[ball.record().kind].restored(ball.record(), Supplied()).name
'l2 over the sequence'
>>> SPECIFICATIONS["accept"].restored(Accept((0, 2)).record())
Accept(labels=(0, 2), never=False)
"""

from certrnn.threats.accept import Accept
from certrnn.threats.edits import Edits, Place
from certrnn.threats.labels import Labels
from certrnn.threats.norm import NormBall
from certrnn.threats.records import Radii, SpecificationRecord, ThreatRecord
from certrnn.threats.specification import Specification, Targets, predict
from certrnn.threats.threat_model import FULL, Supplied, ThreatModel
from certrnn.threats.threshold import Threshold
from certrnn.threats.word_substitution import WordSet, WordSubstitution

THREAT_MODELS: dict[str, type[ThreatModel]] = {"ball": NormBall, "words": WordSubstitution, "edits": Edits}
"""By the kind of their record."""

SPECIFICATIONS: dict[str, type[Specification]] = {
    "label": Labels,
    "target": Accept,
    "accept": Accept,
    "threshold": Threshold,
}
"""By the kind of their record."""

__all__ = [
    "FULL",
    "SPECIFICATIONS",
    "THREAT_MODELS",
    "Accept",
    "Edits",
    "Labels",
    "NormBall",
    "Place",
    "Radii",
    "Specification",
    "SpecificationRecord",
    "Supplied",
    "Targets",
    "ThreatModel",
    "ThreatRecord",
    "Threshold",
    "WordSet",
    "WordSubstitution",
    "predict",
]
