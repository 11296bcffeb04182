"""Counterexamples as a file: written by an attack, read back and replayed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.errors import InvalidInput
from certrnn.falsification.rows import UNFINITE, met
from certrnn.falsification.written import parse, spell
from certrnn.io.onnx import OnnxModel
from certrnn.results.attacks import AttackResults, Counterexample, ReplayedRow
from certrnn.threats import Accept, Labels, NormBall, Threshold

NONE = -1
"""Stands for "no target" in the file."""


@dataclass(frozen=True, eq=False)
class Counterexamples:
    """Counterexamples of one network.

    Args:
        members: the sequences.
        clip: valid range of the disturbed features, or None.
        attack: what found them.
        sha256: of the model file.
    """

    members: tuple[Counterexample, ...]
    clip: tuple[float, float] | None
    attack: str
    sha256: str

    @staticmethod
    def of(results: AttackResults) -> Counterexamples:
        """Those behind some rows."""
        entries = [row.counterexample for row in results.rows]
        clip = None if results.question is None else results.question.clip_used
        members = tuple(one for one in entries if one is not None)
        return Counterexamples(members, clip, results.attack, results.sha256)

    def content(self, precision: Any) -> bytes:
        """The file: an npz whose ``x``, ``y`` and ``lengths`` are samples that every command reads.

        Sequences (N, T, D) are in the network's numbers, padded with zeros behind ``lengths``. Of words, ``x``
        (N, T) holds those, and ``vectors`` their vectors.
        """
        members = self.members
        stop = max((len(m.x) for m in members), default=1)
        width = members[0].x.shape[1] if members else 1
        x = np.zeros((len(members), stop, width), dtype=precision)
        center, moving = x.copy(), np.zeros((len(members), stop), dtype=bool)
        for row, m in enumerate(members):
            x[row, : len(m.x)], center[row, : len(m.x)] = m.x, m.center
            moving[row, list(m.frames)] = True
        arrays: dict[str, np.ndarray] = {
            "x": x,
            "y": _whole([m.label for m in members]),
            "lengths": _whole([len(m.x) for m in members]),
            "center": center,
            "frames": moving,
            "span": np.array([m.span for m in members], dtype=np.int64).reshape(-1, 2),
            "told": _whole([m.told for m in members]),
            "eps": np.array([m.eps for m in members], dtype=np.float64),
            "sample": _whole([m.sample for m in members]),
            "wanted": _whole([NONE if m.target is None else m.target for m in members]),
            "answer": _whole([m.answer for m in members]),
            "clip": np.array(self.clip or (), dtype=np.float64),
            "asked": np.array([spell(m) for m in members], dtype=np.str_),
            "attack": np.array(self.attack),
            "sha256": np.array(self.sha256),
        }
        texts = [m.words for m in members if m.words is not None]
        if members and len(texts) == len(members):
            arrays["vectors"], arrays["x"] = x, np.zeros((len(members), stop), dtype=np.int64)
            for row, words in enumerate(texts):
                arrays["x"][row, : len(words)] = words
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        return stream.getvalue()

    @staticmethod
    def read(path: str) -> Counterexamples:
        """A file that :meth:`content` made.

        Raises:
            InvalidInput: the file is missing, damaged or something else.
        """
        where = f"reading counterexamples from {path}"
        written = "the file was written by certrnn attack --out"
        if not Path(path).is_file():
            raise InvalidInput(where, "the file is there", "nothing of that name")
        if not zipfile.is_zipfile(path):
            raise InvalidInput(where, written, "no npz file")
        try:
            with np.load(path, allow_pickle=False) as file:
                return _parsed({name: file[name] for name in file.files})
        except KeyError as error:
            raise InvalidInput(where, written, f"no array {error}") from None
        except (
            OSError,
            ValueError,
            IndexError,
            TypeError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
        ) as error:
            received = " ".join(str(error).split())[:120] or type(error).__name__
            raise InvalidInput(where, written, f"a damaged one ({received})") from None

    def replayed(self, network: OnnxModel, precision: Any) -> list[ReplayedRow]:
        """Every counterexample, held against its region in exact arithmetic and against onnxruntime."""
        return [_replayed(m, self.clip, network, precision) for m in self.members]


def _whole(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def _parsed(arrays: dict[str, np.ndarray]) -> Counterexamples:
    if not _numbers(arrays):
        raise ValueError("an array holds another kind of value than its name says")
    words = arrays["x"].astype(np.int64) if "vectors" in arrays else None
    x, clip = arrays["vectors" if "vectors" in arrays else "x"].astype(np.float64), arrays["clip"]
    count, stop, _ = x.shape
    lengths, moving, center = (
        arrays["lengths"],
        arrays["frames"].astype(bool),
        arrays["center"].astype(np.float64),
    )
    shapes = (lengths.shape, moving.shape, center.shape, arrays["span"].shape)
    single = {arrays[name].shape for name in ("eps", "sample", "y", "wanted", "answer")}
    fit = shapes == ((count,), (count, stop), x.shape, (count, 2)) and single == {(count,)}
    if not fit or clip.size not in (0, 2) or (words is not None and words.shape != (count, stop)):
        raise ValueError("its arrays do not fit together")
    if not (np.isfinite(x).all() and np.isfinite(center).all() and np.isfinite(clip).all()):
        raise ValueError("its sequences or its valid range are not finite")
    if count and int(arrays["sample"].min()) < 0:
        raise ValueError("samples are numbered from 0")
    if count and not 1 <= int(lengths.min()) <= int(lengths.max()) <= stop:
        raise ValueError("lengths lie outside the sequences")
    told = arrays.get("told", np.zeros(count, dtype=np.int64))
    if told.shape != (count,) or (count and not (told.min() >= 0 and (told <= lengths).all())):
        raise ValueError("told lengths lie outside the sequences")
    members = []
    for row in range(count):
        length, target = int(lengths[row]), int(arrays["wanted"][row])
        first, last = (int(end) for end in arrays["span"][row])
        frames = tuple(int(t) for t in np.flatnonzero(moving[row]))
        if not 0 <= first < last <= length or (frames and not first <= frames[0] <= frames[-1] < last):
            raise ValueError("frames lie outside the sequence, or are padding")
        label = int(arrays["y"][row])
        members.append(
            Counterexample(
                sample=int(arrays["sample"][row]),
                x=x[row, :length],
                center=center[row, :length],
                frames=frames,
                span=(first, last),
                eps=float(arrays["eps"][row]),
                label=label,
                target=None if target == NONE else target,
                answer=int(arrays["answer"][row]),
                words=None if words is None else words[row, :length],
                told=int(told[row]),
                **_asked(arrays, row, label, None if target == NONE else target),
            )
        )
    ends = (float(clip[0]), float(clip[1])) if clip.size else None
    return Counterexamples(tuple(members), ends, str(arrays["attack"]), str(arrays["sha256"]))


def _asked(arrays: dict[str, np.ndarray], row: int, label: int, target: int | None) -> dict[str, Any]:
    """What may change and what must hold; of files that do not say it the l-inf ball, and the label or the target."""
    if "asked" not in arrays:
        held = Labels() if target is None else Accept((target,), never=True)
        return {"threat": NormBall(), "specification": held, "required": (label,)}
    threat, held, required = parse(str(arrays["asked"][row]), int(arrays["sample"][row]))
    return {"threat": threat, "specification": held, "required": required}


def _numbers(arrays: dict[str, np.ndarray]) -> bool:
    """Whether every array holds what its name says: whole numbers, real ones, or text."""
    whole = ("y", "lengths", "span", "told", "sample", "wanted", "answer")
    real = ("center", "eps", "clip", *(("vectors",) if "vectors" in arrays else ("x",)))
    kinds = [(name, "iu") for name in whole] + [(name, "f") for name in real] + [("frames", "b")]
    kinds += [("attack", "U"), ("sha256", "U"), ("asked", "U")]
    scalars = all(arrays[name].ndim == 0 for name in ("attack", "sha256"))
    return scalars and all(arrays[name].dtype.kind in kind for name, kind in kinds if name in arrays)


def _replayed(
    member: Counterexample, clip: tuple[float, float] | None, network: OnnxModel, precision: Any
) -> ReplayedRow:
    marks = network.marks_of_vectors(member.center, len(member.center)) if network.input.tokens else ()
    model = network_for(network, SequenceShape(_shape(member), member.span, member.told, marks))
    if isinstance(member.specification, Threshold):
        model = model.as_numbers()
    first, stop = member.span
    undisturbed = _answer(member, model, model.run_onnxruntime(member.center[None]))
    disturbed = _answer(member, model, model.run_onnxruntime(member.x[None]))
    if _spelled(member, network):
        assert member.words is not None
        disturbed = _answer(member, model, model.run_onnxruntime_on_words(member.words[None]))
    return ReplayedRow(
        sample=member.sample,
        frames="all"
        if member.frames == tuple(range(first, stop))
        else [frame - first for frame in member.frames],
        label=member.label,
        target=member.target,
        eps=member.eps,
        undisturbed=undisturbed[1],
        answer=disturbed[1],
        reason=_refuted(member, clip, network, precision, undisturbed, disturbed),
    )


def _shape(member: Counterexample) -> tuple[int, int]:
    return member.x.shape[0], member.x.shape[1]


def _answer(member: Counterexample, model: OnnxModel, scores: np.ndarray) -> tuple[bool, int]:
    """Whether scores (1, n) keep to what must hold, and the answer that they are."""
    steps = model.steps(_shape(member))
    required = (member.label,) if member.specification.classes and steps == 1 else member.required
    return met(member.specification, np.array(required), np.asarray(scores), steps)


def _spelled(member: Counterexample, network: OnnxModel) -> bool:
    """True where the whole file can be run on the words of a counterexample."""
    table = network.embedding
    return (
        member.words is not None
        and table is not None
        and bool(((member.words >= 0) & (member.words < len(table.table))).all())
    )


def _refuted(
    member: Counterexample,
    clip: tuple[float, float] | None,
    network: OnnxModel,
    precision: Any,
    undisturbed: tuple[bool, int],
    disturbed: tuple[bool, int],
) -> str:
    """Why a counterexample is none, or ""."""
    name = member.specification.name
    if not undisturbed[0] or undisturbed[1] == UNFINITE:
        what = f"what must hold does not ({name})" if name else f"the answer is not the label {member.label}"
        return f"undisturbed, {what}"
    with np.errstate(over="ignore"):
        held = bool((member.x.astype(precision).astype(np.float64) == member.x).all())
    if not held:
        return "the sequence is not made of the network's input numbers"
    if not _inside(member, clip):
        return f"the sequence lies outside its region of radius {member.eps:g}"
    if member.words is not None:
        if network.embedding is None or not _spelled(member, network):
            return "the network has no such words"
        if not bool((network.embedding.table[member.words] == member.x).all()):
            return "the sequence is not what its words stand for"
    if disturbed[1] == UNFINITE:
        return "onnxruntime's scores are no finite numbers"
    if disturbed[0]:
        return f"by onnxruntime what must hold does ({name})" if name else "onnxruntime answers the label"
    if member.target not in (None, disturbed[1]):
        return f"onnxruntime does not answer the target {member.target}"
    return ""


def _inside(member: Counterexample, clip: tuple[float, float] | None) -> bool:
    center = torch.from_numpy(member.center[None].copy())
    radius = torch.tensor([member.eps], dtype=torch.float64)
    try:
        region = member.threat.region([member.sample], center, radius, member.frames, clip)
    except InvalidInput:
        return False
    return bool(region.contains(torch.from_numpy(member.x[None].copy())))
