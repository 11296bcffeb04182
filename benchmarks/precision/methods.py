"""The ladder of methods: certified eps of each, as a share of an attack's eps, beside recorded and installed peers.

    python -m benchmarks.precision.methods --models FOLDER [--network NAME] [--methods zonotope,auto] [--budget 2,60]
        [--samples 5] [--record FILE] [--auto-lirpa PYTHON] [--speed] [--fixed]

FOLDER (or the variable CERTRNN_MODELS) holds NAME.onnx, NAME.npz (x, y, t10k_index) and peers.json, whose
``eps -> peer -> network -> frames -> image -> [eps, seconds]`` gives the attack's eps and the peers'. Threats are all
frames, the first and the last; l-infinity, unclipped. Methods joint and auto search sample by sample, within the
budget (wall clock) if there is one. Seconds are processor time, a sample, for the whole search. With ``--record``,
figures are kept in FILE and found rows are not measured again. PYTHON is an interpreter with auto_LiRPA; ``--speed``
times linear methods against its CROWN in turns, ``--fixed`` compares margins with those recorded at fixed eps.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.precision import auto_lirpa
from benchmarks.precision.auto_lirpa import AutoLirpa
from benchmarks.precision.figures import ATTACK, PORT, Book, auto_lirpa_recorded, comparisons, table
from benchmarks.precision.search import Case, Found, again, climbed, note, ours, theirs
from certrnn.analyses import proved
from certrnn.certification import Problem, margins
from certrnn.certification.methods import METHODS

NETWORKS = ("rnn_4f_32h_1l", "rnn_7f_32h_1l", "lstm_4f_32h_1l", "lstm_7f_32h_1l")
LADDER = ("interval", "zonotope", "popqorn", "crown", "alpha-crown", "joint", "auto")
"""Cheap to expensive."""
EXPENSIVE = ("joint", "auto")
LINEAR = ("zonotope", "popqorn", "crown")


def measure(
    case: Case, book: Book, frames: str, label: str, options: argparse.Namespace, side: AutoLirpa | None
) -> Found:
    """One method, by its label: its name, and its budget where it has one."""
    method, _, budget = label.partition(" at ")
    attack = book.row(ATTACK, case.name, frames)
    attacked = [attack.get(i, [math.inf])[0] for i in case.images]
    known = next(
        (row for who in ("auto_LiRPA CROWN", "zonotope") if (row := book.row(who, case.name, frames))), {}
    )
    start = torch.tensor([1.05 * known.get(i, [2.0**-6])[0] for i in case.images], dtype=torch.float64)
    if label in auto_lirpa.METHODS:
        assert side is not None
        return theirs(case, side, label, frames, start, options.tolerance)
    if method in EXPENSIVE:
        seconds = float(budget.removesuffix(" s")) if budget else math.inf
        return climbed(case, method, frames, seconds, attacked, options.tolerance)
    found = ours(case, method, frames, start, options.tolerance)
    return again(case, book, method, list(LADDER[: LADDER.index(method)]), frames, found)


def speed(case: Case, book: Book, side: AutoLirpa, frames: str, rounds: int) -> Iterator[str]:
    """Milliseconds of one evaluation near the end of what the port certifies, in turns, and whose bounds are larger."""
    port = book.row(PORT, case.name, frames)
    threat, problem = case.threat(frames), case.problem
    for size in sorted({1, len(case.images)}):
        rows = case.rows[:size]
        eps = torch.tensor([port[i][0] for i in case.images[:size]], dtype=torch.float64)
        ball, spec = problem.ball(rows, eps, threat), problem.spec(rows)
        lower: dict[str, torch.Tensor] = {}
        spent: dict[str, list[float]] = {}
        for k in range(rounds + 1):
            bound, seconds = side.margins("auto_LiRPA CROWN", rows.tolist(), eps.tolist(), threat.frames)
            answers = {"theirs": (bound, seconds)}
            for method in LINEAR:
                clock = time.process_time()
                bound = proved(METHODS[method]().margins(problem.graph, ball, spec))
                answers[method] = (bound, time.process_time() - clock)
            for name, (bound, seconds) in answers.items():
                lower[name] = bound
                # the first round compiles and builds
                spent.setdefault(name, []).extend([seconds] if k else [])
        peer = statistics.median(spent["theirs"])
        for method in LINEAR:
            mine, gap = statistics.median(spent[method]), lower[method] - lower["theirs"]
            bounds = f"{int((gap >= 0).sum())} of {size} {float(gap.mean()):+8.3f} {float(gap.amin()):+8.3f}"
            yield (
                f"{case.name:15} {frames:>5} {size:3d} {method:9} {1e3 * peer:8.2f} {1e3 * mine:8.2f} "
                f"{peer / mine:6.1f} {bounds}"
            )


def fixed(case: Case, entries: list[dict], methods: tuple[str, ...]) -> Iterator[str]:
    """Margins at the eps at which peers' margins are recorded, sample by sample."""
    for entry in (entry for entry in entries if entry["model"] == case.name):
        frames = "all" if entry["frame"] == -1 else str(entry["frame"])
        rows = [k for k, i in enumerate(case.images) if int(i) in entry["t10k"]]
        for name in methods:
            lower = []
            for k in rows:
                at = entry["eps"][entry["t10k"].index(int(case.images[k]))]
                part = Problem.of(
                    case.problem.graph, case.problem.x[k : k + 1], case.problem.labels[k : k + 1]
                )
                lower.append(float(margins(part, METHODS[name](), case.threat(frames), [at])))
            for peer in ("popqorn2d_margin_lb", "cert_rnn_py_margin_lb"):
                recorded = [entry[peer][entry["t10k"].index(int(case.images[k]))] for k in rows]
                below = sum(a < b for a, b in zip(lower, recorded, strict=True))
                shown = " ".join(f"{a:.2f}/{b:.2f}" for a, b in zip(lower, recorded, strict=True))
                yield f"{case.name} {frames} factor {entry['factor']} {name}, {peer}: {shown}; below in {below}"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", default=os.environ.get("CERTRNN_MODELS"))
    parser.add_argument("--network", action="append")
    parser.add_argument("--methods", default="interval,zonotope,popqorn,crown,alpha-crown,auto")
    parser.add_argument("--threats", default="all,first,last")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument(
        "--budget", default="2", help="seconds of joint and auto, a row each; none: without end"
    )
    parser.add_argument("--tolerance", type=float, default=0.005)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--auto-lirpa", metavar="PYTHON")
    parser.add_argument("--auto-lirpa-methods", default="CROWN,alpha-CROWN")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--fixed", action="store_true")
    options = parser.parse_args()
    if options.models is None or not (Path(options.models) / "peers.json").is_file():
        sys.exit("missing: a folder with peers.json, NAME.onnx and NAME.npz; give --models or CERTRNN_MODELS")
    if options.speed and options.auto_lirpa is None:
        sys.exit(
            "missing: --auto-lirpa PYTHON, the interpreter of an environment with auto_LiRPA, to time against"
        )
    for name in options.network or NETWORKS:
        for file in (f"{name}.onnx", f"{name}.npz"):
            if not (Path(options.models) / file).is_file():
                sys.exit(f"missing in {options.models}: {file}")
    return options


def require_same(case: Case, side: AutoLirpa) -> None:
    """That the hand-unrolled network answers what ours does, to single precision."""
    rows, frames = case.rows.tolist(), case.threat("all").frames
    margins, _ = side.margins("auto_LiRPA CROWN", rows, [0.0] * len(rows), frames)
    assert torch.allclose(margins, case.clean(), atol=1e-3), f"{margins} is not {case.clean()}"


def labels(options: argparse.Namespace) -> list[str]:
    """Rows of the table, cheap to expensive; joint and auto once for each budget."""
    wanted = options.methods.split(",")
    if unknown := set(wanted) - set(LADDER):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; --methods knows {', '.join(LADDER)}")
    found = [f"auto_LiRPA {name}" for name in options.auto_lirpa_methods.split(",") if options.auto_lirpa]
    for method in (method for method in LADDER if method in wanted):
        if method not in EXPENSIVE:
            found.append(method)
        else:
            found += [method if b == "none" else f"{method} at {b} s" for b in options.budget.split(",")]
    return found


def run(case: Case, book: Book, options: argparse.Namespace, side: AutoLirpa | None) -> None:
    """Every figure of one network that the book lacks."""
    for frames in case.frames(options.threats):
        for label in labels(options):
            if set(case.images) <= book.row(label, case.name, frames).keys():
                continue
            eps, seconds = measure(case, book, frames, label, options, side)
            pairs = zip(case.images, eps.tolist(), seconds, strict=True)
            book.add(label, case.name, frames, {image: [e, s] for image, e, s in pairs})
            note(f"{case.name} {frames} {label}: {float(eps.mean()):.5f}, {statistics.mean(seconds):.2f} s")


def main() -> None:
    options = parsed()
    torch.set_num_threads(1)
    folder = Path(options.models)
    book = Book.open(folder, options.record)
    entries = json.loads((folder / "peers.json").read_text("utf-8"))["popqorn_2d_margins_at_fixed_eps"]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"# {platform.machine()}, {os.cpu_count()} cores, load {load}, one thread, {time.strftime('%Y-%m-%d')}"
    )
    cases: dict[str, tuple[list[str], list[str]]] = {}
    if options.speed:
        print(
            "ms an evaluation (processor time), bounds at the port's eps: ours at least theirs in, mean and least gap"
        )
        print(f"{'network':15} {'frame':>5} {'n':>3} {'ours':9} {'CROWN':>8} {'ms':>8} {'times':>6}")
    for name in options.network or NETWORKS:
        case = Case.of(folder, name, options.samples)
        cases[name] = case.frames(options.threats), case.images
        with contextlib.ExitStack() as stack:
            side = None
            if options.auto_lirpa:
                side = AutoLirpa(options.auto_lirpa, case.path, case.problem.x, case.problem.labels)
                stack.enter_context(side)
                require_same(case, side)
            if options.speed and side is not None:
                for frame in cases[name][0]:
                    for line in speed(case, book, side, frame, options.rounds):
                        print(line, flush=True)
            elif options.fixed:
                for line in fixed(case, entries, tuple(options.methods.split(","))):
                    print(line, flush=True)
            else:
                run(case, book, options, side)
    if options.speed or options.fixed:
        return
    beside = [label for label in auto_lirpa.METHODS if label in book.measured]
    cheaper = costs(book)
    shown = (*table(book, cases, [*beside, *cheaper]), *auto_lirpa_recorded(folder))
    for line in (*shown, *comparisons(book, cheaper, beside)):
        print(line)


def costs(book: Book) -> dict[str, list[str]]:
    """Our measured methods, cheap to expensive, each with those before it that have no larger budget."""

    def cost(label: str) -> tuple[float, int]:
        method, _, budget = label.partition(" at ")
        unlimited = math.inf if method in EXPENSIVE else 0.0
        return float(budget.removesuffix(" s")) if budget else unlimited, LADDER.index(method)

    ours = {label: cost(label) for label in book.measured if label not in auto_lirpa.METHODS}
    ranked = sorted(ours, key=lambda label: ours[label][::-1])
    return {
        label: [other for other in ranked[:k] if ours[other][0] <= ours[label][0]]
        for k, label in enumerate(ranked)
    }


if __name__ == "__main__":
    sys.exit(main())
