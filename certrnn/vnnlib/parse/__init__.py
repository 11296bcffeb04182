"""VNN-LIB: satisfiability queries about networks, versions 1.0 and 2 of the language.

Numbers are kept as exact fractions of what is written, and a formula can be evaluated exactly as it stands.
"""

from __future__ import annotations

import os

from certrnn.vnnlib.parse.expressions import read_groups
from certrnn.vnnlib.parse.formula import Comparison, Formula, Junction, Linear, Variable, holds
from certrnn.vnnlib.parse.query import Query, Tensor
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.parse.version1 import read_version1
from certrnn.vnnlib.parse.version2 import VERSIONS, read_version2

__all__ = [
    "VERSIONS",
    "Comparison",
    "Formula",
    "Junction",
    "Linear",
    "Query",
    "Tensor",
    "Variable",
    "holds",
    "parse",
    "read_query",
]


def read_query(path: str | os.PathLike[str]) -> Query:
    """The query in a file, also gzipped.

    Raises:
        InvalidInput: the file is missing, damaged, or breaks the language; the message names line and column.
        Unsupported: it asks what certrnn does not do; the message names it.
    """
    return parse(Source.of(path))


def parse(source: Source) -> Query:
    """The query in a text; raises what :func:`read_query` raises.

    >>> from pathlib import Path
    >>> text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (<= X_0 0.5)) (assert (>= Y_0 X_0))"
    >>> query = parse(Source(Path("q.vnnlib"), text))
    >>> query.version, query.input.size, len(query.formula.parts)
    ('1.0', 1, 2)
    """
    groups = read_groups(source)
    if not groups:
        raise source.invalid("a query declares variables and asserts something of them", "an empty file")
    return (
        read_version2(source, groups) if groups[0].head == "vnnlib-version" else read_version1(source, groups)
    )
