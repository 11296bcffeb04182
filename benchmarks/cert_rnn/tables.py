"""Cert-RNN's tables 2, 3 and 6 and the numbers of its Figure 7, ours beside the paper's, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.cert_rnn.cases import P_VALUES, Case, Reported
from benchmarks.cert_rnn.networks import Kept
from certrnn.report.table import number
from certrnn.results.comparison import Comparison, Group, u_test

EPS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Where verified accuracy is printed."""
DIFFERS = """What differs from the paper:

* **Networks.** The paper's are not public. These were trained by this script on the same kind of data, so that the
  paper's figures stand beside ours for orientation and are not expected to agree: networks of one size differ by
  factors, as the paper's own rows do.
* **LSTM-n-m** is read as n frames of one layer. The paper says layers; its times grow about as n (n + 1) / 2, as
  they do where each of n frames is searched and reaches through the frames after it.
* **Samples.** The first of the test set that this script certifies (column n: right / all of them), where the paper
  does not say which it took. Texts have 5 to 25 words and URLs 10 to 25 characters (the paper: 48 on average); a cell
  ends early when its time is up, and the baseline is left out where it takes minutes a sample.
* **Data.** Rotten Tomatoes: 10,306 snippets split at random (the paper: 48,869 phrases). Toxic comments: 14,465,
  28 % of them toxic (18,560, balanced). URLs: the balanced source of the file, 26,268 URLs (420,000). Word and
  character vectors of 32 numbers are trained with the network, so that an eps counts in their units: compare the
  methods, not the eps.
* **popqorn** is our baseline after POPQORN's idea, sound in floating point, and not POPQORN's code; its planes are
  computed, not optimised by gradient steps, and certify more than the original's (1.07 to 1.31 times on vanilla
  RNNs, by `benchmarks/popqorn/original.py`). **zonotope** follows Cert-RNN's domain with other planes. **interval** is
  not in the paper.
* **n** differs from method to method where a cell's time was up, and means of different n are means of different
  samples. Table 3 compares on common ones.
* **Seconds** are a sample's, of one core beside other programs; the paper's times are minutes or seconds for a
  number of samples that it does not state, on other machines.
* The bound of a sample is the smallest over its frames (Algorithm 1), on Algorithm 1's grid of 2^-13, unclipped.
  Means and deviations (of n - 1) are over the samples answered right; share of the attack's eps over those that
  the attack came to in its time, where it was asked for.
* **HAR-GRU** is not in Cert-RNN's tables. It is the network of Deka et al. on windows recomputed from HAPT (their
  accuracy stands as the paper's), 128 steps averaged in fours to 32 frames, of which 7, 15, 23 and 31 are
  disturbed, one at a time.
"""
ONE = "### Table 2: one frame disturbed, the smallest over the frames"
ALL = "### Table 6: all frames disturbed together"
_HEAD = """| network | accuracy (paper's) | method | n | mean eps | std | share | s a sample | paper: mean | std | {} |
|---|---|---|---|---|---|---|---|---|---|---|"""


def table_2(found: Sequence[tuple[Kept, Comparison]]) -> Iterator[str]:
    """Table 2, a line for each network and method; share: mean part of the attack's eps that is certified."""
    yield f"{ONE}\n\n{_HEAD.format('min')}"
    for network, comparison in found:
        case = network.case
        paper = {"popqorn": case.popqorn, "zonotope": case.cert_rnn}
        for group in comparison.groups:
            yield _line(network, group, paper.get(group.method))


def table_6(found: Sequence[tuple[Kept, Comparison]]) -> Iterator[str]:
    """Table 6; the paper has Cert-RNN's rows for vanilla RNNs only."""
    yield f"{ALL}\n\n{_HEAD.format('s')}"
    for network, comparison in found:
        for group in comparison.groups:
            yield _line(network, group, network.case.every if group.method == "zonotope" else None)
    yield (
        "\nThe paper's rows of RNN-4-32 and RNN-7-32 repeat 0.0044 and cannot be right: with all frames disturbed "
        "RNN-7-32 would stand more (.0044) than with one (.0037)."
    )


def _line(network: Kept, group: Group, paper: Reported | None) -> str:
    case, record = network.case, network.record
    right = max(group.clean.count, 1)
    reported = ("", "", "") if paper is None else (paper.mean, paper.deviation, paper.time)
    cells = (
        case.name,
        f"{100 * record.accuracy:.1f} % ({case.accuracy:g} %)",
        group.method,
        f"{group.clean.count} / {group.clean.samples}",
        number(group.mean),
        number(group.deviation),
        "-" if group.share is None else f"{group.share:.2f}",
        f"{group.seconds / right:.3g}",
        *(f"{value:g}" if value != "" else "" for value in reported),
    )
    return f"| {' | '.join(cells)} |"


def table_3(found: Sequence[tuple[Kept, Comparison]]) -> Iterator[str]:
    """Whether the zonotope certifies more than the POPQORN-style baseline, on the samples that both finished."""
    yield "### Table 3: zonotope against popqorn by Mann-Whitney's U, on the samples that both finished\n"
    yield "| network | n | mean eps, zonotope / popqorn | paper's | zonotope larger | p (two-sided) | paper's p |"
    yield "|---|---|---|---|---|---|---|"
    for network, comparison in found:
        groups = {group.method: group for group in comparison.groups}
        if {"zonotope", "popqorn"} <= set(groups):
            yield _against(network.case, groups["zonotope"], groups["popqorn"])


def _against(case: Case, zonotope: Group, popqorn: Group) -> str:
    common = {s.number for s in zonotope.samples} & {s.number for s in popqorn.samples}
    ours, theirs = (_of(group, common) for group in (zonotope, popqorn))
    test = u_test(ours, theirs)
    a, b = np.array(ours.values), np.array(theirs.values)
    ratio = number(float(a.mean() / b.mean())) if len(b) and b.mean() > 0 else "-"
    paper = case.cert_rnn.mean / case.popqorn.mean if case.cert_rnn and case.popqorn else None
    p = P_VALUES.get(case.name)
    cells = (
        case.name,
        str(len(a)),
        ratio,
        number(paper),
        f"{int((a > b).sum())} of {len(a)}",
        "-" if test is None else f"{test.p:.2g}",
        "" if p is None else f"{p:.2g}",
    )
    return f"| {' | '.join(cells)} |"


def _of(group: Group, common: set[int]) -> Group:
    """The rows of some samples."""
    from dataclasses import replace

    rows = tuple(row for row in group.results if row.sample in common)
    return Group(replace(group.results, rows=rows), group.method)


def figure_7(found: Sequence[tuple[Kept, Comparison]]) -> Iterator[str]:
    """Verified accuracy at some eps, one frame disturbed."""
    yield "### Figure 7: verified accuracy, one frame disturbed\n"
    yield f"| network | method | n | clean | {' | '.join(f'{eps:g}' for eps in EPS)} |"
    yield f"|---|---|---|---|{'---|' * len(EPS)}"
    for network, comparison in found:
        for group in comparison.groups:
            shares = " | ".join(f"{100 * group.verified(eps).value:.0f} %" for eps in EPS)
            clean = f"{100 * group.clean.value:.0f} %"
            yield f"| {network.case.name} | {group.method} | {group.clean.samples} | {clean} | {shares} |"
