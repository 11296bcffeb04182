"""What a certificate says and what it does not, in words for the readers of a report."""

from __future__ import annotations

from dataclasses import dataclass

from certrnn.report.spoken import by_radii, units
from certrnn.results.certificates import Results
from certrnn.results.figures import exact


@dataclass(frozen=True)
class Paragraph:
    """A thought and its explanation."""

    head: str
    text: str


def meaning(results: Results) -> tuple[Paragraph, ...]:
    """The explanation of these results' certificates."""
    return (
        Paragraph(
            "Certified:",
            f"for every sequence of the region {_held(results)}. This is proved, with every rounding error of the "
            "proof enclosed; it is no estimate.",
        ),
        Paragraph(
            "Region:",
            f"{_region(results)} All other frames stay as they are. Where frames are disturbed each on its "
            "own, a sample counts only if each of its rows is certified. "
            f"{_range(results)}",
        ),
        Paragraph(
            "Network:",
            "the exact real evaluation of the weights in the file with the sha256 above. Nothing is said of the "
            "rounding of a float32 deployment, which may decide two nearly equal scores either way.",
        ),
        Paragraph(
            "Attacked eps:",
            "the distance of a counterexample that was found and replayed in onnxruntime. No certificate can reach "
            "it; a luckier attack may find a smaller one.",
        ),
        Paragraph("Unknown:", "neither a proof nor a counterexample was found. This is no statement."),
        Paragraph(
            "Not said:",
            "anything outside the region, or whether a label is right. Misclassified samples are not certified.",
        ),
        Paragraph("Believed:", _believed(results)),
    )


def _held(results: Results) -> str:
    if results.specification:
        return f"what was asked holds: {results.specification}"
    label = "the label" if results.labelled else "the undisturbed answer (the data has no labels)"
    return f"the network gives the class of {label} the strictly largest score"


def _region(results: Results) -> str:
    """What may change, in words; the threats that are not known by name here stand under their own."""
    threat = results.threat
    if threat == "word substitution":
        return "each word of the disturbed positions stays, or is replaced by one of its listed substitutes."
    if not by_radii(results) and threat == "l-inf":
        return (
            "every feature of the disturbed frames moves by at most eps, independently of the others, in the units of "
            "the network's input."
        )
    return (
        f"the disturbed frames change by at most eps in the threat \u201c{threat}\u201d, where one eps is "
        f"{units(results)}."
    )


def _range(results: Results) -> str:
    question = results.question
    if question is None:
        return "Where the run was given a valid range of inputs (--clip), nothing outside of it is in the region."
    if question.clip_used is None:
        return "No valid range of inputs was given (--clip): the region holds whatever lies within eps."
    ends = "..".join(map(exact, question.clip_used))
    return f"Nothing outside of the valid range {ends} is in the region."


def _believed(results: Results) -> str:
    """Whom a reader of the page trusts."""
    what = "the run folder" if results.folder else "the file"
    return (
        f"this page repeats what {what} of the results says, and proves nothing again: it is as trustworthy as "
        f"the people who could write to {what}. "
        "certrnn certify --like RESULT.json --row K asks a row of a document again."
    )
