"""README and the guides as their tests read them: pieces that run, links, and the files that they speak of.

Conventions of the documents: an indented line that begins with ``certify`` or ``certrnn`` is a command that runs as it
stands, in a folder that holds what :func:`furnish` puts there; a fenced Python block runs after what stands before it
in its document, and one that says ``...`` is left out.
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.cli import certify_main, main
from certrnn.cli.guide import FOLDER
from certrnn.examples import resolve
from tests.cli.test_texts import VOCABULARY, network
from tests.vnnlib.test_verify import robustness

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = (README, *sorted(FOLDER.glob("*.md")))
PIECE = re.compile(
    r"^    (?P<command>(?:certrnn|certify) [^\n]*)$|^```python\n(?P<python>.*?)^```$", re.M | re.S
)
LEFT_OUT = "..."
ANSWERED = (0, 1, 4)
"""Exit codes of commands that did what they were asked."""


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Commands and Python blocks in order: which of the two, and its text."""
    for found in PIECE.finditer(text):
        for kind in ("command", "python"):
            if found[kind] is not None:
                yield kind, found[kind]


def words(command: str) -> list[str]:
    """The words of a command line, without its comment."""
    return command.split(" #")[0].split()


def few(arguments: list[str], program: str) -> list[str]:
    """The same command on at most two samples, and in the time that two need: enough to see that it runs.

    >>> few(["m.onnx", "--samples", "0:10"], "certify")
    ['m.onnx', '--samples', '0:2', '--budget', '0.5']
    """
    if program == "certify" and not {"--budget", "--method", "--like"} & set(arguments):
        arguments = [*arguments, "--budget", "0.5"]
    if arguments[0] in ("curve", "compare") and "--samples" not in arguments:
        return [*arguments, "--samples", "0:2"]
    return ["0:2" if one == "0:10" else one for one in arguments]


def furnish(folder: Path) -> None:
    """Files by the names that the documents use: a network of digits and its data, one of words and its texts."""
    shutil.copy(resolve("example:digits_rnn"), folder / "model.onnx")
    with np.load(resolve("example:digits")) as data:
        np.savez(folder / "test.npz", x=data["x"][:2], y=data["y"][:2])
    np.savetxt(folder / "radii.txt", np.linspace(0.5, 1.0, 8)[None])
    (folder / "query.vnnlib").write_text(robustness(2, 0.004))
    (folder / "instances.csv").write_text("model.onnx,query.vnnlib,60\n")
    network(folder, name="sentiment.onnx")
    (folder / "words.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "reviews.csv").write_text("text\nthe film was good\nnot very good\n")
    (folder / "bad.txt").write_text("a dull film\nnot good at all\nbad\ndull and bad\n" * 5)
    (folder / "synonyms.json").write_text('{"good": ["fine"], "bad": ["dull"], "film": ["movie"]}')
    (folder / "good.txt").write_text("a good film\nvery good\nfine\nfine and good\n" * 5)
    (folder / "alike.json").write_text('{"good": ["very"], "film": ["a", "was"]}')
    substitutes = {"sample": 0, "position": 3, "substitutes": [3]}
    (folder / "substitutes.jsonl").write_text(json.dumps(substitutes) + "\n")
    np.save(folder / "sequences.npy", 0.1 * np.ones((2, 6, 2), dtype=np.float32))


def perform(kind: str, text: str, namespace: dict[str, Any]) -> None:
    """Run a piece in the present folder; blocks of one document share a namespace.

    Raises
    ------
    AssertionError: a command that did not do what it was asked.
    """
    if kind == "command":
        program, *arguments = words(text)
        arguments = few(arguments, program)
        code = (certify_main if program == "certify" else main)(arguments)
        assert code in ANSWERED, f"{text}: exit code {code}"
    elif LEFT_OUT not in text:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporters warn about themselves
            exec(compile(text, "a document", "exec", dont_inherit=True), namespace)  # our own text


def links(text: str) -> list[str]:
    """Files that a document links to or shows."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not target.startswith("http")]
