"""What a result depends on, in words: a table for a page, and two lines for a terminal."""

from __future__ import annotations

from certrnn.results.certificates import SEMANTICS, Results
from certrnn.results.figures import exact, lower, near, upper
from certrnn.results.question import Data, Question, Read, Way
from certrnn.threats import Radii, ThreatRecord

Fact = tuple[str, str]
SHORT = 12
"""Digits of a digest in a line."""
_LABELS = {
    "data": "labels of the data",
    "own answers": "no labels: the network's own answers must stay",
    "none": "no labels",
}
_FRAMES = {"each": "each on its own", "all": "all together"}
_EXACT = f"{SEMANTICS}: exact evaluation of the weights in the file"
_UNITS = "units of the network's input"


def units(results: Results) -> str:
    """What one eps is."""
    if results.threat == "word substitution":
        return "all substitutes of the words"
    if results.question is not None and results.question.threat.kind == "edits":
        return results.threat
    return "each feature's own radius" if by_radii(results) else _UNITS


def by_radii(results: Results) -> bool:
    """Whether eps counts radii of features."""
    question = results.question
    return "radius" in results.threat if question is None else question.threat.radii is not None


def short(question: Question | None) -> list[str]:
    """What was asked and of what, in two lines, and one more where eps counts radii."""
    if question is None:
        return []
    parts = [f"frames {_frames(question.frames)}", *_clip(question, "clip "), *_ways(question.way)]
    network = question.network
    lines = [f"asked: {', '.join(parts)}; output {network.output!r}: {network.reading}"]
    lines.append(f"data: {_data_line(question.data)}; {_versions(question)}")
    radii = question.threat.radii
    if radii is not None:
        lines.append(f"eps counts radii: a feature moves by at most eps times its own, {_span(radii)}")
    return lines


def facts(results: Results) -> tuple[Fact, ...]:
    """Everything that was asked, a name and a text each; what a document does not say is not there."""
    question = results.question
    if question is None:
        held = results.specification or "the answer stays the label"
        return (("what may change", results.threat), ("must hold", held), ("semantics", _EXACT))
    entries = [
        ("what may change", _change(question.threat, results.threat)),
        ("eps", _eps(question)),
        ("one eps is", units(results)),
        ("disturbed frames", _frames(question.frames)),
        ("valid range of inputs", "".join(_clip(question, "")) or "none: inputs may have any value"),
        ("must hold", results.specification or "the answer stays the label"),
        *_network(question.network),
        *_data(question.data),
        *_way(question.way),
        ("semantics", _EXACT if question.semantics == SEMANTICS else question.semantics),
        ("versions", ", ".join(f"{name} {version}" for name, version in question.versions)),
    ]
    return tuple(entries)


def _frames(frames: str) -> str:
    return _FRAMES.get(frames, frames if frames.isdecimal() else f"{frames} together")


def _clip(question: Question, before: str) -> list[str]:
    """The valid range as it was asked, and as it was used where that is another."""
    if question.clip is None:
        return []
    text = before + "..".join(map(exact, question.clip))
    if question.clip_used not in (None, question.clip):
        text += f" ({'..'.join(map(exact, question.clip_used))} in the network's numbers)"
    return [text]


def _ways(way: Way) -> list[str]:
    """What is not as it mostly is."""
    parts = [] if way.attack else ["no attack"]
    return parts if way.budget is None else [*parts, f"at most {near(way.budget)} s a row"]


def _data_line(data: Data) -> str:
    named = "a program's own"
    of = f"{data.count} sample{'' if data.count == 1 else 's'}"
    if data.source is not None:
        named = ", ".join(f"{file.name} (sha256 {file.sha256[:SHORT]})" for file in data.source.files)
        of = f"samples {data.samples} of {data.source.total}" if data.count < data.source.total else of
    return f"{named}, {of}, {_LABELS.get(data.labels, data.labels)}"


def _versions(question: Question) -> str:
    return f"certrnn {dict(question.versions).get('certrnn', '?')}, {question.semantics} arithmetic"


def _change(threat: ThreatRecord, name: str) -> str:
    if threat.kind == "words":
        return f"{threat.words} words may be replaced by their substitutes (sha256 {threat.sha256})"
    if threat.kind == "edits":
        named = [f"the alphabet {threat.alphabet}"] if threat.alphabet else []
        named += [f"the synonyms {threat.synonyms}"] if threat.synonyms else []
        return f"{name}, to words of {' and '.join(named) or 'a pool'} (sha256 {threat.sha256})"
    if threat.radii is None:
        return name
    return f"{name}: {_span(threat.radii)}, shape {list(threat.radii.shape)}, sha256 {threat.radii.sha256}"


def _span(radii: Radii) -> str:
    return f"from {lower(radii.smallest)} to {upper(radii.largest)}"


def _eps(question: Question) -> str:
    if question.eps is not None:
        return ", ".join(map(exact, question.eps))
    if question.way.grid:
        return f"the largest certified among {', '.join(map(exact, question.way.grid))}"
    return "the largest that is certified, searched"


def _network(network: Read) -> list[Fact]:
    options = "".join(f" (--{name}{'=' if ' ' in name else ' '}{value})" for name, value in network.given)
    return [
        ("network's output", f"{network.output!r}: {network.reading}"),
        ("network's input", network.arrangement + options),
    ]


def _data(data: Data) -> list[Fact]:
    facts = [("data", "made by a program")]
    if data.source is not None:
        facts = [(f"--{f.option}", f"{f.name} (sha256 {f.sha256})") for f in data.source.files]
        facts += [(f"--{name.replace('_', '-')}", value) for name, value in data.source.options]
    total = "" if data.source is None else f" of {data.source.total}"
    facts.append(
        ("samples", f"{data.samples} ({data.count}{total}); as the network gets them sha256 {data.sha256}")
    )
    done = data.done or "nothing"
    return [*facts, ("done to the data", done), ("labels", _LABELS.get(data.labels, data.labels))]


def _way(way: Way) -> list[Fact]:
    numbers = ", ".join(f"{name} {exact(value)}" for name, value in way.numbers)
    search = f", {way.search}" + (f" ({numbers})" if numbers else "") if way.search else ""
    budget = "its own" if way.budget is None else f"{exact(way.budget)} s"
    return [
        ("method asked", f"{way.method}{search}"),
        ("attack", "on: each certificate was also attacked" if way.attack else "off"),
        ("time for a row", budget),
    ]
