"""x y: a product of two plain values (identity activations, gates that are not sigmoids)."""

from transformers_abs.bivariate._separable import SeparableProduct

PRODUCT = SeparableProduct("product", ("identity", "identity"))
