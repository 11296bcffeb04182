"""Networks that are no files: torch modules are exported, and held against what they compute; models become files."""

from __future__ import annotations

import atexit
import copy
import inspect
import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from certrnn.errors import CertrnnError, InvalidInput, Unsupported, UsageError
from certrnn.io.tracing import REMEDY, TAKEN, WHERE, faithful, quiet, require_any_length

OPSET = 17
TOLERANCE = 1e-4
"""Allowed difference of a file's outputs from its module's, as a share of an output's largest number, at least 1."""
LONG = 64
"""A length at which files with an axis of any length are compared with their module, whatever the example's."""

_GUIDE = "Export it yourself: certrnn guide exporting says how."


def file_of(network: Any, example: Any = None) -> Path:
    """A file of a torch module, of an ``onnx.ModelProto`` or of a model's bytes; kept until the process ends.

    Args:
        example: of a module, its input: a tensor or array (batch, ...), or a tuple of all of its inputs.

    Raises:
        UsageError: it is none of these, or a module without an example.
        Unsupported: torch cannot export the module, or onnxruntime computes something else than it does.
    """
    if isinstance(network, nn.Module):
        if example is None:
            requirement = "a torch module comes with an example of its input"
            raise UsageError(WHERE, requirement, "none", "Pass load(module, example).")
        return exported(network, example)
    if isinstance(network, onnx.ModelProto):
        network = network.SerializeToString()
    if isinstance(network, bytes | bytearray | memoryview):
        return _written(bytes(network), "model")
    requirement = "a network is a file's name, a torch module, an onnx.ModelProto or its bytes"
    raise UsageError("loading a network", requirement, type(network).__name__)


def _written(content: bytes, name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="certrnn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    return path


def exported(module: nn.Module, example: Any) -> Path:
    """A file that computes what the module does in evaluation mode, in float32 on the CPU.

    Settings are tried until one works: torch's exporter of scripts, then the one of graphs; the first two axes of the
    input of any length, then one of them, then neither. An exporter that warns of a value that Python took from a
    tensor has failed: its file would answer as the example does. A file counts where onnxruntime agrees with the
    module on the example, on other values of its shape, and, for each axis of any length, on shorter and longer ones.

    Raises:
        Unsupported: none does; the message says why the first one did not.
    """
    own = copy.deepcopy(module).eval().to("cpu", torch.float32)
    inputs = _inputs(example)
    _give_states(own)
    errors: list[str] = []
    for attempt in _attempts(inputs):
        try:
            content = attempt.export(own, inputs)
            attempt.check(own, inputs, content)
        except CertrnnError as error:
            errors.append(f"{attempt}: {error.requirement}; got {error.received}")
        except Exception as error:
            lines = str(error).strip().splitlines()
            errors.append(f"{attempt}: {type(error).__name__}: {lines[0][:200] if lines else ''}")
        else:
            return _written(content, type(module).__name__)
    remedy = f"{REMEDY} {_GUIDE}" if TAKEN in errors[0] else _GUIDE
    raise Unsupported(WHERE, "torch exports it, and onnxruntime computes what it does", errors[0], remedy)


def _inputs(example: Any) -> tuple[Tensor, ...]:
    parts = example if isinstance(example, tuple | list) else (example,)
    tensors = tuple(torch.as_tensor(part).detach().cpu() for part in parts)
    if not tensors or tensors[0].ndim < 1 or not tensors[0].numel():
        raise InvalidInput(WHERE, "the example is an input of the module, batch axis included", "nothing")
    return tuple(t.to(torch.float32) if t.is_floating_point() else t for t in tensors)


@dataclass(frozen=True)
class _Attempt:
    """Settings of an export: which exporter, and which axes of the first input have any length."""

    graphs: bool
    free: tuple[int, ...]

    def __str__(self) -> str:
        free = " and ".join(map(str, self.free)) or "none"
        return f"torch.onnx.export(dynamo={self.graphs}), axes of any length: {free}"

    def export(self, module: nn.Module, inputs: Sequence[Tensor]) -> bytes:
        """The model's bytes."""
        names = _names(module, len(inputs))
        content: Any = io.BytesIO()
        with faithful(watched=not self.graphs):
            if self.graphs:
                return self._export_graph(module, inputs, names)
            torch.onnx.export(
                module,
                tuple(inputs),
                content,
                dynamo=False,
                opset_version=OPSET,
                input_names=names,
                dynamic_axes={
                    name: {axis: f"{names[0]}_{axis}" for axis in axes}
                    for name, axes in zip(names, self._axes(inputs), strict=True)
                },
            )
        return content.getvalue()

    def _export_graph(self, module: nn.Module, inputs: Sequence[Tensor], names: list[str]) -> bytes:
        dims = {axis: torch.export.Dim(f"axis_{axis}") for axis in self.free}
        shapes = tuple({axis: dims[axis] for axis in axes} for axes in self._axes(inputs))
        program: Any = torch.onnx.export(
            module, tuple(inputs), dynamo=True, input_names=names, dynamic_shapes=shapes
        )
        require_any_length(program.exported_program)
        return program.model_proto.SerializeToString()

    def _axes(self, inputs: Sequence[Tensor]) -> list[tuple[int, ...]]:
        """For each input its axes of any length: of the further ones those of vectors with a number a sample."""
        further = [(0,) if self._counts(t, inputs[0]) else () for t in inputs[1:]]
        return [self.free, *further]

    def _counts(self, tensor: Tensor, first: Tensor) -> bool:
        return 0 in self.free and tensor.ndim == 1 and len(tensor) == len(first)

    def check(self, module: nn.Module, inputs: Sequence[Tensor], content: bytes) -> None:
        """Hold onnxruntime against the module.

        Raises:
            Unsupported: they differ.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        names = [info.name for info in session.get_inputs()]
        places = dict(zip(_names(module, len(inputs)), range(len(inputs)), strict=True))
        for some, needed in self._examples(inputs):
            try:
                with torch.no_grad(), quiet():
                    wanted = _outputs(module(*some))
            except Exception:
                if needed:
                    raise
                continue  # the module has no answer at this length
            feed = {name: some[places[name]].numpy() for name in names}
            for ours, theirs in zip(wanted, session.run(None, feed), strict=True):
                _agree(ours, np.asarray(theirs))

    def _examples(self, inputs: Sequence[Tensor]) -> Iterator[tuple[list[Tensor], bool]]:
        """Inputs to compare on, and whether the module has to have an answer to them."""
        yield list(inputs), True
        yield [_varied(inputs[0]), *inputs[1:]], False
        for axis in self.free:
            size = inputs[0].shape[axis]
            for length in sorted({1, 2, size + 1, 2 * size, 3 * size, LONG} - {size}):
                first, *further = (
                    _of_length(t, axis, length) if axis in axes else t
                    for t, axes in zip(inputs, self._axes(inputs), strict=True)
                )
                yield [first, *further], length == size + 1
                yield [_varied(first), *further], False


def _of_length(tensor: Tensor, axis: int, length: int) -> Tensor:
    """Cut there, or with the last part repeated."""
    return tensor.index_select(axis, torch.arange(length).clamp(max=tensor.shape[axis] - 1))


def _varied(tensor: Tensor) -> Tensor:
    """Other values of the same shape: of numbers that are no floats, those of the tensor in another order."""
    random = torch.Generator().manual_seed(0)
    if tensor.is_floating_point():
        scale = torch.nan_to_num(tensor.abs().max(), 1.0, 1.0, 1.0).clamp(min=1.0)
        return tensor + scale * torch.randn(tensor.shape, generator=random)
    return tensor.reshape(-1)[torch.randperm(tensor.numel(), generator=random)].reshape(tensor.shape)


def _give_states(module: nn.Module) -> None:
    """Recurrent layers that read packed sequences get the zeros that they start from: torch's exporter of scripts
    cannot tell how many samples are packed."""
    counts: list[Tensor] = []

    def count(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        vectors = [t for t in inputs if isinstance(t, Tensor) and t.ndim == 1]
        counts[:] = [*vectors, *(t for t in inputs if isinstance(t, Tensor))][:1]

    def start(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if len(inputs) != 1 or not isinstance(inputs[0], nn.utils.rnn.PackedSequence) or not counts:
            return None
        own: Any = layer
        layers = own.num_layers * (2 if own.bidirectional else 1)
        sizes = [own.proj_size or own.hidden_size, own.hidden_size]
        states = [torch.zeros(layers, counts[0].shape[0], size) for size in sizes]
        return (inputs[0], tuple(states) if isinstance(layer, nn.LSTM) else states[0])

    module.register_forward_pre_hook(count)
    for part in module.modules():
        if isinstance(part, nn.RNNBase):
            part.register_forward_pre_hook(start)


def _attempts(inputs: Sequence[Tensor]) -> Iterator[_Attempt]:
    first = inputs[0]
    free: list[tuple[int, ...]] = [(0, 1), (0,), (1,), ()] if first.ndim > 1 else [(0,), ()]
    for graphs in (False, True):
        for axes in free:
            yield _Attempt(graphs, axes)


def _names(module: nn.Module, count: int) -> list[str]:
    """Names of the inputs, as ``forward`` has them."""
    parameters = [p.name for p in inspect.signature(module.forward).parameters.values()]
    return [*parameters, *(f"input_{k}" for k in range(count))][:count]


def _outputs(result: Any) -> list[np.ndarray]:
    """The tensors that a module returns, in order."""
    if isinstance(result, Tensor):
        return [result.numpy()]
    parts = result.values() if isinstance(result, dict) else result
    return [array for part in parts for array in _outputs(part)]


def _agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    if ours.shape != theirs.shape:
        raise Unsupported(WHERE, f"an output has the module's shape {ours.shape}", theirs.shape)
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    limit = TOLERANCE * max(1.0, float(np.abs(ours[np.isfinite(ours)]).max(initial=0.0)))
    difference = float(np.abs(ours[~same] - theirs[~same]).max(initial=0.0))
    if not difference <= limit:
        raise Unsupported(WHERE, f"outputs are the module's within {limit:.2g}", f"{difference:.2g}")
