"""Certified training and defences: losses for any torch loop, and a loop of its own that ends in an ONNX file.

Bounds of training are differentiable and not rounded: they prove nothing. What a network withstands is certified on the
file that is exported, as of any other.

>>> import numpy as np
>>> from certrnn.training import Architecture, Examples, Run, Settings, train
>>> x = np.random.default_rng(0).standard_normal((60, 4, 2))
>>> examples, heldout = Examples.of(x, (x.sum((1, 2)) > 0).astype(int)).split(0.2, seed=0)
>>> settings = Settings("ibp-vt", eps=0.01, epochs=3, warmup=1, ramp=1)
>>> trained = train(Run(examples, heldout, settings, Architecture("rnn", hidden=8)))
>>> [epoch.eps for epoch in trained.history]
[0.0, 0.01, 0.01]
"""

from certrnn.training.architecture import CELLS, Architecture
from certrnn.training.bounds import DOMAINS, HANDLERS, Backward, Box, Intervals, Zonotopes, bounds, margins
from certrnn.training.evaluation import Accuracy, evaluate
from certrnn.training.examples import Examples
from certrnn.training.export import to_onnx
from certrnn.training.layers import LastStep
from certrnn.training.loop import Epoch, Run, Trained, train
from certrnn.training.losses import LOSSES, Contraction, Distillation, Loss, Verified
from certrnn.training.perturbations import Ball, Perturbation, WordSets
from certrnn.training.reading import from_onnx
from certrnn.training.schedules import Ramp
from certrnn.training.settings import Settings
from certrnn.training.sources import read_sequences, read_words
from certrnn.training.synonyms import Synonyms, read_synonyms

__all__ = [
    "CELLS",
    "DOMAINS",
    "HANDLERS",
    "LOSSES",
    "Accuracy",
    "Architecture",
    "Backward",
    "Ball",
    "Box",
    "Contraction",
    "Distillation",
    "Epoch",
    "Examples",
    "Intervals",
    "LastStep",
    "Loss",
    "Perturbation",
    "Ramp",
    "Run",
    "Settings",
    "Synonyms",
    "Trained",
    "Verified",
    "WordSets",
    "Zonotopes",
    "bounds",
    "evaluate",
    "from_onnx",
    "margins",
    "read_sequences",
    "read_synonyms",
    "read_words",
    "to_onnx",
    "train",
]
