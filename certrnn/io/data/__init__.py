"""Sample files: npz, npy, csv, jsonl and idx (each also gzipped), told apart by content, never by pickle.

How to add a format: write ``read(content, where) -> Arrays`` in a file of its own, raise ``InvalidInput``
through ``where.invalid`` for every damage, and name the format's first bytes in :mod:`certrnn.io.data.read`.
Shapes, finite values and labels are checked once, for all formats, in :mod:`certrnn.io.data.samples`.
"""

from certrnn.io.data.read import read_array_file, read_samples
from certrnn.io.data.samples import Samples
from certrnn.io.data.select import parse_selection, spelled_samples

__all__ = ["Samples", "parse_selection", "read_array_file", "read_samples", "spelled_samples"]
