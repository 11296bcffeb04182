"""RNN, LSTM and GRU nodes, unrolled as the ONNX standard defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from certrnn.certificates.checker.program import Program, Term

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
USUAL = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def recurrent(s: Any) -> list[np.ndarray]:
    """The outputs Y, Y_h and, of an LSTM, Y_c of a node."""
    direction = s.get("direction", b"forward").decode()
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[direction]
    names = [a.decode() for a in s.get("activations", [])] or list(USUAL[s.op] * len(ways))
    rectified = s.op == "RNN" and set(names) == {"Relu"}
    if not rectified and names != list(USUAL[s.op] * len(ways)):
        raise s.refuse(f"activations are {', '.join(USUAL[s.op])}; got {', '.join(names)}")
    x = s.ids(0).swapaxes(0, 1) if s.get("layout", 0) else s.ids(0)
    odd = [n for n in ("clip", "input_forget", "activation_alpha", "activation_beta") if s.get(n)]
    told = [k for k in (4, 7) if (s.has(k) and s.op != "RNN") or (k == 4 and s.has(k))]
    if x.shape[1] != 1 or odd or any(k == 7 or (s.known(k) != len(x)).any() for k in told):
        raise s.refuse(
            f"one sample, its whole length, no peepholes, no {', '.join(odd) or 'further options'}"
        )
    passes = [_way(s, x[:, 0], k, reverse, rectified) for k, reverse in enumerate(ways)]
    y = np.stack([states for states, _ in passes], axis=1)[:, :, None]
    last = [np.stack([lasts[k] for _, lasts in passes])[:, None] for k in range(len(passes[0][1]))]
    if s.get("layout", 0):
        return [y.transpose(2, 0, 1, 3), *(part.swapaxes(0, 1) for part in last)]
    return [y, *last]


def _way(
    s: Any, x: np.ndarray, k: int, reverse: bool, rectified: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The states (T, H) of one direction, in order of time, and its last states."""
    w, r = (np.ascontiguousarray(s.known(place)[k], dtype=np.float64) for place in (1, 2))
    size, count = r.shape[1], GATES[s.op]
    bias = s.known(3)[k].astype(np.float64) if s.has(3) else np.zeros(2 * count * size)
    if w.shape != (count * size, x.shape[1]) or bias.shape != (2 * count * size,):
        raise s.refuse("weights fit the sizes of states and features")
    if not all(np.isfinite(part).all() for part in (w, r, bias)):
        raise s.refuse("weights are finite")
    state: list[Any] = [_start(s, place, k) for place in ((5, 6) if s.op == "LSTM" else (5,))]
    states: list[np.ndarray] = [np.zeros(0)] * len(x)
    for t in range(len(x) - 1, -1, -1) if reverse else range(len(x)):
        pre = [Term(w, x[t])]
        if s.op == "GRU":
            state = [
                _gru(s.program, pre, r, np.split(bias, 6), state[0], bool(s.get("linear_before_reset", 0)))
            ]
        else:
            pre += [Term(r, state[0])] if state[0] is not None else []
            gates = s.program.linear(pre, np.split(bias, 2))
            state = (
                [s.program.apply("relu" if rectified else "tanh", gates)]
                if s.op == "RNN"
                else _lstm(s.program, np.split(gates, 4), state[1])
            )
        states[t] = state[0]
    return np.stack(states), state


def _start(s: Any, place: int, k: int) -> np.ndarray | None:
    """An initial state; None for zeros."""
    if not s.has(place):
        return None
    pick = (0, k) if s.get("layout", 0) else (k, 0)
    value = s.inputs[place]
    if isinstance(value, np.ndarray) and not value[pick].any():
        return None
    return s.ids(place)[pick]


def _lstm(p: Program, gates: list[np.ndarray], cell: np.ndarray | None) -> list[np.ndarray]:
    """Gates in the order I, O, F, G: ``c' = sigmoid(F) c + sigmoid(I) tanh(G)``, ``h' = sigmoid(O) tanh(c')``."""
    fresh = p.apply("sigmoid_tanh", gates[0], gates[3])
    if cell is not None:
        fresh = p.combine([(1.0, p.apply("mul_sigmoid", cell, gates[2])), (1.0, fresh)])
    return [p.apply("sigmoid_tanh", gates[1], fresh), fresh]


def _gru(
    p: Program, pre: list[Term], r: np.ndarray, bias: list[np.ndarray], h: np.ndarray | None, late: bool
) -> np.ndarray:
    """Gates in the order Z, R, N: ``h' = sigmoid(-Z) tanh(N) + sigmoid(Z) h``; ``late`` resets after the product."""
    (w, x), size = pre[0], r.shape[1]
    rows = [slice(k * size, (k + 1) * size) for k in range(3)]

    def gate(k: int) -> np.ndarray:
        past = [] if h is None else [Term(r[rows[k]], h)]
        return p.linear([Term(w[rows[k]], x), *past], [bias[k], bias[3 + k]])

    z, reset = gate(0), gate(1)
    own, constants = [Term(w[rows[2]], x)], [bias[2]]
    if late and h is not None:
        seen = p.apply("mul_sigmoid", p.linear([Term(r[rows[2]], h)], [bias[5]]), reset)
        own.append(Term(np.ones(size), seen))
    elif late and bias[5].any():
        own.append(Term(bias[5], p.apply("sigmoid", reset)))
    elif not late:
        constants.append(bias[5])
        if h is not None:
            own.append(Term(r[rows[2]], p.apply("mul_sigmoid", h, reset)))
    fresh = p.apply("sigmoid_tanh", p.combine([(-1.0, z)]), p.linear(own, constants))
    if h is None:
        return fresh
    return p.combine([(1.0, fresh), (1.0, p.apply("mul_sigmoid", h, z))])
