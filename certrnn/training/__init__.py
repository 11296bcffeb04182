"""Certified training and defences, on torch modules."""
