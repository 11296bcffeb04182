"""Words on a terminal: coloured texts, their most sensitive words, and the ranking of the data."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.report.escape import visible
from certrnn.report.heat_map import INK, SHADES, Scale, scale, shade
from certrnn.report.spoken import short
from certrnn.results.figures import lower, upper
from certrnn.results.words import Sentence, Word, Words

NAMED = 3
"""Words named under each text."""
_KEY = (
    "(40%): 40 % of the word may fade; (gone, -40%): all of it may, and that costs at most 40 % of the margin"
)


def show(words: Words, console: Console, top: int = 20) -> None:
    """Print texts, ranking, legend and notes; without colours every text still names its most sensitive words."""
    classes = scale(words)
    console.print(Text(f"{words.path} (sha256 {words.sha256[:12]}): {words.about()}", "bold"), soft_wrap=True)
    if words.threat == "fade":
        console.print(Text(_KEY), soft_wrap=True)
    console.print(Text(words.counts), soft_wrap=True)
    for sentence in words.sentences:
        console.print()
        _sentence(words, sentence, classes, console)
    if any(sentence.right for sentence in words.sentences):
        console.print()
        console.print(_ranking(words, top))
    if console.color_system is not None and not console.no_color:
        _legend(classes, console)
    for line in short(words.question):
        console.print(Text(line), soft_wrap=True)
    for note in words.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def _sentence(words: Words, sentence: Sentence, classes: Scale, console: Console) -> None:
    label, answer = (visible(words.named(n)) for n in (sentence.label, sentence.prediction))
    head = f"sample {sentence.sample}  label {label}, answer {answer}"
    if not sentence.right:
        console.print(Text(f"{head}: misclassified, nothing to certify", "dim"), soft_wrap=True)
        console.print(Text("  " + " ".join(visible(word.shown) for word in sentence.words)), soft_wrap=True)
        return
    console.print(Text(head), soft_wrap=True)
    line = Text("  ")
    for word in sentence.words:
        assert word.sensitivity is not None
        place = shade(classes.place(word.sensitivity), len(classes.names))
        line.append(visible(word.shown), f"{INK[place]} on {SHADES[place]}")
        line.append(" ")
    console.print(line, soft_wrap=True)
    top = ", ".join(f"{visible(word.shown)} ({_told(words, word)})" for word in sentence.ranked()[:NAMED])
    console.print(Text(f"  most sensitive: {top}"), soft_wrap=True)


def _told(words: Words, word: Word) -> str:
    side = {"+": ", for the answer", "-": ", against it"}.get(word.sign, "")
    return f"{words.shown(word)}{side}"


def _ranking(words: Words, top: int) -> Table:
    out = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for head in ("rank", "word", "times", f"smallest {words.unit}", f"median {words.unit}", "sensitivity"):
        out.add_column(head, justify="left" if head == "word" else "right", no_wrap=True, overflow="ellipsis")
    for place, ranked in enumerate(words.ranking()[:top], start=1):
        cells = [str(place), visible(ranked.text), str(ranked.times)]
        cells += [lower(ranked.smallest), lower(ranked.median), upper(ranked.sensitivity, 3)]
        out.add_row(*(Text(cell) for cell in cells))
    return out


def _legend(classes: Scale, console: Console) -> None:
    console.print()
    for position, name in enumerate(classes.names):
        place = shade(position, len(classes.names))
        console.print(Text.assemble((f" {position + 1} ", f"{INK[place]} on {SHADES[place]}"), f" {name}"))
