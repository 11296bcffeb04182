"""From a file to a checked ONNX model in memory: sizes, digests, external data, operator sets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx.other_files import described

MIN_OPSET = 7
MAX_BYTES = (1 << 31) - 1
"""Largest model, with its external data, in bytes: the limit of the protobuf format."""

_DAMAGED = "Export the model again."


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model read completely into memory.

    Args:
        sha256: digest of the model file itself.
        external: name (relative to the model's folder) and digest of every external data file.
    """

    path: Path
    sha256: str
    external: tuple[tuple[str, str], ...]
    proto: onnx.ModelProto
    opset: int


def load(path: str | Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        InvalidInput: the file is missing, too large, no ONNX model, damaged, or its external data is missing, outside
            of the model's folder or of the wrong size.
        Unsupported: an operator set older than 7 or newer than the installed onnx knows.
    """
    file = Path(path)
    what = f"reading model {file.name!r}"
    try:
        return _load(file, what)
    except CertrnnError:
        raise
    except Exception as error:
        # protobuf, numpy and onnx raise errors of many types on a damaged file; all of them mean the same here
        raise InvalidInput(what, "the file is a valid ONNX model", _short(error), _DAMAGED) from error


def _load(file: Path, what: str) -> ModelFile:
    if not file.is_file():
        received = "a folder" if file.is_dir() else str(file)
        raise InvalidInput(what, "the file exists", received, "Name the .onnx file.")
    size = file.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise InvalidInput(what, f"a model has 1 to {MAX_BYTES} bytes", size)
    content = file.read_bytes()
    other = described(content)
    if other is not None:
        raise InvalidInput(what, "the file is an ONNX model", *other)
    proto = onnx.ModelProto()
    proto.ParseFromString(content)
    if not proto.HasField("graph") or not proto.graph.node:
        raise InvalidInput(what, "the file is an ONNX model with a graph", "no graph", _DAMAGED)
    if proto.ir_version > onnx.IR_VERSION:
        requirement = f"its ir_version is at most {onnx.IR_VERSION}, which onnx {onnx.__version__} knows"
        raise Unsupported(what, requirement, proto.ir_version, "Update onnx, or export with an older one.")
    opset = _opset(proto, what)
    external = _resolve_external(proto, file, what)
    if proto.functions:
        from onnx import inliner

        proto = inliner.inline_local_functions(proto)
    onnx.checker.check_model(proto)
    for tensor in proto.graph.initializer:
        _check_initializer(tensor, what)
    return ModelFile(file, hashlib.sha256(content).hexdigest(), external, proto, opset)


def _opset(proto: onnx.ModelProto, what: str) -> int:
    versions = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    if len(versions) != 1:
        raise InvalidInput(
            what, "the model names one version of the standard operator set", versions, _DAMAGED
        )
    newest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= versions[0] <= newest:
        remedy = f"Export with opset_version between {MIN_OPSET} and {newest}, or update onnx."
        raise Unsupported(what, f"the operator set is {MIN_OPSET} to {newest}", versions[0], remedy)
    return versions[0]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a graph: initializers and attributes, in sub-graphs too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)
            for inner in attribute.graphs:
                yield from _tensors(inner)


def _resolve_external(proto: onnx.ModelProto, file: Path, what: str) -> tuple[tuple[str, str], ...]:
    """Read external tensors into the model; only regular files inside the model's own folder are opened."""
    contents: dict[str, bytes] = {}
    total = 0
    for tensor in _tensors(proto.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {e.key: e.value for e in tensor.external_data}
        name = entries.get("location", "")
        if name not in contents:
            contents[name] = _external_file(file, name, what).read_bytes()
        data = contents[name]
        offset = int(entries.get("offset", "0") or 0)
        length = int(entries["length"]) if entries.get("length") else len(data) - offset
        if offset < 0 or length < 0 or offset + length > len(data):
            raise InvalidInput(
                what,
                f"tensor {tensor.name!r} lies within the {len(data)} bytes of {name!r}",
                (offset, length),
            )
        total += length
        if total > MAX_BYTES:
            raise InvalidInput(what, f"external data has at most {MAX_BYTES} bytes", total)
        tensor.raw_data = data[offset : offset + length]
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return tuple((n, hashlib.sha256(c).hexdigest()) for n, c in sorted(contents.items()))


def _external_file(file: Path, name: str, what: str) -> Path:
    folder = file.parent.resolve()
    candidate = file.parent / name
    if not name or Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name or "\0" in name:
        raise InvalidInput(what, "external data is named by a path inside the model's folder", repr(name))
    if not candidate.resolve().is_relative_to(folder):
        raise InvalidInput(
            what, "external data lies inside the model's folder", f"a link {name!r} that leaves it"
        )
    if not candidate.is_file():
        raise InvalidInput(
            what,
            f"external data {name!r} lies beside the model",
            "no such file",
            "Copy the .data file along.",
        )
    if candidate.stat().st_size > MAX_BYTES:
        raise InvalidInput(what, f"external data has at most {MAX_BYTES} bytes", candidate.stat().st_size)
    return candidate


def _check_initializer(tensor: onnx.TensorProto, what: str) -> None:
    array = to_array(tensor, what)
    if array.size < 2 or array.dtype.kind != "f":
        return
    lost = ~np.isfinite(array) & ~np.isneginf(array)  # minus infinity is a mask, and refused where it is none
    if lost.any():
        bad = array[lost].flat[0]
        raise InvalidInput(
            what, f"the numbers of {tensor.name!r} are finite", bad, "Train and export the model again."
        )


def to_array(tensor: onnx.TensorProto, what: str) -> np.ndarray:
    """The numbers of a tensor of the file."""
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception as error:
        raise InvalidInput(
            what, f"tensor {tensor.name!r} has the data its shape says", _short(error), _DAMAGED
        ) from error


def _short(error: BaseException) -> str:
    """First line of an error's text, with its type."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
