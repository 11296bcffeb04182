"""What the tests of the command line share."""

from __future__ import annotations

RNN = "example:digits_rnn"
DIGITS = "example:digits"
QUICK = [RNN, "--data", DIGITS]


def messages(text: str) -> list[str]:
    """Lines on stderr without the progress of a slow machine."""
    return [line for line in text.splitlines() if not line.startswith("certifying:")]


def one_line(text: str) -> bool:
    return len(messages(text)) == 1 and "Traceback" not in text
