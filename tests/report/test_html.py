"""The page says what the results say, believes no text of theirs, and loads nothing: read as text and in a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from certrnn.report.escape import visible
from certrnn.report.html import html_page
from certrnn.report.page import MOST_ROWS, page_of
from certrnn.results.certificates import Results
from certrnn.results.row import Row
from tests.report.browser import browse
from tests.report.cases import HOSTILE, results, row

ROWS = (row(0, 0.3, 0.6), row(1, 0.1, 0.4), row(2, 0.2), row(3, None), row(4, 0.0, 0.05))
PLAIN = results(*ROWS)
ATTACK = results(
    *ROWS,
    row(5, None, verdict="error", prediction=-1, label=-1, reason=HOSTILE[0]),
    path="".join(HOSTILE),
    notes=HOSTILE,
    external=tuple((name, name) for name in HOSTILE),
)


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.texts.append(data)

    def names(self, *tags: str) -> list[str]:
        return [tag for tag, _ in self.elements if tag in tags]


def text_of(page: str) -> str:
    return " ".join(" ".join(Parts(page).texts).split())


def test_the_page_says_what_the_results_say() -> None:
    text = text_of(html_page(PLAIN))
    assert "ab" * 32 in text
    assert "80.0 % answered right (4 of 5)" in text
    assert "0.1500 median certified eps" in text
    assert "3 rows certified 1 row unknown 1 row misclassified" in text
    assert "Verified accuracy over eps" in text
    for number in ("0.3000", "0.6000", "0.1000", "misclassified"):
        assert number in text


def test_the_weakest_samples_come_first_and_wrong_ones_not_at_all() -> None:
    worst = page_of(PLAIN).worst
    assert worst is not None
    assert [cells[0] for cells in worst.cells] == ["4", "1", "2", "0"]


@pytest.mark.parametrize("note", ["stopped early: 5 of 9 rows are finished", "shard 0/2: 5 of all 9 rows"])
def test_of_a_run_that_is_not_complete_no_share_is_shown(note: str) -> None:
    asked = (row(0, 0.1, eps=0.1, frames=[0]), row(1, 0.1, eps=0.1, frames=[0]))
    text = text_of(html_page(results(*asked, notes=(note,))))
    assert note in text
    assert "erified accuracy" not in text
    assert "erified accuracy" in text_of(html_page(results(*asked)))


def test_a_failed_self_check_is_loud() -> None:
    page = page_of(results(row(0, 0.3, 0.3), row(1, 0.1)))
    assert "Believe nothing" in page.alarm
    assert "sample 0" in page.alarm
    assert page_of(PLAIN).alarm == ""


def test_without_labels_there_is_no_accuracy() -> None:
    text = text_of(html_page(results(*ROWS[:3], labelled=False)))
    assert "accuracy" not in text
    assert "Certified predictions over eps" in text


def test_eps_of_a_grid_are_not_taken_for_the_largest() -> None:
    """A curve that asks for 0 and .2 knows of .1 only that it is more than 0."""
    text = text_of(html_page(results(row(0, 8.9e-16, 0.4), row(1, 0.2), grid=(0.0, 0.2))))
    assert "median certified eps" not in text
    assert "verified accuracy at eps 0.2 (1 of 2)" in text
    assert "among the eps that were asked" in text
    assert "median certified eps" in text_of(html_page(results(row(0, 0.1), row(1, 0.2))))


@pytest.mark.parametrize("eps", [5e-324, 1e-305, 1e-16, 1e300, 1.7e307])
def test_no_size_of_eps_stops_a_page(eps: float) -> None:
    assert "Verified accuracy over eps" in text_of(html_page(results(row(0, eps))))


def test_the_page_says_what_was_asked() -> None:
    assert "moves by at most eps, independently of the others" in text_of(html_page(PLAIN))
    for threat in ("l2 over the sequence", "word substitution", HOSTILE[0]):
        text = text_of(html_page(results(*ROWS, threat=threat, specification="the answer never becomes 3")))
        assert "independently of the others" not in text
        assert threat in text
        assert "what was asked holds: the answer never becomes 3" in text
        assert "accuracy" not in text


@pytest.mark.parametrize("rows", [(), (row(0, None),), (row(0, 0.1),), (row(0, 0.1, eps=0.1),)])
def test_small_runs_have_a_page(rows: tuple[Row, ...]) -> None:
    assert "What a certificate means" in html_page(results(*rows))


def test_a_page_of_very_many_rows_says_which_it_shows() -> None:
    page = page_of(results(*(row(n, 0.1) for n in range(MOST_ROWS + 1))))
    assert len(page.rows.cells) == MOST_ROWS
    assert f"first {MOST_ROWS} of {MOST_ROWS + 1}" in page.rows_caption
    assert not page.open


def test_nothing_is_loaded_and_only_the_pages_own_script_may_run() -> None:
    for about in (PLAIN, ATTACK):
        page = html_page(about)
        parts = Parts(page)
        loading = {"src", "href", "srcset", "data", "action", "background", "poster", "formaction"}
        assert all(not loading & set(attributes) for tag, attributes in parts.elements if tag != "use")
        assert all((attributes.get("xlink:href") or "#").startswith("#") for _, attributes in parts.elements)
        assert not parts.names("link", "iframe", "object", "embed", "img", "form", "base", "a")
        assert not [name for _, attributes in parts.elements for name in attributes if name.startswith("on")]
        assert not re.findall(r"url\((?!#)|@import", page)
        (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        (policy,) = [
            a["content"] for _, a in parts.elements if a.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy is not None
        assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
        assert "unsafe-eval" not in policy
        assert not re.search("script-src[^;]*unsafe-inline", policy)


def test_hostile_texts_stay_texts() -> None:
    page = html_page(ATTACK)
    page.encode("utf-8")
    assert not set(page) & {"\u202e", "\u2066", "\u200f", "\x00", "\x07", "\ud800"}
    parts = Parts(page)
    assert (len(parts.names("script")), len(parts.names("style"))) == (
        1,
        len(Parts(html_page(PLAIN)).names("style")),
    )
    text = "".join(parts.texts)
    assert all(visible(hostile) in text for hostile in HOSTILE)


def test_ids_are_unique() -> None:
    ids = re.findall(r'\sid="([^"]*)"', html_page(PLAIN))
    assert len(ids) == len(set(ids)) > 3


def saved(folder: Path, page: str) -> Path:
    file = folder / "page.html"
    file.write_bytes(page.encode("utf-8"))
    return file


def test_a_browser_runs_no_hostile_text_and_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    seen = browse(saved(tmp_path, html_page(ATTACK)))
    assert seen.console == []
    (title,) = re.findall("<title>(.*?)</title>", seen.dom, re.DOTALL)
    assert html.unescape(title) == f"certrnn: {visible(ATTACK.path)}"
    assert not Parts(seen.dom).names("img")
    assert "<button" in seen.dom  # the page's own script did run


def test_the_policy_stops_what_would_get_in(tmp_path: Path) -> None:
    """A planted hole: what an escaping mistake would let in is neither run nor loaded."""
    owned = "document.title='owned'"
    holes = f"<script>{owned}</script><img src='https://example.invalid/x.png' onerror={owned}>"
    page = html_page(PLAIN).replace("<main>", f"<main>{holes}")
    seen = browse(saved(tmp_path, page))
    assert "<title>certrnn: model.onnx</title>" in seen.dom
    assert any("Content Security Policy" in line for line in seen.console)


def test_a_click_on_a_head_sorts(tmp_path: Path) -> None:
    order = sorted_by_clicks(PLAIN, tmp_path, "certified eps", 1)
    assert order == ["4", "1", "2", "0", "3"]  # 0, .1, .2, .3, and nothing last
    assert sorted_by_clicks(PLAIN, tmp_path, "certified eps", 2) == ["0", "2", "1", "4", "3"]


def sorted_by_clicks(about: Results, folder: Path, head: str, clicks: int) -> list[str]:
    """The samples in the order of the table after some clicks; the policy is left out to let the test click."""
    page = re.sub(r"<meta http-equiv=.*?>", "", html_page(about))
    find = f"[...document.querySelectorAll('.sortable button')].find(b => b.textContent === '{head}')"
    click = f"<script>{f'{find}.click();' * clicks}</script></body>"
    dom = browse(saved(folder, page.replace("</body>", click))).dom
    table = re.findall(r'<table class="sortable">.*?</table>', dom, re.DOTALL)[0]
    return re.findall(r'<tr><td class="number">(\d+)</td>', table)
