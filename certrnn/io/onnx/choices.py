"""What a person settles where a model file alone is ambiguous."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from certrnn.errors import UsageError
from certrnn.io.onnx.fixed import Fixed, parse_fixed

_FIX = "fix "
"""What stands before the names of fixed inputs."""


@dataclass(frozen=True)
class Choices:
    """How a file is to be read.

    Args:
        output: name of the output that answers; None where the file has one, or all others follow from one.
        layout: the axes of the data's array in order, of ``n`` (samples), ``t`` (frames), ``f`` (features) or ``1``
            (length one), such as ``n,t,f``; None where only one reading fits.
        cut: of a lone score class 1 is what lies above; None where the file shows it.
        multi_label: every score is a yes or no of its own, instead of one of several classes.
        label: of independent labels the only one that is asked; None for all of them together.
        numbers: the output is taken as numbers, not as classes: a regression, or what a threshold is asked of.
        fix: numbers of inputs that are no data, such as initial states.

    Raises:
        UsageError: a cut that is no finite number, or a label beside exclusive classes.
    """

    output: str | None = None
    layout: str | None = None
    cut: float | None = None
    multi_label: bool = False
    label: int | None = None
    numbers: bool = False
    fix: tuple[Fixed, ...] = ()

    @property
    def given(self) -> tuple[tuple[str, str], ...]:
        """What is settled, by the names of :func:`certrnn.load`, as text."""
        named = {
            "output": self.output,
            "layout": self.layout,
            "cut": self.cut,
            "multi_label": self.multi_label or None,
            "label": self.label,
        }
        told = [(name, str(value)) for name, value in named.items() if value is not None]
        return (*told, *((f"{_FIX}{one.name}", one.said) for one in self.fix))

    @property
    def classes(self) -> str:
        """The options that make classes of numbers, "" where none is given."""
        return "--cut" if self.cut is not None else "--multi-label" if self.multi_label else ""

    @staticmethod
    def of_given(pairs: Iterable[tuple[str, str]]) -> Choices:
        """What :attr:`given` said.

        >>> some = Choices(cut=0.0, multi_label=True, label=2, fix=parse_fixed(["h0=zeros", "rate=8000"]))
        >>> Choices.of_given(some.given) == some
        True
        """
        entries = list(pairs)
        named = dict(entries)
        cut, label = named.get("cut"), named.get("label")
        return Choices(
            named.get("output"),
            named.get("layout"),
            None if cut is None else float(cut),
            named.get("multi_label") == "True",
            None if label is None else int(label),
            fix=parse_fixed(
                {name.removeprefix(_FIX): value for name, value in entries if name.startswith(_FIX)}
            ),
        )

    def __post_init__(self) -> None:
        if self.cut is not None and not math.isfinite(self.cut):
            raise UsageError("reading --cut", "it is a finite number", self.cut)
        if self.label is not None and (self.label < 0 or not self.multi_label):
            received = self.label if self.multi_label else "no --multi-label"
            raise UsageError("reading --label", "it is one of the labels of --multi-label, from 0", received)
