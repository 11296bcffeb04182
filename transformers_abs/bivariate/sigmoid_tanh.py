"""sigma(x) tanh(y): input times candidate and output times cell of an LSTM (Cert-RNN, Theorem 4.2)."""

from transformers_abs.bivariate._separable import SeparableProduct

SIGMOID_TANH = SeparableProduct("sigmoid_tanh", ("sigmoid", "tanh"))
