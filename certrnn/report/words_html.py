"""Words as one self-contained HTML page: escaped, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape

from certrnn.report.escape import visible
from certrnn.report.heat_map import INK, SHADES, Scale, scale, shade
from certrnn.results.figures import lower, upper
from certrnn.results.words import Sentence, Word, Words

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #ffffff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.about { margin: .1rem 0; color: #444444; overflow-wrap: anywhere; }
.legend { list-style: none; margin: 1rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
.legend li { font-size: .85rem; } .legend span { display: inline-block; width: 2.2rem; text-align: center;
  border: 1px solid #767676; margin-right: .4rem; font-size: .75rem; }
.text { margin: .9rem 0; padding: .6rem .8rem; border: 1px solid #d5d5d5; border-radius: .3rem; }
.text .head { font-size: .85rem; color: #444444; margin-bottom: .4rem; }
.word { display: inline-block; margin: .12rem; padding: 0 .3rem; border-radius: .2rem; text-align: center;
  overflow-wrap: anywhere; }
.word small { display: block; font-size: .65rem; line-height: 1.3; }
.unknown { text-decoration: underline dotted; }
.wrong { color: #444444; border-style: dashed; }
table { border-collapse: collapse; } th, td { padding: .15rem .8rem .15rem 0; text-align: right; }
th:nth-child(2), td:nth-child(2) { text-align: left; } th { border-bottom: 1px solid #767676; }
"""


def page(words: Words, top: int = 20) -> str:
    """The heat map of every text, with a legend, and the ``top`` most sensitive words of the data."""
    classes = scale(words)
    shades = "".join(
        f".s{k} {{ background: {paper}; color: {ink}; }}\n"
        for k, (paper, ink) in enumerate(zip(SHADES, INK, strict=True))
    )
    title = f"Sensitive words of {words.path}"
    notes = "".join(f'<p class="about">note: {_shown(note)}</p>\n' for note in words.notes)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_shown(title)}</title>\n<style>{_STYLE}{shades}</style>\n</head>\n<body>\n"
        f"<h1>{_shown(title)}</h1>\n"
        f'<p class="about">{_shown(words.about())}; sha256 {escape(words.sha256[:12])}</p>\n'
        f'<p class="about">{_shown(words.counts)}</p>\n{notes}'
        f"{_legend(words, classes)}\n<h2>Texts</h2>\n"
        + "\n".join(_sentence(words, sentence, classes) for sentence in words.sentences)
        + f"\n{_ranking(words, top)}\n</body>\n</html>\n"
    )


def _legend(words: Words, classes: Scale) -> str:
    first = shade(0, len(classes.names))
    items = [
        f'<li><span class="s{first + k}">{k + 1}</span>{escape(name)}</li>'
        for k, name in enumerate(classes.names)
    ]
    below = "its certified eps"
    if words.threat == "fade":
        below = "how much of it may fade, or, where all of it may, the share of the margin that this may cost"
    below += "; + where the word supports the answer, \u2212 where it speaks against it (in floating point)"
    unknown = " Dotted words are not in the vocabulary." if "(?)" in words.counts else ""
    return (
        f'<ul class="legend">{"".join(items)}</ul>\n<p class="about">Under each word: {below}.{unknown}</p>'
    )


def _sentence(words: Words, sentence: Sentence, classes: Scale) -> str:
    label, answer = (_shown(words.named(n)) for n in (sentence.label, sentence.prediction))
    head = f"sample {sentence.sample}: label {label}, answer {answer}"
    if not sentence.right:
        plain = " ".join(_shown(word.shown) for word in sentence.words)
        return f'<div class="text wrong"><div class="head">{head}: misclassified, nothing to certify</div>{plain}</div>'
    body = " ".join(_word(words, word, classes) for word in sentence.words)
    return f'<div class="text"><div class="head">{head}</div>{body}</div>'


def _word(words: Words, word: Word, classes: Scale) -> str:
    assert word.certified is not None
    assert word.sensitivity is not None
    place = shade(classes.place(word.sensitivity), len(classes.names))
    told = f"certified {words.unit} {lower(word.certified)}, proved margin {lower(word.margin)}, word {word.frame}"
    told += {"+": "; supports the answer", "-": "; speaks against the answer"}.get(word.sign, "")
    told += "" if word.known else "; not in the vocabulary"
    sign = {"+": "+ ", "-": "\u2212 "}.get(word.sign, "")
    shown = f"{_shown(word.text)}<small>{sign}{words.shown(word)}</small>"
    unknown = "" if word.known else " unknown"
    return f'<span class="word s{place}{unknown}" title="{escape(told)}">{shown}</span>'


def _ranking(words: Words, top: int) -> str:
    rows = "".join(
        f"<tr><td>{place}</td><td>{_shown(r.text)}</td><td>{r.times}</td><td>{lower(r.smallest)}</td>"
        f"<td>{lower(r.median)}</td><td>{upper(r.sensitivity, 3)}</td></tr>"
        for place, r in enumerate(words.ranking()[:top], start=1)
    )
    heads = ("rank", "word", "times", f"smallest {words.unit}", f"median {words.unit}", "largest sensitivity")
    return (
        "<h2>Most sensitive words of all texts</h2>\n<table><thead><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def _shown(text: str) -> str:
    """Escaped, and without characters that are not seen or turn the direction of writing."""
    return escape(visible(text))
