"""What was understood of a network: its input, its cells, its graph, and how well that agrees with onnxruntime."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from onnx import TensorProto

from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.domains import Zonotopes
from certrnn.errors import CertrnnError, InvalidInput
from certrnn.io.onnx import OnnxModel
from certrnn.io.onnx.declared import inputs_said, outputs_said
from certrnn.io.onnx.model import GUESSED_FRAMES
from certrnn.ir import Elementwise, Graph, Input


@dataclass(frozen=True)
class Examination:
    """What was understood of a network on samples of one shape.

    Args:
        input: name, type and declared axes of the input tensor.
        inputs, outputs: all that the file declares, a line each, and what it is taken for.
        arrangement: how a sample lies in that tensor: its batch and time axis.
        frames, features: shape of a sample.
        guessed: whether the number of frames was chosen for want of data.
        classes: number of classes of an answer; ``head`` says how they are read off the scores.
        steps: number of answers a sample.
        cells: the recurrent nodes of the file, a line each.
        functions: number of scalar function evaluations in a sample by the function's name.
        nodes: number of graph nodes.
        symbols: noise symbols of a zonotope that disturbs every frame.
        bytes_per_row: memory of one such zonotope's propagation, estimated from above.
        difference, share: largest difference from onnxruntime on random inputs, and the largest share of what is
            allowed.
    """

    path: str
    sha256: str
    external: dict[str, str]
    opset: int
    input: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arrangement: str
    frames: int
    features: int
    guessed: bool
    classes: int
    steps: int
    head: str
    cells: tuple[str, ...]
    functions: dict[str, int]
    nodes: int
    symbols: int
    bytes_per_row: int
    difference: float
    share: float
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """Strict JSON text, ending in a newline."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    def text(self) -> str:
        """A line a fact."""
        guessed = " (guessed: any number fits; pass --data)" if self.guessed else ""
        functions = ", ".join(f"{count} {name}" for name, count in self.functions.items())
        lines = [
            ("model", self.path),
            ("sha256", self.sha256),
            *((f"  {name}", digest) for name, digest in self.external.items()),
            ("opset", self.opset),
            ("input", self.input),
            *(("  declared", line) for line in self.inputs if len(self.inputs) > 1),
            *(("output", line) for line in self.outputs),
            ("sample", f"{self.frames} frames{guessed} of {self.features} features"),
            ("layout", self.arrangement),
            ("answer", self.head),
            *(("cell", cell) for cell in self.cells),
            ("graph", f"{self.nodes} nodes; {functions or 'no nonlinear function'}"),
            (
                "zonotope",
                f"{self.symbols} symbols, about {_size(self.bytes_per_row)} a row with every frame disturbed",
            ),
            (
                "onnxruntime",
                f"agrees: largest difference {self.difference:.2g}, {100 * self.share:.2g} % of what is allowed",
            ),
            *(("note", note) for note in self.notes),
        ]
        return "".join(f"{name:<12} {value}\n" for name, value in lines)


def examine(path: str, network: OnnxModel, shapes: tuple[tuple[int, int], ...] = ()) -> Examination:
    """Read, lower and check a network.

    Args:
        shapes: shapes (frames, features) of the data; the longest is shown, and each is checked. Empty without data.

    Raises:
        InvalidInput, Unsupported: the network is damaged, does not fit the data, is not interpreted, or disagrees with
            onnxruntime.
    """
    shape = max(shapes) if shapes else _shape(network)
    guessed = not shapes and network.roles.wants_lengths
    try:
        checks = [check_against_onnxruntime(network, one) for one in (shapes or (shape,))]
        graph, answer = network.graph(shape), network.lowered(shape).answer
    except CertrnnError as error:
        raise _blamed(error, shape) if guessed else error from None
    return Examination(
        path=path,
        sha256=network.sha256,
        external=dict(network.external),
        opset=network.opset,
        input=_input(network),
        inputs=inputs_said(network.file.proto.graph, network.choices),
        outputs=outputs_said(network.file.proto.graph, network.choices),
        arrangement=network.arrangement(shape),
        frames=shape[0],
        features=shape[1],
        guessed=guessed,
        classes=max(answer.classes, 2),
        steps=answer.steps,
        head=answer.said,
        cells=tuple(_cells(network)),
        functions=_functions(graph),
        nodes=len(graph.nodes),
        symbols=sum(node.size for node in graph.nodes if isinstance(node, Input | Elementwise)),
        bytes_per_row=Zonotopes().bytes_per_row(graph, tuple(range(shape[0]))),
        difference=max(check.difference for check in checks),
        share=max(check.share for check in checks),
        notes=network.notes(shape),
    )


def declaration(path: str, network: OnnxModel) -> str:
    """What a file declares, a line each: for a network that cannot be examined."""
    graph, choices = network.file.proto.graph, network.choices
    lines = [("model", path), *(("input", line) for line in inputs_said(graph, choices))]
    lines += [("output", line) for line in outputs_said(graph, choices)]
    return "".join(f"{name:<12} {value}\n" for name, value in lines)


def _shape(network: OnnxModel) -> tuple[int, int]:
    """The sample that the file declares; a dynamic number of frames is filled in."""
    width = None if network.embedding is None else network.embedding.table.shape[1]
    frames, features = network.roles.shape(GUESSED_FRAMES)
    if width is not None:
        return frames, width
    if features is None:
        raise InvalidInput(
            "choosing a sample",
            f"the file fixes the features of input {network.input.name!r}",
            network.input.shown,
            "Pass --data.",
        )
    return frames, features


def _blamed(error: CertrnnError, shape: tuple[int, int]) -> CertrnnError:
    """The same error, where the sample's length was a guess that may be to blame."""
    remedy = f"The {shape[0]} frames were guessed: pass --data."
    further = f" If that changes nothing: {error.remedy}" if error.remedy else ""
    return type(error)(error.operation, error.requirement, error.received, remedy + further)


def _input(network: OnnxModel) -> str:
    source = network.input
    words = ", words of an embedding" if source.tokens else ""
    return f"{source.name} {source.shown} {TensorProto.DataType.Name(source.type).lower()}{words}"


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
