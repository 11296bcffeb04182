"""RNN-Test: one word is changed along the gradient of an orientation, of coverage guidance, or of both.

:mod:`certrnn.attacks.rnn_test.orientations` and :mod:`certrnn.attacks.rnn_test.guides` are registers, one file a
member, and say how to add one. An :class:`Objective` joins the two; :class:`Words` turns its gradient into a word.

Source: Guo et al., RNN-Test: Towards adversarial testing for recurrent neural network systems.
"""

from certrnn.attacks.rnn_test.attack import RnnTest
from certrnn.attacks.rnn_test.guides import STRATEGIES, Guide, Strategy
from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.nearest import SCALES, Change, Words, parse_scales
from certrnn.attacks.rnn_test.objective import Objective
from certrnn.attacks.rnn_test.orientations import ORIENTATIONS, Orientation

__all__ = [
    "ORIENTATIONS",
    "SCALES",
    "STRATEGIES",
    "Change",
    "Guide",
    "Moment",
    "Objective",
    "Orientation",
    "RnnTest",
    "Strategy",
    "Words",
    "parse_scales",
]
