"""Re-proves certificates: each is confirmed, or rejected with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from certrnn.certificates.checker import claim as claims
from certrnn.certificates.checker import quadratic
from certrnn.certificates.checker.backward import Backward
from certrnn.certificates.checker.claim import Certificate, Data, Model, Refused
from certrnn.certificates.checker.forward import EFFORTS, Effort, Forward, Region
from certrnn.certificates.checker.lone import require_logit
from certrnn.certificates.checker.onnx_file import read
from certrnn.certificates.checker.program import Apply, Program

SUFFIX = ".certificate.npz"
TOGETHER = 16


class Outcome(NamedTuple):
    """What is said of one file: its claim (None where there is none), the reason why it is rejected, or "" and what
    was proved: a lower bound on the worst of its rows."""

    name: str
    claim: dict[str, Any] | None
    reason: str
    margin: float | None

    @property
    def confirmed(self) -> bool:
        return not self.reason


class Curved(NamedTuple):
    """Planes with deficits for some of the rows: which these are (r,), slopes (arity, r, n) and curvatures (3, r, n) by
    function, and D and z (r, m)."""

    rows: np.ndarray
    planes: dict[int, np.ndarray]
    curvature: dict[int, np.ndarray]
    diagonal: np.ndarray
    point: np.ndarray


class Question(NamedTuple):
    """A certificate with everything that its claim means."""

    certificate: Certificate
    region: Region
    rows: np.ndarray
    offset: np.ndarray
    clauses: np.ndarray
    slopes: dict[int, np.ndarray]
    planes: dict[int, np.ndarray]
    curved: Curved | None


class Checker:
    """Re-proves certificates about one model and one data file."""

    def __init__(self, model: Model, data: Data) -> None:
        self.model, self.data = model, data
        self._programs: dict[tuple[str, str, bool], tuple[Program, np.ndarray]] = {}
        self._logits: set[tuple[str, str, bool]] = set()

    def program(self, output: str, layout: str, kind: str) -> tuple[Program, np.ndarray]:
        """The program of an output, and the elements that a property of some kind asks of.

        Where classes are asked, sigmoids at the end count by their arguments, which they keep in order.

        Raises:
            Refused: classes are asked of a lone score that nothing shows to be a logit.
        """
        numbers = kind == "threshold"
        key = (output, layout, numbers)
        if key not in self._programs:
            shape = (self.data.x.shape[1], self.data.x.shape[2])
            self._programs[key] = read(self.model.proto, output, shape, layout, numbers)
        program, elements = self._programs[key]
        if numbers:
            return program, elements
        inner = program.source(elements, "sigmoid")
        scores = elements if inner is None else inner
        if len(scores) == 1 and key not in self._logits:
            frames, features = self.data.x.shape[1:]
            require_logit(program, scores, frames, features, self._size())
            self._logits.add(key)
        return program, scores

    def _size(self) -> float:
        """A usual size of the data's numbers."""
        size = float(np.abs(self.data.x.astype(np.float64)).mean())
        return size if np.isfinite(size) and size > 0.0 else 1.0

    def _program(self, claim: dict[str, Any]) -> tuple[Program, np.ndarray]:
        return self.program(claim["output"], claim["layout"], claim["property"]["kind"])

    def check(self, certificates: list[Certificate]) -> list[Outcome]:
        """An outcome for each, in their order."""
        outcomes: dict[int, Outcome] = {}
        groups: dict[tuple[object, ...], list[tuple[int, Question]]] = {}
        for k, one in enumerate(certificates):
            try:
                question = self._question(one)
            except Refused as refusal:
                outcomes[k] = Outcome(one.name, one.claim, str(refusal), None)
            except claims.DAMAGE as error:
                reason = f"the claim and its arrays fit together; got {type(error).__name__}: {error}"
                outcomes[k] = Outcome(one.name, one.claim, reason, None)
            else:
                shapes = tuple(part.shape for part in (question.rows, *question.planes.values()))
                claim, still = one.claim, not question.slopes
                alone = -1 if question.curved is None else k
                ball = question.region.frames, question.region.order, question.region.joint
                key = (
                    claim["output"],
                    claim["layout"],
                    claim["property"]["kind"],
                    ball,
                    still,
                    shapes,
                    alone,
                )
                groups.setdefault(key, []).append((k, question))
        for members in groups.values():
            for start in range(0, len(members), TOGETHER):
                outcomes.update(self._proved(members[start : start + TOGETHER]))
        return [outcomes[k] for k in range(len(certificates))]

    def _question(self, one: Certificate) -> Question:
        claim = one.claim
        claims.check_digests(claim, self.model, self.data)
        program, output = self._program(claim)
        region = claims.region_of(claim, self.model, self.data)
        rows = claims.rows_of(claim, self.data, len(output))
        slopes: dict[int, np.ndarray] = {}
        planes: dict[int, np.ndarray] = {}
        if "slopes" in one.arrays:
            slopes = unpacked(program, output, one.arrays["slopes"])
        if slopes and "planes" in one.arrays:
            each = [unpacked(program, output, row) for row in one.arrays["planes"]]
            if len(each) not in (1, len(rows[0])):
                raise Refused(
                    f"there are planes for all rows, or for each of {len(rows[0])}; got {len(each)}"
                )
            planes = {place: np.stack([own[place] for own in each], axis=1) for place in slopes}
        curved = (
            curved_of(one, program, output, len(rows[0])) if slopes and "curvature" in one.arrays else None
        )
        return Question(one, region, *rows, slopes, planes, curved)

    def _proved(self, members: list[tuple[int, Question]]) -> dict[int, Outcome]:
        """Outcomes of certificates that are asked alike: cheap bounds first, better ones where these do not suffice."""
        margins: dict[int, float] = {}
        left = members
        for effort in EFFORTS:
            try:
                bounds = self._margins([q for _, q in left], effort)
            except Refused as refusal:  # of one that has curves, and so is alone
                return {
                    k: Outcome(q.certificate.name, q.certificate.claim, str(refusal), None) for k, q in left
                }
            for (k, _), margin in zip(left, bounds, strict=True):
                margins[k] = max(margin, margins.get(k, -np.inf))
            left = [member for member in left if not margins[member[0]] > 0.0]
            if not left:
                break
        reason = "its rows are positive on the whole region; the bound reaches {:.3g}"
        return {
            k: Outcome(
                q.certificate.name,
                q.certificate.claim,
                "" if margins[k] > 0.0 else reason.format(margins[k]),
                margins[k] if np.isfinite(margins[k]) else None,
            )
            for k, q in members
        }

    def _margins(self, questions: list[Question], effort: Effort) -> list[float]:
        """The smallest over all clauses of the largest bound of a row; -inf where nothing is bounded."""
        first = questions[0]
        claim = first.certificate.claim
        program, output = self._program(claim)
        region = Region(
            np.concatenate([q.region.lower for q in questions]),
            np.concatenate([q.region.upper for q in questions]),
            first.region.frames,
            np.concatenate([q.region.center for q in questions]),
            np.concatenate([q.region.reach for q in questions]),
            first.region.order,
            first.region.joint,
        )
        slopes = {p: np.stack([q.slopes[p] for q in questions], axis=1) for p in first.slopes}
        with np.errstate(over="ignore", invalid="ignore"):
            forward = Forward(program, region, slopes, effort, kept={} if first.curved else None)
            value = forward.run(output)
            rows, offset = np.stack([q.rows for q in questions]), np.stack([q.offset for q in questions])
            bounds = forward.least(value, rows, offset)
            if first.planes:
                planes = {p: np.stack([q.planes[p] for q in questions], axis=1) for p in first.planes}
                bounds = np.fmax(bounds, Backward(forward, planes).least(output, rows, offset))
            if first.curved is not None and not (bounds > 0.0).all():
                more = _curved(forward, first.curved, output, rows, offset)
                bounds[:, first.curved.rows] = np.fmax(bounds[:, first.curved.rows], more)
        bounds = np.where(np.isfinite(bounds), bounds, -np.inf)
        return [
            float(min(own[q.clauses == c].max() for c in np.unique(q.clauses)))
            for own, q in zip(bounds, questions, strict=True)
        ]


def functions(program: Program, output: np.ndarray) -> list[tuple[int, int, int]]:
    """The functions that an output depends on, in order: place, arguments and size. Slopes lie in this order."""
    needed = program.last_use(output)
    return [
        (place, len(node.arguments), node.size)
        for place, node in enumerate(program.nodes)
        if isinstance(node, Apply) and place in needed
    ]


def unpacked(program: Program, output: np.ndarray, flat: np.ndarray) -> dict[int, np.ndarray]:
    """Slopes (arguments, size) by function.

    Raises:
        Refused: they are not as many as the program has, or no numbers.
    """
    layout = functions(program, output)
    total = sum(arity * size for _, arity, size in layout)
    if flat.shape != (total,) or flat.dtype.kind != "f" or not np.isfinite(flat).all():
        raise Refused(f"there are {total} finite slopes; got {flat.dtype} of shape {flat.shape}")
    parts = np.split(flat.astype(np.float64), np.cumsum([a * n for _, a, n in layout])[:-1])
    return {
        place: part.reshape(arity, size) for (place, arity, size), part in zip(layout, parts, strict=True)
    }


def curved_of(one: Certificate, program: Program, output: np.ndarray, count: int) -> Curved:
    """The rows of a certificate that have curvatures, of ``count`` rows.

    Raises:
        Refused: arrays that do not fit together.
    """
    layout, arrays = functions(program, output), one.arrays
    rows, curvature = arrays["curved"], arrays["curvature"]
    total = sum((3 if arity == 2 else 1) * size for _, arity, size in layout)
    if (
        rows.dtype.kind not in "iu"
        or rows.ndim != 1
        or not len(rows)
        or rows.min() < 0
        or rows.max() >= count
    ):
        raise Refused(f"curved rows are some of {count}; got {rows}")
    if len(set(rows.tolist())) < len(rows) or curvature.shape != (len(rows), total):
        raise Refused(f"every curved row has {total} curvatures; got shape {curvature.shape}")
    planes = [unpacked(program, output, row) for row in arrays["curved_planes"]]
    blocks, start = {}, 0
    for place, arity, size in layout:
        own = np.zeros((3, len(rows), size))
        for k in range(3 if arity == 2 else 1):
            own[k] = curvature[:, start : start + size]
            start += size
        blocks[place] = own
    stacked = {place: np.stack([own[place] for own in planes], axis=1) for place in blocks}
    numbers = (arrays[name].astype(np.float64) for name in ("diagonal", "point"))
    return Curved(rows, stacked, blocks, *numbers)


def _curved(
    forward: Forward, curved: Curved, output: np.ndarray, rows: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """What curved rows prove (1, r); curvatures are in units of the arguments' radii."""
    assert forward.kept is not None
    bent = {}
    for place, curvature in curved.curvature.items():
        x, *more = (1.0 / np.maximum(v.radius, 2.0**-300) for v in forward.kept[place])
        y = more[0] if more else np.zeros_like(x)
        bent[place] = curvature[:, None] * np.stack([x * x, x * y, y * y])[:, :, None]
    backward = Backward(forward, {p: part[:, None] for p, part in curved.planes.items()}, bent)
    shape = (len(curved.rows), forward.symbols)
    if curved.diagonal.shape != shape or curved.point.shape != shape:
        raise Refused(f"diagonal and point have shape {shape}; got {curved.diagonal.shape}")
    chosen = rows[:, curved.rows], offset[:, curved.rows]
    return quadratic.least(backward, output, *chosen, curved.diagonal, curved.point)


def check_folder(folder: Path, model: Path, data: Path) -> list[Outcome]:
    """An outcome for every certificate in a folder.

    Raises:
        Refused: there is none, or the model or the data cannot be read.
    """
    files = sorted(folder.glob("*" + SUFFIX))
    if not files:
        raise Refused(f"checking {folder}: the folder holds files *{SUFFIX}; got none")
    checker = Checker(claims.read_model(model), claims.read_data(data))
    read_ones: list[Certificate] = []
    outcomes: dict[str, Outcome] = {}
    for path in files:
        try:
            read_ones.append(claims.read_certificate(path))
        except Refused as refusal:
            outcomes[path.name] = Outcome(path.name, None, str(refusal), None)
    outcomes.update((outcome.name, outcome) for outcome in checker.check(read_ones))
    return [outcomes[path.name] for path in files]
