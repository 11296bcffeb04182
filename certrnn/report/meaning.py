"""What a certificate says and what it does not, in words for whoever reads a report."""

from __future__ import annotations

from dataclasses import dataclass

from certrnn.report.results import Results


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
            f"{_region(results.threat)} All other frames stay as they are. Where frames are disturbed each on its "
            "own, a sample counts only if each of its rows is certified. Where the run was given a valid range "
            "of inputs (--clip), nothing outside of it is in the region.",
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
    )


def _held(results: Results) -> str:
    if results.demand:
        return f"what was asked holds: {results.demand}"
    label = "the label" if results.labelled else "the undisturbed answer (the data has no labels)"
    return f"the network gives the class of {label} the strictly largest score"


def _region(threat: str) -> str:
    """What may change, in words; the threats that are not known by name here stand under their own."""
    if threat == "l-inf":
        return (
            "every feature of the disturbed frames moves by at most eps, independently of the others, in the units of "
            "the network's input."
        )
    if threat == "word substitution":
        return "each word of the disturbed positions stays, or is replaced by one of its listed substitutes."
    return (
        f"the disturbed frames change by at most eps in the threat \u201c{threat}\u201d, in the units of the network's "
        "input."
    )
