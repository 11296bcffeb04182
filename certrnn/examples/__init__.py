"""Small real networks and held-out data that ship inside the package.

Three classifiers of scikit-learn's handwritten digits, each image read as 8 frames of 8 pixels in [0, 1],
each exported by torch's two ONNX exporters. ``python -m certrnn.examples.train`` makes every file anew.

>>> names()
('digits_gru', 'digits_gru_dynamo', 'digits_lstm', 'digits_lstm_dynamo', 'digits_rnn', 'digits_rnn_dynamo')
>>> resolve("example:digits").name
'digits.npz'
>>> resolve("mine.onnx").name
'mine.onnx'
"""

from __future__ import annotations

from pathlib import Path

from certrnn.errors import UsageError

PREFIX = "example:"
FOLDER = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Names of the bundled networks."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.onnx")))


def data_names() -> tuple[str, ...]:
    """Names of the bundled data files: ``digits`` (50 samples) is drawn from ``digits_heldout`` (450)."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.npz")))


def path(name: str) -> Path:
    """Where a bundled network or data file lies.

    Raises:
        UsageError: nothing of that name is bundled.
    """
    for file in (FOLDER / f"{name}.onnx", FOLDER / f"{name}.npz"):
        if name in names() + data_names() and file.is_file():
            return file
    raise UsageError(
        f"looking up example {name!r}",
        f"the name is one of {', '.join(names() + data_names())}",
        repr(name),
        f"Write {PREFIX}digits_lstm for a network and {PREFIX}digits for data.",
    )


def resolve(text: str) -> Path:
    """The path that an argument names: ``example:NAME`` is bundled, anything else is a path as it stands."""
    return path(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else Path(text)
