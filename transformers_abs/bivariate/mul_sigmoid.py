"""x sigma(y): forget gate times cell of an LSTM, gates of a GRU (Cert-RNN, Theorem 4.3)."""

from transformers_abs.bivariate._separable import SeparableProduct

MUL_SIGMOID = SeparableProduct("mul_sigmoid", ("identity", "sigmoid"))
