"""A query's tensors and a network's: which element of a sample an input is, and what the outputs are functions of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Graph
from certrnn.vnnlib.normal_form import Literal, alternatives
from certrnn.vnnlib.parse import Linear, Query, Tensor, Variable

_REMEDY = "Export the network without its last activation, or ask of outputs only what it keeps."


@dataclass(frozen=True, eq=False)
class Binding:
    """A network that a query is asked of.

    Args:
        shape: (frames, features) of a sample.
        tensor: shape of the network's input tensor.
        places: for each element of that tensor, in row-major order, its number in the flattened sample.
        head: what the network applies to its scores at the very end (``Softmax``, ..), or "".
        output: shape of its output tensor.
        graph: the elements of that tensor, or of its arguments where there is a ``head``; None where nothing can be
            asked.
    """

    network: OnnxModel
    shape: tuple[int, int]
    tensor: tuple[int, ...]
    places: np.ndarray
    head: str
    output: tuple[int, ...]
    graph: Graph | None

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

        Raises:
            Unsupported: the last activation does not keep what it asks.
        """
        outputs = {v.index: c for v, c in literal.form.coefficients.items() if v.output}
        if not self.head or not outputs:
            return literal
        alone = len(outputs) == len(literal.form.coefficients)
        groups = self.network.lowered(self.shape).groups
        same_step = len({int(groups[index]) for index in outputs}) == 1 if len(groups) else True
        plain = self.network.lowered(self.shape).scale == (1.0, 0.0)
        compared = len(outputs) == 2 and sum(outputs.values()) == 0 and literal.form.constant == 0
        match self.head:
            case "Softmax" if alone and compared and same_step:
                return literal
            case "LogSoftmax" if plain and same_step and sum(outputs.values()) == 0:
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
    def elements(self) -> Graph:
        """What the query's outputs are columns of.

        Raises:
            Unsupported: the network names a class, and no number of its output can be bounded.
        """
        if self.graph is None:
            raise Unsupported(
                "reading the query's outputs", "they are real numbers", f"the result of {self.head}", _REMEDY
            )
        return self.graph


def bind(network: OnnxModel, query: Query) -> Binding:
    """The query's tensors as the network's, checked against onnxruntime.

    Raises:
        InvalidInput: the network has other tensors than the query declares.
        Unsupported: it has more inputs or outputs than one, takes words, or is not interpreted.
    """
    _check_single(network)
    network = network.as_numbers()
    tensor = _tensor_shape(network, query)
    shape, places = _arranged(network, tensor)
    check_against_onnxruntime(network, shape)
    lowered = network.lowered(shape)
    binding = Binding(network, shape, tensor, places, lowered.function, lowered.shape, lowered.numbers)
    random = np.random.default_rng(0).normal(size=places.size).astype(np.float32)
    binding = replace(binding, output=binding.run(random).shape)
    _check_outputs(binding, query.output)
    return _through_sigmoids(binding, query)


def _through_sigmoids(binding: Binding, query: Query) -> Binding:
    """Of outputs that are sigmoids their arguments, where the query asks what these keep: tighter bounds."""
    inner = binding.network.lowered(binding.shape).sigmoids
    if inner is None:
        return binding
    through = replace(binding, head="Sigmoid", graph=inner)
    try:
        for alternative in alternatives(query.formula):
            for literal in (one for some in alternative.conjunctions for one in some):
                through.on_scores(literal)
    except Unsupported:
        return binding
    return through


def _check_single(network: OnnxModel) -> None:
    names = [output.name for output in network.file.proto.graph.output]
    if len(names) != 1 and network.choices.output is None:
        raise Unsupported(
            "reading the network's outputs",
            "it has one (theory SIO)",
            ", ".join(names[:5]),
            "Choose one with --output NAME.",
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
    # one sample: an axis of any length that holds samples, or the first of several, has length 1
    traced = [a for a in open_ if a == network.roles.batch and (network.roles.by or len(open_) > 1)]
    named = [a for a in open_ if names[a].startswith("batch")]
    batch = traced or named or (open_[:1] if len(open_) > 1 else [])
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
    own = network.roles.counted(dict(enumerate(tensor)))
    for shape in [*([own] if own else []), *_shapes(tensor)]:
        try:
            layout = network.layout(shape)
            if layout.copies > 1:
                requirement = "the network takes one sample (theory SIO)"
                received = f"a fixed batch of {layout.copies}"
                raise Unsupported("fitting the query to the network", requirement, received)
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
    shapes: dict[tuple[int, int], None] = {}
    if len(tensor) == 3:
        shapes[tensor[1], tensor[2]] = shapes[tensor[0], tensor[2]] = None
    for cut in range(1, len(sizes)):
        shapes[math.prod(sizes[:cut]), math.prod(sizes[cut:])] = None
    for frames, features in list(shapes):
        shapes[features, frames] = None
    shapes[1, size] = shapes[size, 1] = None
    yield from (shape for shape in shapes if math.prod(shape) == size)


def _check_outputs(binding: Binding, declared: Tensor) -> None:
    shape, size = binding.output, math.prod(binding.output)
    if declared.size != size or (declared.shape is not None and declared.shape != shape):
        received = declared.size if declared.shape is None else list(declared.shape)
        raise InvalidInput(
            f"fitting {declared.name} to the network",
            f"its shape is that of the network's output, {list(shape)}",
            received,
        )


def columns(binding: Binding, variable: Variable, outputs: int) -> int:
    """Where a variable stands among the scores followed by the flattened sample."""
    return variable.index if variable.output else outputs + int(binding.places[variable.index])
