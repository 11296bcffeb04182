"""What a certificate says: read from its file, and made into a region and rows by the model and the data themselves."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from certrnn.certificates.checker.arithmetic import down, up
from certrnn.certificates.checker.forward import Region
from certrnn.certificates.checker.program import Refused

FORMAT, VERSION = "certrnn certificate", 1
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    OverflowError,
)
X_KEYS, Y_KEYS = (
    ("x", "inputs", "input", "data", "samples", "features"),
    ("y", "label", "labels", "target", "targets"),
)
MOST_BYTES = 1 << 31


class Certificate(NamedTuple):
    """One file: its claim, and arrays by name, of which nothing is believed."""

    name: str
    claim: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Model(NamedTuple):
    """An ONNX file with its weights, its digests, and the number type of its input."""

    proto: onnx.ModelProto
    digests: dict[str, Any]
    precision: np.dtype


class Data(NamedTuple):
    """Samples (N, T, D) of an npz or npy file, in the file's numbers, labels or None, and the file's digest."""

    x: np.ndarray
    y: np.ndarray | None
    sha256: str


def read_certificate(path: Path) -> Certificate:
    """The certificate of a file.

    Raises:
        Refused: it is damaged, or of another format or version.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
                raise Refused(f"a certificate has at most {MOST_BYTES} bytes")
        with np.load(path, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
        claim = json.loads(bytes(arrays.pop("claim")).decode("utf-8"))
        if (claim["format"], claim["version"]) != (FORMAT, VERSION):
            raise Refused(f"it is a {FORMAT} of version {VERSION}; got {claim['format']} {claim['version']}")
    except DAMAGE as error:
        raise Refused(f"the file is whole; got {type(error).__name__}: {error}") from None
    return Certificate(path.name, claim, arrays)


def read_model(path: Path) -> Model:
    """The model of a file, its external data included.

    Raises:
        Refused: it is missing or damaged.
    """
    try:
        bare = onnx.load(str(path), load_external_data=False)
        names = {e.value for t in bare.graph.initializer for e in t.external_data if e.key == "location"}
        digests = {"sha256": _digest(path), "external": {n: _digest(path.parent / n) for n in sorted(names)}}
        proto = onnx.load(str(path))
        inputs = [i for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer}]
        precision = onnx.helper.tensor_dtype_to_np_dtype(inputs[0].type.tensor_type.elem_type)
    except Exception as error:  # protobuf, onnx and the file system raise what they like
        raise Refused(
            f"reading {path}: an ONNX model with one input; got {type(error).__name__}: {error}"
        ) from None
    if precision.kind != "f":
        raise Refused(f"reading {path}: the model's input holds floats; got {precision}")
    return Model(proto, digests, precision)


def read_data(path: Path) -> Data:
    """Samples of an npz or npy file.

    Raises:
        Refused: it is missing, damaged, or of another kind.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            arrays["x"] = loaded
        else:
            with loaded:
                arrays = {name.lower(): loaded[name] for name in loaded.files}
        (key,) = [name for name in X_KEYS if name in arrays]
        x, y = arrays[key], next((arrays[name] for name in Y_KEYS if name in arrays), None)
    except DAMAGE as error:
        what = f"got {type(error).__name__}: {error}"
        raise Refused(f"reading {path}: samples are an array x in an npz or npy file; {what}") from None
    if {"length", "lengths"} & set(arrays):
        raise Refused(f"reading {path}: samples have one length; got lengths")
    if x.ndim != 3 or x.dtype.kind not in "iuf":
        raise Refused(f"reading {path}: samples are (samples, frames, features); got {x.shape} of {x.dtype}")
    return Data(x, y, _digest(path))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_digests(claim: dict[str, Any], model: Model, data: Data) -> None:
    """That the claim is about this model and this data.

    Raises:
        Refused: it is about others.
    """
    if claim["model"] != model.digests:
        raise Refused("the certificate is about this model; got another digest")
    if claim["data"] != data.sha256:
        raise Refused("the certificate is about this data; got another digest")


def region_of(claim: dict[str, Any], model: Model, data: Data) -> Region:
    """The region of a claim, for one sample: everything within eps as it is written, and in the valid range.

    Raises:
        Refused: a sample, a frame or a number that makes no sense.
    """
    number, threat = claim["sample"], claim["threat"]
    if type(number) is not int or not 0 <= number < len(data.x):
        raise Refused(f"the sample is one of {len(data.x)}; got {number}")
    x = data.x[number].astype(model.precision).astype(np.float64)
    frames = list(range(len(x))) if claim["frames"] == "all" else claim["frames"]
    if not frames or any(type(t) is not int or not 0 <= t < len(x) for t in frames):
        raise Refused(f"frames lie in 0..{len(x) - 1}; got {frames}")
    order = {"inf": np.inf, "2": 2.0, "1": 1.0}.get(threat["norm"])
    if set(threat) != {"norm", "eps", "joint", "radii"} or order is None or type(threat["joint"]) is not bool:
        raise Refused(f"the threat is an l-inf, l2 or l1 ball; got {threat}")
    eps = at_least(threat["eps"])
    if not np.isfinite(x).all() or not math.isfinite(eps) or eps < 0.0:
        raise Refused(f"samples and eps are finite, and eps is not negative; got {threat['eps']}")
    reach = _reach(eps, threat["radii"], x.shape)
    lower, upper = x.copy(), x.copy()
    lower[frames], upper[frames] = down(x - reach)[frames], up(x + reach)[frames]
    if claim["clip"] is not None:
        low, high = (
            _clip(end, model.precision)
            for end in (f"-{claim['clip'][0]}".replace("--", ""), claim["clip"][1])
        )
        lower, upper = np.minimum(np.maximum(lower, -low), x), np.maximum(np.minimum(upper, high), x)
    joint = threat["joint"] and order < np.inf
    return Region(lower[None], upper[None], tuple(frames), x[None], reach[None], order, joint)


def _reach(eps: float, radii: list[Any] | None, shape: tuple[int, ...]) -> np.ndarray:
    """How far each feature (T, D) moves at most: eps, or eps times its radius."""
    if radii is None:
        return np.full(shape, eps)
    radius = np.broadcast_to(np.array(radii, dtype=np.float64), shape)
    if not (np.isfinite(radius).all() and (radius >= 0.0).all()):
        raise Refused("radii are finite and not negative")
    return up(eps * radius) * (radius > 0.0)


def at_least(text: str) -> float:
    """The smallest float64 that is not below a decimal number."""
    if not isinstance(text, str):
        raise Refused(f"numbers of a claim are decimal texts; got {text!r}")
    nearest = float(text)
    return (
        nearest
        if not math.isfinite(nearest) or Fraction(nearest) >= Fraction(text)
        else math.nextafter(nearest, math.inf)
    )


def _clip(text: str, precision: np.dtype) -> float:
    """At least a decimal number, in the model's own numbers: data that is rounded to these stays inside."""
    with np.errstate(over="ignore"):
        nearest = precision.type(float(text))
        if math.isfinite(nearest) and Fraction(float(nearest)) < Fraction(text):
            nearest = np.nextafter(nearest, precision.type(math.inf))
    return float(nearest) if math.isfinite(nearest) else at_least(text)


def rows_of(claim: dict[str, Any], data: Data, scores: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What must be positive: rows (R, scores), offsets (R,), and the clause (R,) of each, of which one row suffices.

    Raises:
        Refused: a property that is not known, or a label that is not the data's.
    """
    condition = claim["property"]
    kind = condition["kind"]
    if kind == "threshold":
        low, high = (None if end is None else end for end in (condition["low"], condition["high"]))
        eye, parts = np.eye(scores), []
        if low is not None:
            parts.append((eye, -at_least(low)))
        if high is not None:
            parts.append((-eye, -at_least(f"-{high}".replace("--", ""))))
        rows = np.concatenate([part for part, _ in parts])
        return rows, np.concatenate([np.full(scores, end) for _, end in parts]), np.arange(len(rows))
    if scores == 1:
        return _lone(claim, data)
    if kind == "label":
        inside = [_label(claim, data)]
    elif kind == "accept":
        inside = sorted(set(condition["classes"]))
    else:
        raise Refused(f"the property is label, accept or threshold; got {kind}")
    outside = [j for j in range(scores) if j not in inside]
    if not inside or not outside or any(type(i) is not int or not 0 <= i < scores for i in inside):
        raise Refused(f"some but not all of the classes 0..{scores - 1} are accepted; got {inside}")
    eye = np.eye(scores)
    rows = np.stack([eye[i] - eye[j] for j in outside for i in inside])
    return rows, np.zeros(len(rows)), np.repeat(np.arange(len(outside)), len(inside))


def _label(claim: dict[str, Any], data: Data) -> int:
    number, label = claim["sample"], claim["property"]["label"]
    if data.y is not None and (data.y.ndim != 1 or float(data.y[number]) != label):
        raise Refused(f"the label is the data's; got {label}")
    return label


def _lone(claim: dict[str, Any], data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a lone score, class 1 is what is positive: of a sigmoid its argument, above one half."""
    condition = claim["property"]
    inside = [_label(claim, data)] if condition["kind"] == "label" else condition["classes"]
    if inside not in ([0], [1]) or type(inside[0]) is not int:
        raise Refused(f"one of the classes 0 and 1 is accepted; got {inside}")
    return np.array([[2.0 * inside[0] - 1.0]]), np.zeros(1), np.zeros(1, dtype=np.int64)
