"""``certrnn guide``: the guides that ship with the package, as Markdown files of ``certrnn/guides``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from certrnn.cli._options import Debug
from certrnn.errors import UsageError

FOLDER = Path(__file__).resolve().parent.parent / "guides"
TOPICS = (
    "quickstart",
    "networks",
    "exporting",
    "python",
    "threats",
    "methods",
    "soundness",
    "certificates",
    "runs",
    "reports",
    "texts",
    "attacks",
    "coverage",
    "guided",
    "training",
    "anomaly",
    "vnnlib",
    "conditions",
    "extending",
    "changelog",
)
"""Every guide, in the order in which a reader meets them. To add one, write its file and name it here."""

Topic = Annotated[
    str | None, typer.Argument(metavar="TOPIC", help="A guide; without, all are listed.", show_default=False)
]


def guide(topic: Topic = None, debug: Debug = False) -> None:
    """List the guides, or print one: Markdown, laid out where stdout is a terminal."""
    from certrnn.report.output import print_rich, print_text

    text = listing() if topic is None else read(topic)
    if topic is None or not sys.stdout.isatty():
        print_text(text)
        return
    from rich.markdown import Markdown

    print_rich(lambda console: console.print(Markdown(pointing(text))))


def listing() -> str:
    """Every topic and its sentence, a line each."""
    width = max(map(len, TOPICS))
    lines = [f"  {topic:{width}}  {sentence(read(topic))}" for topic in TOPICS]
    return "\n".join(["certrnn guide TOPIC shows one of these:", *lines, ""])


def read(topic: str) -> str:
    """The Markdown text of a guide.

    Raises:
        UsageError: there is no such guide.
    """
    if topic not in TOPICS:
        raise UsageError("reading TOPIC", f"the guide is one of {', '.join(TOPICS)}", repr(topic))
    return (FOLDER / f"{topic}.md").read_text("utf-8")


def pointing(text: str) -> str:
    """A guide with commands in place of its links to other guides, which lead nowhere on a terminal.

    >>> pointing("see [runs](runs.md), or how [to add](extending.md) one")
    'see `certrnn guide runs`, or how to add (`certrnn guide extending`) one'
    """

    def command(link: re.Match[str]) -> str:
        shown, topic = link.groups()
        return f"`certrnn guide {topic}`" if shown == topic else f"{shown} (`certrnn guide {topic}`)"

    return re.sub(r"(?<!!)\[([^\]]+)\]\((\w+)\.md\)", command, text)


def sentence(text: str) -> str:
    """What a guide says of itself: the paragraph below its title.

    >>> sentence("# Guide\\n\\nThis is what\\nit is about.\\n\\nThe rest.\\n")
    'This is what it is about.'
    """
    return " ".join(text.split("\n\n")[1].split())
