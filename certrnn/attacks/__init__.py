"""Attacks: upper bounds on robustness."""

from certrnn.attacks._protocol import Attack, Outcome
from certrnn.attacks.pgd import FGSM, PGD
from certrnn.attacks.smallest import Descent, Smallest, smallest_eps

__all__ = ["FGSM", "PGD", "Attack", "Descent", "Outcome", "Smallest", "smallest_eps"]
