"""``certrnn supports``: what of the VNN-LIB standard is supported."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn.cli._options import Debug, Json
from certrnn.errors import UsageError

Asked = Annotated[bool, typer.Option()]


def supports(
    onnx_opset_versions: Asked = False,
    onnx_element_types: Asked = False,
    onnx_operators: Asked = False,
    vnnlib_versions: Asked = False,
    hidden_node_theories: Asked = False,
    multiple_input_output_theories: Annotated[
        bool, typer.Option("--multiple-input-output-theories", "--multiple-inputs-output-theories")
    ] = False,
    multiple_network_theories: Asked = False,
    multiple_node_comparison_theories: Asked = False,
    arithmetic_complexity_theories: Asked = False,
    optimised_disjunctive_reasoning: Asked = False,
    serialise_assignments: Asked = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what of the VNN-LIB standard is supported: one capability, or all of them with their names.

    Prints a line a version, type, operator or theory, as the standard's solver interface asks.
    """
    names = [
        name.replace("_", "-")
        for name, chosen in locals().items()
        if chosen is True and name not in ("json", "debug")
    ]
    if len(names) > 1:
        raise UsageError("reading the options", "one capability is asked for at a time", " ".join(names))
    from certrnn.report.output import print_text
    from certrnn.vnnlib.capabilities import as_json, capabilities

    table = capabilities()
    if names:
        table = {names[0]: table[names[0]]}
    if json:
        print_text(as_json(table))
    elif names:
        print_text("".join(f"{line}\n" for line in table[names[0]]))
    else:
        print_text("".join(f"{name}: {' '.join(lines)}\n" for name, lines in table.items()))
