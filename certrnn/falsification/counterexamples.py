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

from certrnn.attacks.replay import answers
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import Kind, Span
from certrnn.errors import InvalidInput
from certrnn.io.onnx import OnnxModel
from certrnn.regions import LinfBall
from certrnn.results.attacks import ReplayedRow

NONE = -1
"""Stands for "no target" in the file."""


@dataclass(frozen=True, eq=False)
class Counterexample:
    """A sequence ``x`` (T, D) in the l-inf ball of radius ``eps`` around ``center`` that the network answers wrongly.

    Args:
        frames: the frames that may change.
        span: the frames that are no padding.
        target: the class that was wanted, or None for any but the label.
        answer: what onnxruntime answered.
        words: (T,) numbers of the words that the frames are, or None.
        told: the length that the network is told where that is not the end of the span, else 0.
    """

    sample: int
    x: np.ndarray
    center: np.ndarray
    frames: tuple[int, ...]
    span: Span
    eps: float
    label: int
    target: int | None
    answer: int
    words: np.ndarray | None = None
    told: int = 0


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
    if not (np.isfinite(x).all() and np.isfinite(center).all()):
        raise ValueError("its sequences are not finite")
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
        if not 0 <= first < last <= length or (frames and frames[-1] >= length):
            raise ValueError("frames lie outside the sequence")
        members.append(
            Counterexample(
                sample=int(arrays["sample"][row]),
                x=x[row, :length],
                center=center[row, :length],
                frames=frames,
                span=(first, last),
                eps=float(arrays["eps"][row]),
                label=int(arrays["y"][row]),
                target=None if target == NONE else target,
                answer=int(arrays["answer"][row]),
                words=None if words is None else words[row, :length],
                told=int(told[row]),
            )
        )
    ends = (float(clip[0]), float(clip[1])) if clip.size else None
    return Counterexamples(tuple(members), ends, str(arrays["attack"]), str(arrays["sha256"]))


def _replayed(
    member: Counterexample, clip: tuple[float, float] | None, network: OnnxModel, precision: Any
) -> ReplayedRow:
    shape = (member.x.shape[0], member.x.shape[1])
    model = network_for(network, Kind(shape, member.span, member.told))
    first, stop = member.span
    undisturbed, answer = answers(np.asarray(model.run_onnxruntime(np.stack([member.center, member.x]))))
    if _spelled(member, network):
        assert member.words is not None
        answer = answers(np.asarray(model.run_onnxruntime_on_words(member.words[None])))[0]
    return ReplayedRow(
        sample=member.sample,
        frames="all" if len(member.frames) == stop - first else [frame - first for frame in member.frames],
        label=member.label,
        target=member.target,
        eps=member.eps,
        undisturbed=int(undisturbed),
        answer=int(answer),
        reason=_refuted(member, clip, network, precision, int(undisturbed), int(answer)),
    )


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
    undisturbed: int,
    answer: int,
) -> str:
    """Why a counterexample is none, or ""."""
    if undisturbed != member.label:
        return f"undisturbed, the network does not answer the label {member.label}"
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
    if answer == member.label:
        return "onnxruntime answers the label"
    if answer < 0:
        return "onnxruntime's scores are no finite numbers"
    if member.target is not None and answer != member.target:
        return f"onnxruntime does not answer the target {member.target}"
    return ""


def _inside(member: Counterexample, clip: tuple[float, float] | None) -> bool:
    center = torch.from_numpy(member.center[None].copy())
    radius = torch.tensor([member.eps], dtype=torch.float64)
    try:
        ball = LinfBall(center, radius, member.frames, clip)
    except InvalidInput:
        return False
    return bool(ball.contains(torch.from_numpy(member.x[None].copy())))
