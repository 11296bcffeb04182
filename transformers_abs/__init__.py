"""Rigorous linear (and quadratic) enclosures of scalar functions. Knows functions and boxes, never networks."""

from transformers_abs._protocol import DIRECTIONS, Cuts, Quadratic, Region, Residual, Transformer

__all__ = ["DIRECTIONS", "Cuts", "Quadratic", "Region", "Residual", "Transformer"]
