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
    label = "the label" if results.labelled else "the undisturbed answer (the data has no labels)"
    return (
        Paragraph(
            "Certified:",
            "for every sequence of the region the network gives the class of "
            f"{label} the strictly largest score. This is proved, with every rounding error of the proof enclosed; it "
            "is no estimate.",
        ),
        Paragraph(
            "Region:",
            "every feature of the disturbed frames moves by at most eps, in the units of the network's input and in "
            "the norm of the run (l-infinity unless a note says otherwise); all other frames stay as they are. "
            "Where frames are disturbed each on its own, a sample counts only if each of its rows is certified.",
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
