"""Einsum of one or two tensors: a transposition, a matrix product, and another transposition."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import matrix_product
from certrnn.io.onnx.ops.reductions import reduced
from certrnn.io.onnx.tensors import Tensor, entries, rearranged


def einsum(node: NodeContext) -> list[Tensor]:
    equation = str(node.attribute("equation", "")).replace(" ", "")
    inputs, arrow, output = equation.partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = sorted(set(inputs) - {","})
        output = "".join(c for c in letters if inputs.count(c) == 1)
    plain = all(t.isalpha() and len(set(t)) == len(t) for t in terms) and len(set(output)) == len(output)
    if not plain or len(terms) != len(node.inputs) or len(terms) > 2:
        raise node.refuse(
            "an Einsum is of one or two tensors, without ellipsis and without diagonals",
            equation,
            "Export with MatMul and Transpose.",
        )
    others = ["".join(terms[:k] + terms[k + 1 :]) + output for k in range(len(terms))]
    operands = [_summed(node, node.input(k), term, others[k]) for k, term in enumerate(terms)]
    if len(operands) == 1:
        return [_arranged(*operands[0], output)]
    return [_product(node, *operands[0], *operands[1], output)]


def _summed(node: NodeContext, tensor: Tensor, term: str, others: str) -> tuple[Tensor, str]:
    """The tensor summed over the letters that are not among ``others``."""
    if len(tensor.shape) != len(term):
        raise node.damaged("a tensor has as many axes as letters", f"{term} for shape {tensor.shape}")
    gone = tuple(place for place, letter in enumerate(term) if letter not in others)
    if not gone:
        return tensor, term
    rest = "".join(letter for place, letter in enumerate(term) if place not in gone)
    return reduced(node, tensor, gone, False, "ReduceSum"), rest


def _arranged(tensor: Tensor, term: str, wanted: str) -> Tensor:
    """The tensor with its axes in the wanted order."""
    return rearranged(tensor, np.transpose(entries(tensor), [term.index(letter) for letter in wanted]))


def _product(node: NodeContext, left: Tensor, first: str, right: Tensor, second: str, output: str) -> Tensor:
    """A matrix product for every index of the letters that both tensors and the output have."""
    batch = "".join(c for c in first if c in second and c in output)
    inner = "".join(c for c in first if c in second and c not in output)
    rows = "".join(c for c in first if c not in second)
    columns = "".join(c for c in second if c not in first)
    sizes = dict(zip(first, left.shape, strict=True)) | dict(zip(second, right.shape, strict=True))
    if any(left.shape[first.index(c)] != sizes[c] for c in first):
        raise node.damaged("a letter stands for one length", f"shapes {left.shape} and {right.shape}")
    a = _folded(_arranged(left, first, batch + rows + inner), batch, rows, inner, sizes)
    b = _folded(_arranged(right, second, batch + inner + columns), batch, inner, columns, sizes)
    result = matrix_product(node, a, b)
    shape = [sizes[c] for c in batch + rows + columns]
    return _arranged(rearranged(result, entries(result).reshape(shape)), batch + rows + columns, output)


def _folded(tensor: Tensor, batch: str, one: str, two: str, sizes: dict[str, int]) -> Tensor:
    """Of shape (batch.., one, two), the letters of each of the last two folded into one axis."""
    folded = [int(np.prod([sizes[c] for c in letters], dtype=np.int64)) for letters in (one, two)]
    return rearranged(tensor, entries(tensor).reshape([*(sizes[c] for c in batch), *folded]))
