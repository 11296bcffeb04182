"""Results for pipelines: JUnit XML, which build servers show as tests, and SARIF, which code hosts annotate with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from certrnn import __version__
from certrnn.report.escape import visible
from certrnn.results.certificates import Results
from certrnn.results.changes import spelled_changes
from certrnn.results.figures import upper
from certrnn.results.gates import Gate, where
from certrnn.results.row import Row

PASSED, FAILED, BROKEN, SKIPPED = "passed", "failed", "error", "skipped"
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
RULES = {
    "falsified": "An input inside the region changes the answer.",
    "below": "The certified eps is below what is demanded.",
    "undecided": "Neither proved nor refuted.",
    "share": "The share of verified samples is below what is demanded.",
    "error": "The row has no answer that may be believed.",
}


@dataclass(frozen=True)
class Finding:
    """What a pipeline makes of a row, or of a demand on all of them: how it ended, by which rule, and in words."""

    name: str
    outcome: str
    rule: str = ""
    text: str = ""
    seconds: float = 0.0


def findings(results: Results, gate: Gate) -> Iterator[Finding]:
    """Every row, and what falls short of a demanded share."""
    for row in results:
        yield _finding(row, gate)
    if gate.accuracy is not None:
        for eps, (good, count) in results.verified().items():
            short = gate.share_short(eps, good, count)
            yield Finding(
                f"share at eps {eps:g}", FAILED if short else PASSED, "share" if short else "", short
            )


def _finding(row: Row, gate: Gate) -> Finding:
    def said(outcome: str, rule: str = "", text: str = "") -> Finding:
        return Finding(where(row), outcome, rule, visible(text), row.seconds)

    if row.verdict == "error":
        return said(BROKEN, "error", row.reason or "the self-check failed")
    if row.verdict == "misclassified":
        return said(SKIPPED, "", f"misclassified: label {row.label}, answer {row.prediction}")
    below = gate.below(row)
    if below:
        return said(FAILED, "below", below)
    # where a share is demanded, single rows are not
    open_outcome = SKIPPED if gate.accuracy is not None else FAILED
    if row.verdict == "falsified":
        changed = spelled_changes(row.changed)
        near = f"a counterexample at eps {upper(row.eps_attacked)}" + (f": {changed}" if changed else "")
        return said(open_outcome, "falsified", near)
    if row.verdict in ("unknown", "timeout"):
        return said(open_outcome, "undecided", row.reason or row.verdict)
    return said(PASSED)


def junit(results: Results, gate: Gate) -> str:
    """JUnit XML: a suite for the model, a test for each row."""
    every = list(findings(results, gate))
    count = {kind: sum(one.outcome == kind for one in every) for kind in (FAILED, BROKEN, SKIPPED)}
    suite = quoteattr(f"certrnn {visible(results.path)}")
    seconds = sum(one.seconds for one in every)
    head = (
        f'<testsuite name={suite} tests="{len(every)}" failures="{count[FAILED]}" errors="{count[BROKEN]}" '
        f'skipped="{count[SKIPPED]}" time="{seconds:.3f}">'
    )
    cases = "\n".join(_case(one, suite) for one in every)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{head}\n{cases}\n</testsuite>\n</testsuites>\n'


def _case(one: Finding, suite: str) -> str:
    head = f'<testcase classname={suite} name={quoteattr(one.name)} time="{one.seconds:.3f}"'
    tag = {FAILED: "failure", BROKEN: "error", SKIPPED: "skipped"}.get(one.outcome)
    if tag is None:
        return f"{head}/>"
    kind = f" type={quoteattr(one.rule)}" if tag != "skipped" else ""
    return f"{head}><{tag}{kind} message={quoteattr(one.text)}/></testcase>"


def sarif(results: Results, gate: Gate) -> str:
    """SARIF 2.1.0: what failed, each about the model's file."""
    place = {"physicalLocation": {"artifactLocation": {"uri": visible(results.path).replace("\\", "/")}}}
    failures = [
        {
            "ruleId": one.rule,
            "level": "error" if one.rule != "undecided" else "warning",
            "message": {"text": f"{one.name}: {one.text}"},
            "locations": [place],
        }
        for one in findings(results, gate)
        if one.outcome in (FAILED, BROKEN)
    ]
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    driver = {"name": "certrnn", "version": __version__, "rules": rules}
    document = {
        "$schema": SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": failures}],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
