"""One text as a picture for a slide: its words on the shades of the heat map, wrapped into lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from certrnn.errors import UsageError
from certrnn.report.escape import visible
from certrnn.report.heat_map import INK, SHADES, scale, shade
from certrnn.report.plots import picture, plotting
from certrnn.results.words import Sentence, Word, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.0
"""Inches."""
LINE = 0.62
"""Height of a line of words, with what stands under them."""
_LETTER, _GAP, _PADDING = 0.125, 0.1, 0.12
"""Inches of a letter, between words and beside them."""


def words_picture(words: Words, kind: str) -> bytes:
    """The picture of the only text, as a file of ``kind`` png or svg.

    Raises:
        UsageError: there are several texts, or the one is misclassified.
    """
    if len(words.sentences) != 1 or not words.sentences[0].right:
        received = f"{len(words.sentences)} texts" if len(words.sentences) != 1 else "a misclassified one"
        raise UsageError(
            "reading --out",
            "a picture shows one text that is answered right",
            received,
            "Choose one with --samples K; --html FILE shows them all.",
        )
    (sentence,) = words.sentences
    # what stands under a word is set in letters of two thirds
    lines = wrapped([max(len(word.shown), 2 * len(words.shown(word)) // 3) for word in sentence.words])
    height = 0.75 + LINE * len(lines) + 0.35
    with plotting(WIDTH, height) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, WIDTH)
        axes.set_ylim(height, 0.0)
        axes.axis("off")
        label = visible(words.named(sentence.label))
        axes.text(0.2, 0.35, f"answer: {label}", va="center", weight="bold", size=12)
        for number, line in enumerate(lines):
            _line(axes, words, sentence, line, 0.75 + LINE * number)
        axes.text(0.2, height - 0.2, _about(words), va="center", size=8, color="#444444")
        return picture(figure, kind)


def _about(words: Words) -> str:
    said = {"fade": "how much of each word may fade, guaranteed; darker: decides more"}
    return said.get(words.threat, "how far each word's vector may move, guaranteed; darker: decides more")


def wrapped(letters: Sequence[int]) -> list[list[tuple[int, float, float]]]:
    """Words of so many letters in lines: the number of each, its left end and its width.

    >>> [[number for number, _, _ in line] for line in wrapped([20, 40, 20])]
    [[0, 1], [2]]
    """
    lines: list[list[tuple[int, float, float]]] = [[]]
    left = 0.2
    for number, count in enumerate(letters):
        width = min(_LETTER * count + 2 * _PADDING, WIDTH - 0.4)
        if lines[-1] and left + width > WIDTH - 0.2:
            lines.append([])
            left = 0.2
        lines[-1].append((number, left, width))
        left += width + _GAP
    return lines


def _line(
    axes: Axes, words: Words, sentence: Sentence, line: list[tuple[int, float, float]], top: float
) -> None:
    from matplotlib.patches import Rectangle

    classes = scale(words)
    for number, left, width in line:
        word: Word = sentence.words[number]
        place = shade(classes.place(word.sensitivity or 0.0), len(classes.names))
        axes.add_patch(Rectangle((left, top), width, LINE - 0.1, facecolor=SHADES[place], linewidth=0.0))
        middle = left + width / 2
        axes.text(
            middle, top + 0.19, visible(word.shown), ha="center", va="center", color=INK[place], size=10
        )
        axes.text(middle, top + 0.41, words.shown(word), ha="center", va="center", color=INK[place], size=6.5)
