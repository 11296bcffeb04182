"""Falsification: attacks put to a data set, their counterexamples replayed in onnxruntime, kept and shown."""
