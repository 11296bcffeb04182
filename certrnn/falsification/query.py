"""What is asked of every sample of an attack."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from certrnn.attacks import NAMED, Attack, Descent, NearestWords
from certrnn.certification import Query
from certrnn.errors import UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.threats import Accept

PGD, SUBSTITUTION = "pgd", "substitution"


@dataclass(frozen=True)
class AttackQuery:
    """What may change and what must hold, and what looks for a sequence where it does not.

    Args:
        name: the attack's name in :data:`certrnn.attacks.NAMED`.
        query: where it looks: ``eps`` (None for the smallest: of attacks that minimise a distance of their own the
            closest counterexample in the first region that holds one), ``frames``, ``clip``, ``threat``,
            ``specification`` and ``budget``; nothing else of it counts.
        descent: how the smallest eps is searched.

    Raises:
        UsageError: there is no such attack.
    """

    name: str = PGD
    query: Query = field(default_factory=lambda: Query(frames="all"))
    descent: Descent = field(default_factory=Descent)

    def __post_init__(self) -> None:
        if self.name not in NAMED:
            known = f"the attack is one of {', '.join(NAMED)}"
            raise UsageError("reading --attack", known, repr(self.name))
        if self.query.eps is not None and self.query.budget is not None:
            requirement = (
                "it belongs to the search of the closest counterexample: at one eps there is one attempt"
            )
            beside = (
                "words that change whole" if self.query.threat.discrete else f"--eps {self.query.eps[0]:g}"
            )
            raise UsageError("reading --budget", requirement, f"{beside} beside it")

    @property
    def target(self) -> int | None:
        """The one class that must come out, or None."""
        held = self.query.specification
        alone = isinstance(held, Accept) and held.never and len(held.labels) == 1
        return held.labels[0] if isinstance(held, Accept) and alone else None

    @property
    def by_words(self) -> bool:
        """Whether only words of the network's table count."""
        return isinstance(NAMED[self.name], NearestWords)

    def attack(self, network: OnnxModel) -> Attack:
        """The attack itself; the word attack with the network's own table.

        Raises:
            UsageError: the network has no words.
        """
        attack = NAMED[self.name]
        if isinstance(attack, NearestWords):
            if network.embedding is None:
                requirement = "words are replaced in a network with an embedding"
                raise UsageError("reading --attack", requirement, "one that reads floats")
            return replace(attack, table=torch.from_numpy(network.embedding.table))
        return attack


def usual(query: Query) -> str:
    """The attack that is put to a question where none is named: of listed words those, else projected descent."""
    return SUBSTITUTION if query.threat.discrete else PGD
