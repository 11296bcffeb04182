"""The guides: every one is listed and shown, says what holds, and every command and Python block of it runs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import typer

import certrnn
from certrnn.cli import COMMANDS, main
from certrnn.cli._app import make_app
from certrnn.cli.guide import FOLDER, TOPICS, read, sentence
from tests.cli.terminal import one_line
from tests.documents import DOCUMENTS, README, furnish, links, perform, pieces

WHO = re.compile(r"\b(whoever|somebody|someone|nobody|anybody|anyone)\b", re.IGNORECASE)
SLOW = {"runs"}
"""Guides with commands that start processes."""


def test_the_topics_are_the_files() -> None:
    assert sorted(TOPICS) == sorted(path.stem for path in FOLDER.glob("*.md"))


def test_every_guide_is_listed_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TOPICS)
    for topic, line in zip(TOPICS, lines, strict=True):
        assert line.endswith(f"  {sentence(read(topic))}")
        assert len(line) <= 120


@pytest.mark.parametrize("topic", TOPICS)
def test_a_guide_in_a_pipe_is_its_markdown(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", topic]) == 0
    assert capsys.readouterr().out == (FOLDER / f"{topic}.md").read_text("utf-8")


def test_a_guide_on_a_terminal_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main(["guide", "quickstart"]) == 0
    text = screen.getvalue()
    assert "\x1b[" in text
    assert "# Quickstart" not in text
    assert "Quickstart" in text


@pytest.mark.parametrize("topic", ["nothing", "", "../cli/guide", "QUICKSTART"])
def test_an_unknown_topic_is_one_line_that_names_the_topics(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["guide", topic]) == 2
    captured = capsys.readouterr()
    assert one_line(captured.err)
    assert all(known in captured.err for known in TOPICS)
    assert captured.out == ""


@pytest.mark.parametrize("topic", TOPICS)
def test_a_guide_begins_with_a_title_and_one_sentence(topic: str) -> None:
    text = read(topic)
    assert re.match(r"# [A-Z][^\n]+\n\n[A-Z][^\n]+\.\n\n", text)
    assert "\n# " not in text
    assert sentence(text).count(". ") == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_and_pictures_of_documents_exist(path: Path) -> None:
    missing = [target for target in links(path.read_text("utf-8")) if not (path.parent / target).is_file()]
    assert not missing


def test_the_readme_links_every_guide() -> None:
    named = {Path(target).stem for target in links(README.read_text("utf-8")) if target.endswith(".md")}
    assert named == set(TOPICS)


def test_a_link_to_a_guide_that_is_not_there_is_seen() -> None:
    assert links("[one](one.md) ![two](two.svg) [far](https://example.org)") == ["one.md", "two.svg"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_say_what_a_thing_is_not_who_does_it(path: Path) -> None:
    assert not WHO.findall(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.slow] * (path.stem in SLOW)) for path in DOCUMENTS[1:]],
    ids=lambda path: path.stem,
)
def test_commands_and_python_of_guides_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": path.stem}
    for kind, text in pieces(path.read_text("utf-8")):
        perform(kind, text, namespace)


def test_every_option_of_every_command_is_documented() -> None:
    text = "".join(path.read_text("utf-8") for path in DOCUMENTS)
    program = typer.main.get_command(make_app(COMMANDS))
    missing = [
        f"{name} {option}"
        for name, command in program.commands.items()  # type: ignore[attr-defined]
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and not re.search(rf"{option}(?![\w-])", text)
    ]
    assert not [one for one in missing if not one.startswith("supports ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_line(command: str) -> None:
    line = "`certify MODEL" if command == "certify" else f"| `certrnn {command}"
    assert line in read("quickstart")


def test_every_method_and_attack_is_described() -> None:
    from certrnn.attacks import NAMED

    assert not [name for name in ("auto", *certrnn.METHODS) if f"`{name}`" not in read("methods")]
    assert not [name for name in NAMED if f"`{name}`" not in read("attacks")]


def test_every_public_name_is_described() -> None:
    text = (FOLDER / "python.md").read_text("utf-8")
    assert dir(certrnn) == sorted(certrnn.__all__)
    named = set(re.findall(r"`(\w+)[`(]", text))
    assert {name for name in certrnn.__all__ if not name.startswith("_")} <= named


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    source = Path(certrnn.__file__).read_text("utf-8")
    typed = set(re.findall(r"\w+", source.split("if TYPE_CHECKING:")[1].split("__version__")[0]))
    for name in certrnn.__all__:
        assert getattr(certrnn, name) is not None
        assert name in typed or name == "__version__"
