"""What of the VNN-LIB standard is supported, capability by capability (chapter "Command-line Interface")."""

from __future__ import annotations

import json
from collections.abc import Mapping

import onnx

from certrnn.io.onnx.ops import OPERATORS, constants
from certrnn.io.onnx.reader import MIN_OPSET
from certrnn.vnnlib.parse import VERSIONS


def capabilities() -> dict[str, tuple[str, ...]]:
    """The lines that each capability prints."""
    # operators that are only folded, where all they read is constant, are not reported
    interpreted = [name for name, handler in OPERATORS.items() if handler is not constants.exact]
    operators = sorted({*interpreted, "If", "Loop", "Scan"})
    return {
        "onnx-opset-versions": (str(MIN_OPSET), str(onnx.defs.onnx_opset_version())),
        # a proof is about exact real arithmetic: of a floating point type nothing is claimed
        "onnx-element-types": ("real",),
        "onnx-operators": tuple(operators),
        "vnnlib-versions": ("1.0", VERSIONS[-1]),
        "hidden-node-theories": ("NH",),
        "multiple-input-output-theories": ("SIO",),
        "multiple-network-theories": ("SNET",),
        "multiple-node-comparison-theories": ("SNC", "MNC"),
        "arithmetic-complexity-theories": ("BND", "OUTC", "LIN"),
        "optimised-disjunctive-reasoning": ("false",),
        "serialise-assignments": ("false",),
    }


def as_json(table: Mapping[str, tuple[str, ...]]) -> str:
    """One JSON document: a list of lines for each capability."""
    return json.dumps({name: list(lines) for name, lines in table.items()}, indent=1) + "\n"
