"""``certrnn words``: rankings that mean something, in every form they are shown in."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

import certrnn
from certrnn.certification.words import WordQuery
from certrnn.cli import main
from certrnn.errors import Unsupported
from certrnn.report.heat_map import INK, SHADES, scale
from certrnn.report.words_html import page
from certrnn.report.words_text import show
from certrnn.results.words import Sentence, Word, Words
from tests.datasets.packed import HIDDEN, export
from tests.report.browser import browse

VOCABULARY = ["<pad>", "<unk>", "the", "film", "good", "great", "bad", "awful", "<i>", "&"]
GOOD, BAD = (4, 5), (6, 7)
TEXTS = "the film the great film\nthe awful film\n<i> good film & the film\n"


class Sentiment(nn.Module):
    """A vanilla RNN whose state adds up how good the words are; so it is known which words decide."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), 3)
        self.layer, self.head = nn.RNN(3, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)
        torch.manual_seed(0)
        with torch.no_grad():
            table = 0.05 * torch.randn(len(VOCABULARY), 3)
            table[list(GOOD), 0], table[list(BAD), 0] = 0.9, -0.9
            self.embedding.weight.copy_(table)
            for name, weight in self.layer.named_parameters():
                weight.copy_(0.02 * torch.randn_like(weight))
                if name == "weight_hh_l0":
                    weight[0, 0] = 0.9
            self.layer.weight_ih_l0[0, 0] = 1.0
            self.head.weight.copy_(0.02 * torch.randn_like(self.head.weight))
            self.head.weight[0, 0], self.head.weight[1, 0] = -2.0, 2.0
            self.head.bias.zero_()

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(self.embedding(words))[0][:, -1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("words")
    export(Sentiment(), (torch.ones(1, 4, dtype=torch.long),), ["words"], True, found / "m.onnx")
    (found / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    (found / "t.txt").write_text(TEXTS)
    return found


def arguments(folder: Path, *more: str) -> list[str]:
    return [
        "words",
        str(folder / "m.onnx"),
        "--text",
        str(folder / "t.txt"),
        "--vocab",
        str(folder / "v.txt"),
        *more,
    ]


@pytest.mark.parametrize("threat", ["fade", "ball"])
def test_the_words_that_decide_come_first(
    threat: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--threat", threat, "--json", "--top", "2")) == 0
    document = json.loads(capsys.readouterr().out)
    first = [s["words"][s["ranking"][0]]["text"] for s in document["sentences"]]
    assert first == ["great", "awful", "good"]
    assert len(document["ranking"]) == 2
    assert document["unit"] == ("share" if threat == "fade" else "eps")
    for sentence in document["sentences"]:
        weights = [sentence["words"][frame]["sensitivity"] for frame in sentence["ranking"]]
        assert weights == sorted(weights, reverse=True)
        assert sorted(sentence["ranking"]) == [word["frame"] for word in sentence["words"]]


def test_no_share_up_to_the_certified_one_changes_onnxruntimes_answer(folder: Path) -> None:
    model = certrnn.load(folder / "m.onnx")
    assert model.network.embedding is not None
    table = model.network.embedding.table
    ids = [[2, 3, 2, 5, 3], [2, 7, 3], [8, 4, 3, 9, 2, 3]]
    found = model.words([np.array(i) for i in ids], question=WordQuery(toward=torch.from_numpy(table[1])))
    decided = 0
    for sentence, words in zip(found.sentences, ids, strict=True):
        x = table[words]
        for word in sentence.words:
            assert word.certified is not None
            shares = np.linspace(0.0, word.certified, 9)
            moved = np.repeat(x[None], len(shares), axis=0)
            moved[:, word.frame] += shares[:, None] * (table[1] - x[word.frame])
            scores = model.network.run_onnxruntime(moved)
            assert (scores.argmax(axis=1) == sentence.label).all()
            if word.certified == 1.0:
                assert word.margin is not None
                gap = scores[-1, sentence.label] - scores[-1, 1 - sentence.label]
                assert gap >= word.margin - 1e-5
            decided += word.certified < 1.0
    assert decided  # not everything may fade


def test_toward_and_labels(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, "--toward", "bad", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["toward"] == "'bad'"
    assert document["sentences"][0]["words"][3]["certified"] < 0.7
    (tmp_path / "t.csv").write_text("text,label\nthe great film,0\n")
    only_wrong = ["--text", str(tmp_path / "t.csv"), "--vocab", str(folder / "v.txt")]
    assert main(["words", str(folder / "m.onnx"), *only_wrong]) == 4
    assert "misclassified, nothing to certify" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--threat", "x"], "--threat"),
        (["--threat", "ball", "--toward", "bad"], "belongs to --threat fade"),
        (["--toward", "nosuch"], "--toward"),
        (["--top", "0"], "--top"),
        (["--norm", "2"], "belongs to --threat ball"),
        (["--threat", "ball", "--norm", "3"], "--norm"),
        (["--html", "x.png"], ".html"),
        (["--method", "x"], "--method"),
    ],
)
def test_options_that_make_no_sense(
    more: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, *more)) in (2, 3)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_l2_ball_is_certified_no_less_far_than_an_l_inf_ball(folder: Path) -> None:
    """The l-inf ball of the same radius holds it."""
    model, ids = certrnn.load(folder / "m.onnx"), [np.array([2, 3, 2, 5, 3])]
    inf, two = (model.words(ids, question=WordQuery("ball", norm=norm)) for norm in ("inf", "2"))
    assert (inf.threat, two.threat) == ("l-inf", "l2")
    for small, large in zip(inf.sentences[0].words, two.sentences[0].words, strict=True):
        assert small.certified is not None
        assert large.certified is not None
        assert large.certified >= small.certified * 0.98  # the tolerance of the search


def test_a_network_that_answers_every_step_is_refused(tmp_path: Path) -> None:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.RNN(3, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.layer(x)[0])

    path = export(Tagger(), (torch.randn(1, 4, 3),), ["x"], True, tmp_path / "m.onnx")
    with pytest.raises(Unsupported, match="one answer a sample"):
        certrnn.load(path).words(np.zeros((4, 3)))


def test_samples_that_are_no_texts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", "example:digits", "--samples", "0", "--top", "3"]
    assert main(["words", "example:digits_rnn", *data]) == 0
    shown = capsys.readouterr().out
    assert "a vector of zeros" in shown
    assert "[7]" in shown


def test_plain_output_has_no_colour_and_names_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder)) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert re.search(r"most sensitive: great \(\d+%, for the answer\)", shown)


def example(threat: str = "fade") -> Words:
    weights = (0.01, 0.2, 0.4, 0.9, 1.5, 3.0, 8.0, float("inf"))
    texts = ("<script>alert(1)</script>", "&amp;", '"q"', "\x1b[31m", "\u202eabc", "f", "g", "h")
    words = tuple(
        Word(n, text, min(1.0, 1.0 / w) if w < 100 else 0.0, 0.1, w)
        for n, (w, text) in enumerate(zip(weights, texts, strict=True))
    )
    wrong = Sentence(1, 0, 1, (Word(0, "<b>", None, None, None),))
    toward = "the unknown word" if threat == "fade" else ""
    threat = "fade" if threat == "fade" else "l-inf"
    return Words(
        "m.onnx", "0" * 64, threat, toward, "zonotope", (Sentence(0, 1, 1, words), wrong), ("<note>",)
    )


def test_colours_on_a_terminal_and_none_where_they_are_not_wanted() -> None:
    def shown(**options: object) -> str:
        text = io.StringIO()
        show(example(), Console(file=text, width=120, force_terminal=True, **options))  # type: ignore[arg-type]
        return text.getvalue()

    coloured, plain = shown(color_system="truecolor"), shown(color_system="truecolor", no_color=True)
    assert "48;2;100;31;6" in coloured  # the darkest shade as a background
    assert "certified to fade by less than a quarter" in coloured
    assert "48;2" not in plain
    assert "\x1b[31m" not in plain
    assert "\u202e" not in coloured


class Tags(HTMLParser):
    """Collects tags, addresses and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("threat", ["fade", "ball"])
def test_the_page_is_escaped_and_needs_nothing_but_itself(threat: str) -> None:
    found = page(example(threat))
    seen = Tags()
    seen.feed(found)
    assert not {"script", "b", "link", "img", "iframe"} & set(seen.tags)
    assert seen.addresses == []
    assert "url(" not in found
    assert "@import" not in found
    for text in ("<script>alert(1)</script>", "&amp;", '"q"', "\\u202eabc", "<b>", "note: <note>"):
        assert any(text in part for part in seen.text)
    names = scale(example(threat)).names
    assert all(name in seen.text for name in names)
    assert all(re.search(r"\d|half|quarter", name) for name in names)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_shades_darken_and_can_be_read() -> None:
    """Order lies in lightness alone, which every kind of colour vision sees."""
    light = [luminance(colour) for colour in SHADES]
    lightness = [116 * value ** (1 / 3) - 16 for value in light]
    assert all(a - b > 7 for a, b in pairwise(lightness))
    for paper, ink in zip(SHADES, INK, strict=True):
        low, high = sorted((luminance(paper), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("threat", ["fade", "ball"])
def test_every_word_finds_its_class(threat: str) -> None:
    classes = scale(example(threat))
    places = [classes.place(w.sensitivity or 0.0) for w in example(threat).sentences[0].words]
    assert places == sorted(places)
    assert places[-1] == len(classes.names) - 1
    assert len(classes.names) == len(classes.ends) + 1


def test_a_browser_shows_the_page_and_has_nothing_to_say(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.html"
    assert main(arguments(folder, "--html", str(path))) == 0
    seen = browse(path)
    assert "great" in seen.dom
    assert seen.console == []


def of_texts(folder: Path, texts: Path) -> list[str]:
    """The command on texts of one's own."""
    return ["words", str(folder / "m.onnx"), "--text", str(texts), "--vocab", str(folder / "v.txt")]


def test_unknown_words_are_marked_counted_and_warned_of(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text("the zzz good film\n")
    own = of_texts(folder, tmp_path / "t.txt")
    page = tmp_path / "p.html"
    assert main([*own, "--html", str(page)]) == 0
    captured = capsys.readouterr()
    assert "zzz(?)" in captured.out
    assert "1 text, 1 of them answered right; 1 of 4 words are unknown, marked (?)" in captured.out
    assert "warning" not in captured.err
    assert re.search(r'unknown" title="[^"]*not in the vocabulary">zzz', page.read_text("utf-8"))
    (tmp_path / "t.txt").write_text("xxx zzz good\n")
    assert main(own) == 0
    assert "warning: 2 of 3 words are unknown" in capsys.readouterr().err
    (tmp_path / "t.txt").write_text("xxx zzz\n")
    assert main(own) == 3
    assert "some word is in the vocabulary; got none, such as 'xxx', 'zzz'" in capsys.readouterr().err


def test_words_support_the_answer_or_speak_against_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text("great the bad film great\n")
    own = of_texts(folder, tmp_path / "t.txt")
    assert main([*own, "--json", "--classes", "dislikes,likes"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["classes"] == ["dislikes", "likes"]
    influence = {word["text"]: word["influence"] for word in document["sentences"][0]["words"]}
    assert influence["great"] > 0 > influence["bad"]
    (tmp_path / "names.txt").write_text("dislikes\nlikes\n")
    assert main([*own, "--classes", str(tmp_path / "names.txt")]) == 0
    shown = capsys.readouterr().out
    assert "label likes, answer likes" in shown
    assert "for the answer" in shown


def test_a_text_is_a_picture_for_a_slide(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / f"w.{kind}") for kind in ("svg", "png", "json")]
    out = [part for file in files for part in ("--out", file)]
    assert main(arguments(folder, *out, "--samples", "0", "--classes", "no,yes")) == 0
    drawn = Path(files[0]).read_text("utf-8")
    assert all(f">{word}<" in drawn for word in ("the", "film", "great"))
    assert Path(files[1]).read_bytes().startswith(b"\x89PNG")
    assert json.loads(Path(files[2]).read_text("utf-8"))["sentences"]
    assert main(arguments(folder, "--out", files[0])) == 2
    assert "--samples K" in capsys.readouterr().err


def test_the_report_of_a_run_of_words_shows_the_texts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--run", str(tmp_path / "run"))) == 0
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "p.html")]) == 0
    assert re.search(r'<span class="word s\d"[^>]*>great', (tmp_path / "p.html").read_text("utf-8"))
