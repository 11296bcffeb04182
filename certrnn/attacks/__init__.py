"""Attacks: sequences that break a specification, and so upper bounds on what can be certified.

They know points only, never a bound, so that they can contradict the analyses. An attack proposes; the final
``__call__`` of :class:`Attack` projects the proposals into their regions and believes none that it has not verified.

To add an attack, write a frozen dataclass in a file of its own, with its options as fields and one method ``run``, and
name an instance in :data:`NAMED`; the contract suite then checks it. A minimal one, which tries corners by chance:

>>> from dataclasses import dataclass
>>> import torch
>>> from certrnn.ir import GraphBuilder
>>> from certrnn.regions import LinfBall
>>> from certrnn.specs import Spec
>>> @dataclass(frozen=True)
... class RandomCorner(Attack):
...     seed: int = 0
...
...     def run(self, graph, region, spec):
...         generator = torch.Generator().manual_seed(self.seed)
...         direction = torch.rand(region.center.shape, generator=generator, dtype=torch.float64) - 0.5
...         return region.center + 1e9 * direction  # the projection takes care of the rest

Asked whether ``x_1 + x_2 + 0.3 > 0`` holds for every ``|x| <= eps``, it may or may not find the corner; projected
gradient descent does, and finds where the property breaks first:

>>> builder = GraphBuilder()
>>> weight, bias = torch.ones(1, 2, dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
>>> graph = builder.build(builder.affine(weight, bias, builder.input(frame=0, size=2)))
>>> spec = Spec(rows=torch.ones(1, 1, 1, dtype=torch.float64), offset=torch.zeros(1, 1, dtype=torch.float64))
>>> def ball(rows, eps):
...     return LinfBall(torch.zeros(len(rows), 1, 2, dtype=torch.float64), eps, frames=(0,))
>>> region = ball([0], torch.tensor([0.2], dtype=torch.float64))
>>> bool(region.contains(RandomCorner()(graph, region, spec).x))
True
>>> PGD()(graph, region, spec).success.tolist()
[True]
>>> round(float(smallest_eps(PGD(), graph, ball, spec).eps), 3)
0.15
"""

from certrnn.attacks.attack import Attack, Outcome
from certrnn.attacks.carlini_wagner import CarliniWagnerL2, CarliniWagnerLinf
from certrnn.attacks.causal import CausalSystem
from certrnn.attacks.closest import closest
from certrnn.attacks.dynamic_fixed_point import DynamicFixedPoint
from certrnn.attacks.fixed_point import FixedPoint
from certrnn.attacks.gradient_sign import GradientSign
from certrnn.attacks.lbfgs import LBFGS
from certrnn.attacks.lyapunov import Confidence, Distance, Lyapunov, Margin, Target
from certrnn.attacks.online import CausalAttack, LinfLimits, OnlineAttack
from certrnn.attacks.optimal_control import OptimalControl
from certrnn.attacks.pgd import FGSM, PGD
from certrnn.attacks.replay import Replay, Replayable, replay, replay_smallest
from certrnn.attacks.rnn_test import RnnTest
from certrnn.attacks.saliency import Saliency
from certrnn.attacks.smallest import Ball, Descent, Smallest, smallest_eps
from certrnn.attacks.squared_error import SquaredError
from certrnn.attacks.substitution import Substitution
from certrnn.attacks.word_by_word import Aligned, BestEffect, EmbeddingNeighbours, WordByWord
from certrnn.attacks.words import NearestWords

NAMED: dict[str, Attack] = {
    "fgsm": FGSM(),
    "pgd": PGD(),
    "cw-l2": CarliniWagnerL2(),
    "cw-linf": CarliniWagnerLinf(),
    "lbfgs": LBFGS(),
    "saliency": Saliency(),
    "mse": SquaredError(),
    "mse-noise": SquaredError(pull=0.0, noise=1.0),
    "words": NearestWords(),
    "substitution": Substitution(),
    "gradient-sign": GradientSign(),
    "fixed-point": FixedPoint(),
    "dynamic-fixed-point": DynamicFixedPoint(),
    "optimal-control": OptimalControl(),
    "rnn-test": RnnTest(),
}
"""Every attack with its default options, by the name that ``certrnn attack --attack`` takes."""

ATTACKS: tuple[Attack, ...] = tuple(NAMED.values())
"""Every attack with its default options."""

__all__ = [
    "ATTACKS",
    "FGSM",
    "LBFGS",
    "NAMED",
    "PGD",
    "Aligned",
    "Attack",
    "Ball",
    "BestEffect",
    "CarliniWagnerL2",
    "CarliniWagnerLinf",
    "CausalAttack",
    "CausalSystem",
    "Confidence",
    "Descent",
    "Distance",
    "DynamicFixedPoint",
    "EmbeddingNeighbours",
    "FixedPoint",
    "GradientSign",
    "LinfLimits",
    "Lyapunov",
    "Margin",
    "NearestWords",
    "OnlineAttack",
    "OptimalControl",
    "Outcome",
    "Replay",
    "Replayable",
    "RnnTest",
    "Saliency",
    "Smallest",
    "SquaredError",
    "Substitution",
    "Target",
    "WordByWord",
    "closest",
    "replay",
    "replay_smallest",
    "smallest_eps",
]
