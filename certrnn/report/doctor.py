"""What was understood of a network: its input, its cells, its graph, and how well that agrees with onnxruntime."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from onnx import TensorProto

from certrnn.analyses.import_check import check_against_onnxruntime
from certrnn.domains import Zonotopes
from certrnn.errors import InvalidInput
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Elementwise, Graph, Input

GUESSED_FRAMES = 8
"""Frames that a network of any sequence length is shown for where no data says how many there are."""


@dataclass(frozen=True)
class Examination:
    """What was understood of a network on samples of one shape.

    Parameters
    ----------
    input: name, type and declared axes of the input tensor.
    frames, features: shape of a sample.
    guessed: whether the number of frames was chosen for want of data.
    classes: number of classes; ``head`` says how they are read off the scores.
    cells: the recurrent nodes of the file, a line each.
    functions: number of scalar function evaluations in a sample by the function's name.
    nodes: number of graph nodes.
    symbols: noise symbols of a zonotope that disturbs every frame.
    bytes_per_row: memory of one such zonotope's propagation, estimated from above.
    difference, tolerance: largest difference from onnxruntime on random inputs, and what is allowed.
    """

    path: str
    sha256: str
    external: dict[str, str]
    opset: int
    input: str
    frames: int
    features: int
    guessed: bool
    classes: int
    head: str
    cells: tuple[str, ...]
    functions: dict[str, int]
    nodes: int
    symbols: int
    bytes_per_row: int
    difference: float
    tolerance: float
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """Strict JSON text, ending in a newline."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    def text(self) -> str:
        """A line a fact."""
        guessed = " (any number; --data says yours)" if self.guessed else ""
        functions = ", ".join(f"{count} {name}" for name, count in self.functions.items())
        lines = [
            ("model", self.path),
            ("sha256", self.sha256),
            *((f"  {name}", digest) for name, digest in self.external.items()),
            ("opset", self.opset),
            ("input", self.input),
            ("sample", f"{self.frames} frames{guessed} of {self.features} features"),
            ("answer", f"{self.classes} classes, {self.head}"),
            *(("cell", cell) for cell in self.cells),
            ("graph", f"{self.nodes} nodes; {functions or 'no nonlinear function'}"),
            (
                "zonotope",
                f"{self.symbols} symbols, about {_size(self.bytes_per_row)} a row with every frame disturbed",
            ),
            (
                "onnxruntime",
                f"agrees: largest difference {self.difference:.2g}, allowed {self.tolerance:.2g}",
            ),
            *(("note", note) for note in self.notes),
        ]
        return "".join(f"{name:<12} {value}\n" for name, value in lines)


def examine(path: str, network: OnnxModel, shapes: tuple[tuple[int, int], ...] = ()) -> Examination:
    """Read, lower and check a network.

    Parameters
    ----------
    shapes: shapes (frames, features) of the data; the longest is shown, and each is checked. Empty without data.

    Raises
    ------
    InvalidInput, Unsupported: the network is damaged, does not fit the data, is not interpreted, or disagrees with
        onnxruntime.
    """
    shape = max(shapes) if shapes else _shape(network)
    checks = [check_against_onnxruntime(network, one) for one in (shapes or (shape,))]
    graph = network.graph(shape)
    head = {"logits": "one score a class", "binary": "class 1 where the one score is positive"}
    return Examination(
        path=path,
        sha256=network.sha256,
        external=dict(network.external),
        opset=network.opset,
        input=_input(network),
        frames=shape[0],
        features=shape[1],
        guessed=not shapes and not _fixed(network, shape[0]),
        classes=max(graph.outputs, 2),
        head=head.get(network.head(shape), network.head(shape)),
        cells=tuple(_cells(network)),
        functions=_functions(graph),
        nodes=len(graph.nodes),
        symbols=sum(node.size for node in graph.nodes if isinstance(node, Input | Elementwise)),
        bytes_per_row=Zonotopes().bytes_per_row(graph, tuple(range(shape[0]))),
        difference=max(check.difference for check in checks),
        tolerance=max(check.tolerance for check in checks),
        notes=network.notes(shape),
    )


def _shape(network: OnnxModel) -> tuple[int, int]:
    """The sample that the file declares; a dynamic number of frames is filled in."""
    dims = network.input.dims
    if network.embedding is not None:
        lengths = [d for d in dims[1:] if d is not None]
        return (lengths[0] if lengths else GUESSED_FRAMES, network.embedding.table.shape[1])
    for shape in _candidates(dims):
        try:
            network.layout(shape)
        except InvalidInput:
            continue
        return shape
    raise InvalidInput(
        "choosing a sample",
        f"the file fixes the features of input {network.input.name!r}",
        dims,
        "Pass --data.",
    )


def _candidates(dims: tuple[int | None, ...]) -> Iterator[tuple[int, int]]:
    if len(dims) == 3:
        for time, feature in ((1, 2), (0, 2), (2, 1)):
            features = dims[feature]
            if features is not None:
                yield dims[time] or GUESSED_FRAMES, features
    elif dims and dims[-1] is not None:
        yield dims[-1], 1
        yield 1, dims[-1]


def _fixed(network: OnnxModel, frames: int) -> bool:
    return frames in network.input.dims


def _input(network: OnnxModel) -> str:
    source = network.input
    axes = zip(source.dims, source.names, strict=True)
    shown = ", ".join(name or ("?" if size is None else str(size)) for size, name in axes)
    words = ", words of an embedding" if source.tokens else ""
    return f"{source.name} ({shown}) {TensorProto.DataType.Name(source.type).lower()}{words}"


def _cells(network: OnnxModel) -> Iterator[str]:
    for node in network.file.proto.graph.node:
        if node.op_type in ("RNN", "LSTM", "GRU"):
            attributes: dict[str, Any] = {a.name: a for a in node.attribute}
            hidden = (
                f"{attributes['hidden_size'].i} hidden units"
                if "hidden_size" in attributes
                else "hidden units unnamed"
            )
            direction = attributes["direction"].s.decode() if "direction" in attributes else "forward"
            yield f"{node.op_type} {node.name or node.output[-1]}: {hidden}, {direction}"


def _functions(graph: Graph) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for node in graph.nodes:
        if isinstance(node, Elementwise):
            counts[node.transformer.name] += node.size
    return dict(sorted(counts.items()))


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"
