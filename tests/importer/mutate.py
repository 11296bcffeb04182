"""Damage to ONNX files: in their bytes, and in their meaning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto

OPS = (
    *(
        "RNN",
        "LSTM",
        "GRU",
        "Gemm",
        "MatMul",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Tanh",
        "Sigmoid",
        "Relu",
        "Softmax",
    ),
    *(
        "Transpose",
        "Reshape",
        "Squeeze",
        "Unsqueeze",
        "Gather",
        "Slice",
        "Concat",
        "Expand",
        "Shape",
        "Split",
    ),
    *(
        "ReduceMean",
        "ReduceMax",
        "Flatten",
        "Identity",
        "Cast",
        "ConstantOfShape",
        "Where",
        "Pad",
        "Tile",
        "Loop",
    ),
    *("Range", "Exp", "Conv", "ArgMax", "LayerNormalization", "Clip", "TopK", "", "Nonsense"),
)
INTEGERS = (-(2**63), -(2**31), -7, -1, 0, 1, 2, 3, 5, 64, 2**20, 2**31 - 1, 2**40, 2**63 - 1)
NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-45, 1e30, 3.4e38)
WORDS = (
    "",
    "forward",
    "reverse",
    "bidirectional",
    "Tanh",
    "Relu",
    "Affine",
    "relu",
    "clip",
    "\udcff",
    "x" * 300,
)
PLACES = (
    "../data",
    "/etc/passwd",
    "a/../../data",
    "",
    ".",
    "link",
    "\x00",
    "missing.data",
    "..\\data",
    "folder",
)

Rng = np.random.Generator
Mutation = Callable[[onnx.ModelProto, Rng], None]


def bytes_changed(content: bytes, rng: Rng) -> bytes:
    """One of: flipped bits, cut end, removed, repeated or random stretch."""
    data = bytearray(content)
    place, length = int(rng.integers(len(data))), int(rng.integers(1, 16))
    match int(rng.integers(5)):
        case 0:
            for position in rng.integers(len(data), size=int(rng.integers(1, 4))):
                data[position] ^= 1 << int(rng.integers(8))
        case 1:
            del data[place:]
        case 2:
            del data[place : place + length]
        case 3:
            data[place:place] = data[place : place + length]
        case _:
            data[place : place + length] = rng.bytes(length)
    return bytes(data)


def pick(items: object, rng: Rng) -> int:
    return int(rng.integers(len(items)))  # type: ignore[arg-type]


def number(rng: Rng) -> int:
    return INTEGERS[pick(INTEGERS, rng)]


def nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """All nodes, those of sub-graphs included."""
    found = list(model.graph.node)
    for node in list(found):
        for attribute in node.attribute:
            found += attribute.g.node
    return found


def tensors(model: onnx.ModelProto) -> list[TensorProto]:
    """Initialisers and constants."""
    return [*model.graph.initializer, *(a.t for n in nodes(model) for a in n.attribute if a.HasField("t"))]


def dimensions(model: onnx.ModelProto, rng: Rng) -> None:
    tensor = tensors(model)[pick(tensors(model), rng)]
    if tensor.dims and rng.random() < 0.8:
        place = pick(tensor.dims, rng)
        tensor.dims[place] = (
            tensor.dims[place] + int(rng.integers(-2, 3)) if rng.random() < 0.5 else number(rng)
        )
    else:
        tensor.dims.append(number(rng))


def values(model: onnx.ModelProto, rng: Rng) -> None:
    """A number of a tensor becomes nan, inf, tiny, huge, or any other."""
    tensor = tensors(model)[pick(tensors(model), rng)]
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        array = onnx.numpy_helper.to_array(tensor).copy()
    except (ValueError, TypeError):
        return
    if array.size:
        with np.errstate(all="ignore"):
            if array.dtype.kind == "f":
                array.flat[pick(range(array.size), rng)] = NUMBERS[pick(NUMBERS, rng)]
            elif array.dtype.kind == "i":
                array.flat[pick(range(array.size), rng)] = np.array(number(rng)).astype(array.dtype)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def kinds(model: onnx.ModelProto, rng: Rng) -> None:
    tensors(model)[pick(tensors(model), rng)].data_type = int(rng.integers(0, 26))


def rows(model: onnx.ModelProto, rng: Rng) -> None:
    """A weight loses or gains a row, with the data to go with it."""
    tensor = tensors(model)[pick(tensors(model), rng)]
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    array = onnx.numpy_helper.to_array(tensor)
    if array.ndim:
        axis = pick(range(array.ndim), rng)
        index = range(array.shape[axis] - 1) if rng.random() < 0.5 else [*range(array.shape[axis]), 0]
        if array.shape[axis]:
            changed = np.ascontiguousarray(np.take(array, list(index), axis=axis))
            tensor.CopyFrom(onnx.numpy_helper.from_array(changed, tensor.name))


def dropped_initialiser(model: onnx.ModelProto, rng: Rng) -> None:
    if model.graph.initializer:
        del model.graph.initializer[pick(model.graph.initializer, rng)]


def repeated_initialiser(model: onnx.ModelProto, rng: Rng) -> None:
    if model.graph.initializer:
        model.graph.initializer.append(model.graph.initializer[pick(model.graph.initializer, rng)])


def operator(model: onnx.ModelProto, rng: Rng) -> None:
    nodes(model)[pick(nodes(model), rng)].op_type = OPS[pick(OPS, rng)]


def domain(model: onnx.ModelProto, rng: Rng) -> None:
    nodes(model)[pick(nodes(model), rng)].domain = ("com.microsoft", "ai.onnx.ml", "ai.onnx", "none")[
        pick("abcd", rng)
    ]


def dropped_node(model: onnx.ModelProto, rng: Rng) -> None:
    del model.graph.node[pick(model.graph.node, rng)]


def swapped_nodes(model: onnx.ModelProto, rng: Rng) -> None:
    one, two = pick(model.graph.node, rng), pick(model.graph.node, rng)
    kept = onnx.NodeProto()
    kept.CopyFrom(model.graph.node[one])
    model.graph.node[one].CopyFrom(model.graph.node[two])
    model.graph.node[two].CopyFrom(kept)


def wiring(model: onnx.ModelProto, rng: Rng) -> None:
    """An input or output of a node is renamed, left out, added, or reads its own output."""
    node = nodes(model)[pick(nodes(model), rng)]
    side = node.input if rng.random() < 0.7 else node.output
    names = ["", "nowhere", "x", *(n for other in model.graph.node for n in (*other.input, *other.output))]
    name = names[pick(names, rng)]
    if side and rng.random() < 0.7:
        side[pick(side, rng)] = name
    elif side and rng.random() < 0.5:
        side.pop()
    else:
        side.append(name)


def attribute(model: onnx.ModelProto, rng: Rng) -> None:
    """An attribute of a node is changed, dropped, renamed or added."""
    node = nodes(model)[pick(nodes(model), rng)]
    if not node.attribute or rng.random() < 0.15:
        names = (
            "axis",
            "axes",
            "layout",
            "direction",
            "clip",
            "hidden_size",
            "perm",
            "keepdims",
            "linear_before_reset",
        )
        node.attribute.append(
            onnx.helper.make_attribute(names[pick(names, rng)], max(-(2**31), min(number(rng), 2**31)))
        )
        return
    chosen = node.attribute[pick(node.attribute, rng)]
    if rng.random() < 0.15:
        node.attribute.remove(chosen)
    elif rng.random() < 0.1:
        chosen.name = "axis"
    elif rng.random() < 0.1:
        chosen.type = int(rng.integers(0, 15))  # type: ignore[assignment]
    elif chosen.type == AttributeProto.INT:
        chosen.i = number(rng)
    elif chosen.type == AttributeProto.FLOAT:
        chosen.f = NUMBERS[pick(NUMBERS, rng)]
    elif chosen.type == AttributeProto.STRING:
        chosen.s = WORDS[pick(WORDS, rng)].encode("utf-8", "surrogateescape")
    elif chosen.ints:
        chosen.ints[pick(chosen.ints, rng)] = number(rng)
    elif chosen.floats:
        chosen.floats[pick(chosen.floats, rng)] = NUMBERS[pick(NUMBERS, rng)]
    elif chosen.strings:
        chosen.strings[pick(chosen.strings, rng)] = WORDS[pick(WORDS, rng)].encode("utf-8", "surrogateescape")


def declared_input(model: onnx.ModelProto, rng: Rng) -> None:
    tensor = model.graph.input[0].type.tensor_type
    match int(rng.integers(4)):
        case 0:
            tensor.elem_type = int(rng.integers(0, 26))
        case 1 if tensor.shape.dim:
            tensor.shape.dim[pick(tensor.shape.dim, rng)].dim_value = number(rng)
        case 2:
            tensor.shape.dim.add().dim_value = number(rng)
        case _:
            model.graph.input[0].name = "other"


def versions(model: onnx.ModelProto, rng: Rng) -> None:
    if rng.random() < 0.6:
        model.opset_import[0].version = (*range(30), -1, 2**62)[int(rng.integers(32))]
    elif rng.random() < 0.5:
        model.opset_import.add(domain="", version=int(rng.integers(1, 25)))
    else:
        model.ir_version = int(rng.integers(-1, 20))


def outside(model: onnx.ModelProto, rng: Rng) -> None:
    """External data that is named out of the folder, or cut where it does not lie."""
    tensor = tensors(model)[pick(tensors(model), rng)]
    tensor.data_location = TensorProto.EXTERNAL
    if not tensor.external_data:
        tensor.external_data.add(key="location", value="model.onnx")
    key = ("location", "offset", "length", "checksum")[pick("abcd", rng)]
    word = (
        PLACES[pick(PLACES, rng)]
        if key == "location"
        else str((*INTEGERS, "x", "1.5")[int(rng.integers(16))])
    )
    for entry in [e for e in tensor.external_data if e.key == key]:
        tensor.external_data.remove(entry)
    tensor.external_data.add(key=key, value=word)


MUTATIONS: tuple[Mutation, ...] = (
    *(
        dimensions,
        values,
        values,
        kinds,
        rows,
        rows,
        dropped_initialiser,
        repeated_initialiser,
        operator,
        operator,
    ),
    *(
        domain,
        dropped_node,
        swapped_nodes,
        wiring,
        wiring,
        attribute,
        attribute,
        attribute,
        declared_input,
        versions,
    ),
    outside,
)


def mutated(content: bytes, rng: Rng) -> tuple[str, bytes]:
    """What was done and the damaged file."""
    if rng.random() < 0.3:
        return "bytes", bytes_changed(content, rng)
    model = onnx.ModelProto()
    model.ParseFromString(content)
    mutation = MUTATIONS[pick(MUTATIONS, rng)]
    mutation(model, rng)
    return mutation.__name__, model.SerializeToString()
