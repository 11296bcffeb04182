"""One recurrent layer in any domain: RNN, LSTM and GRU, as torch computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from certrnn.errors import Unsupported
from certrnn.training.bounds.domain import Gates, Propagation, V
from certrnn.training.layers import Recurrent


def gates_of(module: Recurrent, layer: int, reverse: bool) -> Gates:
    """The weights of one direction of one layer, as they stand in the module."""
    end = f"_l{layer}{'_reverse' if reverse else ''}"
    held: Any = module
    biases = (getattr(held, f"bias_{kind}{end}") if module.bias else None for kind in ("ih", "hh"))
    return Gates(getattr(held, f"weight_ih{end}"), getattr(held, f"weight_hh{end}"), *biases)


def unroll(run: Propagation[V], module: Recurrent, frames: Sequence[V], layer: int, reverse: bool) -> list[V]:
    """The hidden states of one direction of one layer, in the order of ``frames`` whatever the direction."""
    gates = gates_of(module, layer, reverse)
    taken = list(frames)[::-1] if reverse else list(frames)
    if isinstance(module, nn.RNN):
        states = run.elman(taken, gates, module.nonlinearity)
    elif isinstance(module, nn.LSTM):
        states = _lstm(run, taken, gates)
    elif isinstance(module, nn.GRU):
        states = _gru(run, taken, gates)
    else:
        raise Unsupported("bounding a recurrent layer", "it is an RNN, LSTM or GRU", type(module).__name__)
    return states[::-1] if reverse else states


def _lstm(run: Propagation[V], frames: Sequence[V], gates: Gates) -> list[V]:
    """``c' = c sigmoid(f) + sigmoid(i) tanh(g)``, ``h' = sigmoid(o) tanh(c')``; torch stacks i, f, g, o."""
    hidden = cell = run.zeros(frames[0], gates.hidden)
    states = []
    for projected in run.project(frames, gates.input, gates.input_bias):
        before = run.add(projected, run.affine(hidden, gates.recurrent, gates.recurrent_bias))
        i, f, g, o = run.split(before, 4)
        cell = run.add(run.apply("mul_sigmoid", [cell, f]), run.apply("sigmoid_tanh", [i, g]))
        hidden = run.apply("sigmoid_tanh", [o, cell])
        hidden, cell = run.settle((hidden, cell))
        states.append(hidden)
    return states


def _gru(run: Propagation[V], frames: Sequence[V], gates: Gates) -> list[V]:
    """``n = tanh(W x + sigmoid(r) (R h + b))``, ``h' = sigmoid(-z) n + h sigmoid(z)``; torch stacks r, z, n."""
    hidden = run.zeros(frames[0], gates.hidden)
    states = []
    for projected in run.project(frames, gates.input, gates.input_bias):
        r_x, z_x, n_x = run.split(projected, 3)
        r_h, z_h, n_h = run.split(run.affine(hidden, gates.recurrent, gates.recurrent_bias), 3)
        z = run.add(z_x, z_h)
        n = run.add(n_x, run.apply("mul_sigmoid", [n_h, run.add(r_x, r_h)]))
        fresh = run.apply("sigmoid_tanh", [run.apply("negative", [z]), n])
        (hidden,) = run.settle((run.add(fresh, run.apply("mul_sigmoid", [hidden, z])),))
        states.append(hidden)
    return states
