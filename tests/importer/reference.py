"""Float64 numpy reference of the ONNX operators RNN, LSTM and GRU, written from the text of their
specification (``onnx.defs.get_schema``) and from nothing else. One sequence at a time; plain loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DEFAULTS = {
    "LeakyRelu": (float(np.float32(0.01)), 0.0),
    "ThresholdedRelu": (1.0, 0.0),
    "HardSigmoid": (float(np.float32(0.2)), 0.5),
    "Elu": (1.0, 0.0),
}
"""alpha and beta of the ONNX operators of the same names (attributes are float32); the others have none or must be
given."""

TAKES_ALPHA = ("Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu")
TAKES_BETA = ("Affine", "ScaledTanh", "HardSigmoid")
USUAL = {"RNN": ("Tanh",), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}
BLOCKS = {"RNN": 1, "LSTM": 4, "GRU": 3}


@dataclass(frozen=True, eq=False)
class Weights:
    """One direction: W (K*H, D), R (K*H, H), Wb and Rb (K*H,), h0 and c0 (H,), P (3*H,)."""

    w: np.ndarray
    r: np.ndarray
    wb: np.ndarray
    rb: np.ndarray
    h0: np.ndarray
    c0: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class Options:
    """Attributes of one direction. ``activations`` are (name, alpha, beta)."""

    op: str
    activations: tuple[tuple[str, float, float], ...]
    linear_before_reset: bool = False
    input_forget: bool = False
    clip: float | None = None


def activate(function: tuple[str, float, float], x: np.ndarray, clip: float | None) -> np.ndarray:
    """The eleven functions of the specification; the clip is applied to their input."""
    name, alpha, beta = function
    if clip is not None:
        x = np.minimum(np.maximum(x, -clip), clip)
    match name:
        case "Relu":
            return np.maximum(0.0, x)
        case "Tanh":
            return np.tanh(x)
        case "Sigmoid":
            return 1.0 / (1.0 + np.exp(-x))
        case "Affine":
            return alpha * x + beta
        case "LeakyRelu":
            return np.where(x >= 0, x, alpha * x)
        case "ThresholdedRelu":
            return np.where(x >= alpha, x, 0.0)
        case "ScaledTanh":
            return alpha * np.tanh(beta * x)
        case "HardSigmoid":
            return np.minimum(np.maximum(alpha * x + beta, 0.0), 1.0)
        case "Elu":
            return np.where(x >= 0, x, alpha * (np.exp(x) - 1.0))
        case "Softsign":
            return x / (1.0 + np.abs(x))
        case "Softplus":
            return np.log(1.0 + np.exp(x))
    raise AssertionError(name)


def step(
    o: Options, q: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """H_t and C_t (RNN and GRU hand c through) from X_t, H_(t-1) and C_(t-1)."""
    size = len(h)
    w, r, wb, rb, p = (a.reshape(-1, size, *a.shape[1:]) for a in (q.w, q.r, q.wb, q.rb, q.p))

    def f(k: int, pre: np.ndarray) -> np.ndarray:
        return activate(o.activations[k], pre, o.clip)

    if o.op == "RNN":
        return f(0, w[0] @ x + r[0] @ h + wb[0] + rb[0]), c
    if o.op == "GRU":
        z = f(0, w[0] @ x + r[0] @ h + wb[0] + rb[0])
        reset = f(0, w[1] @ x + r[1] @ h + wb[1] + rb[1])
        if o.linear_before_reset:
            candidate = f(1, w[2] @ x + reset * (r[2] @ h + rb[2]) + wb[2])
        else:
            candidate = f(1, w[2] @ x + r[2] @ (reset * h) + rb[2] + wb[2])
        return (1.0 - z) * candidate + z * h, c
    i = f(0, w[0] @ x + r[0] @ h + p[0] * c + wb[0] + rb[0])
    forget = 1.0 - i if o.input_forget else f(0, w[2] @ x + r[2] @ h + p[2] * c + wb[2] + rb[2])
    fresh = f(1, w[3] @ x + r[3] @ h + wb[3] + rb[3])
    cell = forget * c + i * fresh
    out = f(0, w[1] @ x + r[1] @ h + p[1] * cell + wb[1] + rb[1])
    return out * f(2, cell), cell


def run_direction(
    options: Options, weights: Weights, x: np.ndarray, length: int, reverse: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (T, H), zero from frame ``length`` on, and the last H and C; in reverse frames length-1 .. 0."""
    h, c = weights.h0, weights.c0
    y = np.zeros((len(x), len(h)))
    for t in reversed(range(length)) if reverse else range(length):
        h, c = step(options, weights, x[t], h, c)
        y[t] = h
    return y, h, c
