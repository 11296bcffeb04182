"""A query's tensors and a network's: which element of a sample an input is, and what the outputs are functions of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from certrnn.analyses.import_check import TOLERANCE, check_against_onnxruntime
from certrnn.domains import evaluate
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.io.onnx.ops.heads import DROPPABLE
from certrnn.io.vnnlib import Linear, Query, Tensor, Variable
from certrnn.run.disjuncts import Literal

_REMEDY = "Export the network without its last activation, or ask of outputs only what it keeps."


@dataclass(frozen=True, eq=False)
class Binding:
    """A network that a query is asked of.

    Parameters
    ----------
    shape: (frames, features) of a sample.
    tensor: shape of the network's input tensor.
    places: for each element of that tensor, in row-major order, its number in the flattened sample.
    head: what the network applies to its scores at the very end (``Softmax``, ..), or "".
    output: shape of its output tensor.
    """

    network: OnnxModel
    shape: tuple[int, int]
    tensor: tuple[int, ...]
    places: np.ndarray
    head: str
    output: tuple[int, ...]

    def sample(self, values: np.ndarray) -> np.ndarray:
        """The sample (frames, features) whose input tensor holds these values, in row-major order."""
        flat = np.empty(values.size, dtype=values.dtype)
        flat[self.places] = values
        return flat.reshape(self.shape)

    def run(self, values: np.ndarray) -> np.ndarray:
        """The network's own output tensor, as onnxruntime computes it from the whole file."""
        return self.network.inner(self.sample(values), (self.network.output,))[0]

    def on_scores(self, literal: Literal) -> Literal:
        """The same inequality with outputs replaced by the scores they are a function of.

        Raises
        ------
        Unsupported: the last activation does not keep what it asks.
        """
        outputs = {v.index: c for v, c in literal.form.coefficients.items() if v.output}
        if not self.head or not outputs:
            return literal
        alone = len(outputs) == len(literal.form.coefficients)
        step = self.classes
        same_step = len({index // step for index in outputs}) == 1
        compared = len(outputs) == 2 and sum(outputs.values()) == 0 and literal.form.constant == 0
        match self.head:
            case "Softmax" if alone and compared and same_step:
                return literal
            case "LogSoftmax" if same_step and sum(outputs.values()) == 0:
                return literal  # the differences of scores themselves
            case "Sigmoid" if alone and compared:
                return literal
            case "Sigmoid" if alone and len(outputs) == 1:
                (coefficient,) = outputs.values()
                if literal.form.constant == -coefficient / 2:
                    return Literal(Linear(literal.form.coefficients, Fraction(0)), literal.strict)
        allowed = {
            "Softmax": "two outputs are compared with each other",
            "LogSoftmax": "outputs are weighted so that the weights add to 0",
            "Sigmoid": "an output is compared with another or with 0.5",
        }.get(self.head, "the network ends in its scores")
        raise Unsupported(
            "reading the query's outputs",
            f"of a network that ends in {self.head}, {allowed}",
            "others",
            _REMEDY,
        )

    @property
    def classes(self) -> int:
        """Scores of one step."""
        return max(1, math.prod(self.output) // self.network.steps(self.shape))


def bind(network: OnnxModel, query: Query) -> Binding:
    """The query's tensors as the network's, checked against onnxruntime.

    Raises
    ------
    InvalidInput: the network has other tensors than the query declares.
    Unsupported: it has more inputs or outputs than one, takes words, or is not interpreted.
    """
    _check_single(network)
    tensor = _tensor_shape(network, query)
    shape, places = _arranged(network, tensor)
    check_against_onnxruntime(network, shape)
    head = _head(network) if network.lowered(shape).scores != network.output else ""
    binding = Binding(network, shape, tensor, places, head, ())
    random = np.random.default_rng(0).normal(size=places.size).astype(np.float32)
    outputs = binding.run(random)
    binding = Binding(network, shape, tensor, places, head, outputs.shape)
    _check_outputs(binding, query.output)
    _check_scores(binding, random, outputs)
    return binding


def _check_single(network: OnnxModel) -> None:
    names = [output.name for output in network.file.proto.graph.output]
    if len(names) != 1:
        raise Unsupported(
            "reading the network's outputs",
            "it has one (theory SIO)",
            ", ".join(names[:5]),
            "Export the scores only.",
        )
    if network.input.tokens or network.takes_lengths:
        received = "words" if network.input.tokens else "sequences and their lengths"
        raise Unsupported(
            "reading the network's inputs",
            "it has one input, of real numbers (theory SIO)",
            received,
            "Export the part behind the embedding, for one length.",
        )


def _tensor_shape(network: OnnxModel, query: Query) -> tuple[int, ...]:
    """The shape of the network's input, axes of any length filled in from the query."""
    dims = network.input.dims
    declared = query.input.shape
    shown = f"({', '.join('?' if d is None else str(d) for d in dims)})"
    if declared is not None:
        if len(declared) != len(dims) or any(d not in (None, n) for d, n in zip(dims, declared, strict=True)):
            raise InvalidInput(
                f"fitting {query.input.name} to the network",
                f"its shape is that of the network's input, {shown}",
                list(declared),
            )
        return declared
    names = [name.lower() for name in network.input.names]
    open_ = [axis for axis, length in enumerate(dims) if length is None]
    # one sample: an axis of any length that is named a batch, or the first of several, has length 1
    batch = [a for a in open_ if names[a].startswith("batch")] or (open_[:1] if len(open_) > 1 else [])
    filled = [1 if axis in batch[:1] else length for axis, length in enumerate(dims)]
    fixed = math.prod(length for length in filled if length is not None)
    left = [axis for axis, length in enumerate(filled) if length is None]
    if len(left) == 1 and query.input.size % fixed == 0:
        filled[left[0]] = query.input.size // fixed
    lengths = tuple(length for length in filled if length is not None)
    if len(lengths) != len(dims) or math.prod(lengths) != query.input.size:
        raise InvalidInput(
            "fitting X to the network",
            f"there is an X_i for each element of the network's input, of shape {shown}",
            f"{query.input.size} of them",
        )
    return lengths


def _arranged(network: OnnxModel, tensor: tuple[int, ...]) -> tuple[tuple[int, int], np.ndarray]:
    """The shape of samples whose input tensor has that shape, and where its elements lie in them."""
    size = math.prod(tensor)
    failure: CertrnnError | None = None
    for shape in _shapes(tensor):
        try:
            layout = network.layout(shape)
            placed = layout.arrange(np.arange(size).reshape(1, *shape))
            if placed.shape != tensor:
                continue
            network.graph(shape)
        except CertrnnError as error:
            failure = failure or error
            continue
        return shape, placed.reshape(-1)
    raise failure or InvalidInput(
        "fitting the query to the network", "its input holds one sample", f"shape {list(tensor)}"
    )


def _shapes(tensor: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Samples that such a tensor may hold, likely ones first."""
    sizes = [length for length in tensor if length != 1]
    size = math.prod(sizes)
    found: dict[tuple[int, int], None] = {}
    if len(tensor) == 3:
        found[tensor[1], tensor[2]] = found[tensor[0], tensor[2]] = None
    for cut in range(1, len(sizes)):
        found[math.prod(sizes[:cut]), math.prod(sizes[cut:])] = None
    for frames, features in list(found):
        found[features, frames] = None
    found[1, size] = found[size, 1] = None
    yield from (shape for shape in found if math.prod(shape) == size)


def _head(network: OnnxModel) -> str:
    """The operator that was dropped at the end."""
    makers = {name: node for node in network.file.proto.graph.node for name in node.output if name}
    node = makers.get(network.output)
    while node is not None and node.op_type not in DROPPABLE:
        node = makers.get(node.input[0]) if node.input else None
    return "" if node is None else node.op_type


def _check_outputs(binding: Binding, declared: Tensor) -> None:
    shape, size = binding.output, math.prod(binding.output)
    if binding.head != "ArgMax" and size != binding.network.graph(binding.shape).outputs:
        raise Unsupported(
            "reading the network's output", "every element of it is a score", f"shape {list(shape)}"
        )
    if declared.size != size or (declared.shape is not None and declared.shape != shape):
        received = declared.size if declared.shape is None else list(declared.shape)
        raise InvalidInput(
            f"fitting {declared.name} to the network",
            f"its shape is that of the network's output, {list(shape)}",
            received,
        )


def _check_scores(binding: Binding, values: np.ndarray, outputs: np.ndarray) -> None:
    """The outputs of the whole file are, in their order, what is taken for them."""
    graph = binding.network.graph(binding.shape)
    x = torch.from_numpy(binding.sample(values).astype(np.float64))[None]
    scores = evaluate(graph, x)[0].reshape(-1, binding.classes)
    match binding.head:
        case "Softmax":
            scores = torch.softmax(scores, dim=1)
        case "LogSoftmax":
            scores = torch.log_softmax(scores, dim=1)
        case "Sigmoid":
            scores = torch.sigmoid(scores)
        case "ArgMax":
            return  # nothing is asked of it
    theirs = outputs.reshape(-1).astype(np.float64)
    limit = TOLERANCE.get(binding.network.input.type, 1e-4)  # type: ignore[call-overload]
    difference = float(np.abs(scores.reshape(-1).numpy() - theirs).max())
    if not difference <= limit * max(1.0, float(np.abs(theirs).max())):
        raise Unsupported(
            "checking the network",
            "its outputs are the scores, in their order",
            f"a difference of {difference:.3g}",
        )


def columns(binding: Binding, variable: Variable, outputs: int) -> int:
    """Where a variable stands among the scores followed by the flattened sample."""
    return variable.index if variable.output else outputs + int(binding.places[variable.index])
