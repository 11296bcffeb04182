"""``certrnn examples``: what ships with the package."""

from __future__ import annotations


def examples() -> None:
    """List the networks and the data that ship with certrnn."""
    from certrnn.examples import PREFIX, data_names, names
    from certrnn.report.output import print_text

    networks = "\n".join(f"  {PREFIX}{name}" for name in names())
    data = "\n".join(f"  {PREFIX}{name}" for name in data_names())
    print_text(f"networks\n{networks}\ndata\n{data}\n")
