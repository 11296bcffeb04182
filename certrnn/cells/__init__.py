"""Recurrent cells, lowered to graph nodes: one file a cell.

To add a cell, write a frozen dataclass with ``hidden``, ``states``, ``project`` and ``step`` (the protocol
:class:`~certrnn.cells.recurrence.Cell`) and name it below. ``project`` is what depends on the frame alone, ``step``
the rest; both append nodes to the builder and return their positions. :func:`unroll` does the walking.

>>> import numpy as np
>>> from certrnn.ir import GraphBuilder
>>> builder = GraphBuilder()
>>> frames = [builder.input(t, 3) for t in range(2)]
>>> cell = RnnCell.of(np.ones((4, 3)), np.eye(4), np.zeros(4), np.zeros(4))
>>> states = unroll(builder, cell, frames, (None,))
>>> builder.build(states[-1][0]).outputs
4
"""

from certrnn.cells.activations import ACTIVATIONS, Activation
from certrnn.cells.gru import GruCell
from certrnn.cells.lstm import LstmCell
from certrnn.cells.recurrence import Cell, Gates, Recurrence, State, unroll
from certrnn.cells.rnn import RnnCell

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Cell",
    "Gates",
    "GruCell",
    "LstmCell",
    "Recurrence",
    "RnnCell",
    "State",
    "unroll",
]
