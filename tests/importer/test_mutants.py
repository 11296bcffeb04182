"""Importers that are wrong in one place: the grid must notice each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from certrnn.cells import GruCell, LstmCell
from certrnn.cells.recurrence import Gates
from certrnn.errors import CertrnnError
from certrnn.io.onnx import read
from certrnn.io.onnx.ops import recurrent
from tests.importer import checks, grid

Patch = pytest.MonkeyPatch


def rows_swapped(patch: Patch, cell: type, first: int, second: int) -> None:
    """Two gates change places in all weights."""
    right = cell.of  # type: ignore[attr-defined]

    def swapped(array: np.ndarray, hidden: int) -> np.ndarray:
        blocks = array.reshape(-1, hidden, *array.shape[1:]).copy()
        blocks[[first, second]] = blocks[[second, first]]
        return blocks.reshape(array.shape)

    def wrong(*arguments: Any) -> object:
        hidden = arguments[1].shape[1]
        return right(*(swapped(a, hidden) for a in arguments[:4]), *arguments[4:])

    patch.setattr(cell, "of", staticmethod(wrong))


def argument_changed(patch: Patch, cell: type, position: int, change: Callable[[Any], Any]) -> None:
    """One argument of a cell's constructor is replaced."""
    right = cell.of  # type: ignore[attr-defined]

    def wrong(*arguments: Any) -> object:
        return right(*(change(a) if k == position else a for k, a in enumerate(arguments)))

    patch.setattr(cell, "of", staticmethod(wrong))


def bias_dropped(patch: Patch, position: int) -> None:
    right = Gates.of

    def wrong(*arguments: Any) -> Gates:
        return right(*(np.zeros_like(a) if k == position else a for k, a in enumerate(arguments)))

    patch.setattr(Gates, "of", staticmethod(wrong))


def unrolled(patch: Patch, change: Callable[[Any, Any, dict[str, Any]], tuple[Any, dict[str, Any]]]) -> None:
    """The initial state or an option of the unrolling is replaced."""
    right = recurrent.unroll

    def wrong(builder: Any, cell: Any, frames: Any, initial: Any, **options: Any) -> Any:
        initial, options = change(cell, initial, options)
        return right(builder, cell, frames, initial, **options)

    patch.setattr(recurrent, "unroll", wrong)


def attribute_ignored(patch: Patch, name: str, value: object) -> None:
    """The layer is read as if the attribute had that value."""
    right = recurrent._layer

    def wrong(node: Any) -> Any:
        return right(replace(node, attributes=node.attributes | {name: value}))

    patch.setattr(recurrent, "_layer", wrong)


def states_in_order_taken(patch: Patch) -> None:
    right = recurrent.unroll

    def wrong(*arguments: Any, reverse: bool = False, **options: Any) -> Any:
        states = right(*arguments, reverse=reverse, **options)
        return states[::-1] if reverse else states

    patch.setattr(recurrent, "unroll", wrong)


def one_direction_for_both(patch: Patch) -> None:
    right = recurrent._cell
    patch.setattr(recurrent, "_cell", lambda node, layer, index: right(node, layer, 0))


def peephole_of_output_from_the_old_cell(patch: Patch) -> None:
    right = LstmCell._peep

    def wrong(self: LstmCell, builder: Any, pre: int, row: int, cell: int | None, label: str) -> int:
        return right(self, builder, pre, {0: 0, 1: 2, 2: 1}[row], cell, label)

    patch.setattr(LstmCell, "_peep", wrong)


def parameters_not_handed_out_in_order(patch: Patch) -> None:
    right = recurrent._activations

    def wrong(node: Any, directions: int) -> Any:
        turned = {
            name: list(reversed(node.attributes[name]))
            for name in ("activation_alpha", "activation_beta")
            if name in node.attributes
        }
        return right(replace(node, attributes=node.attributes | turned), directions)

    patch.setattr(recurrent, "_activations", wrong)


MUTANTS: dict[str, Callable[[Patch], None]] = {
    "LSTM gates i and o swapped": lambda p: rows_swapped(p, LstmCell, 0, 1),
    "LSTM gates f and c swapped": lambda p: rows_swapped(p, LstmCell, 2, 3),
    "GRU gates z and r swapped": lambda p: rows_swapped(p, GruCell, 0, 1),
    "linear_before_reset flipped": lambda p: argument_changed(p, GruCell, 5, lambda flag: not flag),
    "input_forget ignored": lambda p: argument_changed(p, LstmCell, 6, lambda flag: False),
    "peephole ignored": lambda p: argument_changed(p, LstmCell, 5, lambda peephole: None),
    "peepholes of o and f swapped": peephole_of_output_from_the_old_cell,
    "reverse ignored": lambda p: unrolled(p, lambda cell, initial, o: (initial, o | {"reverse": False})),
    "reverse states left in the order taken": states_in_order_taken,
    "layout ignored": lambda p: attribute_ignored(p, "layout", 0),
    "initial_h ignored": lambda p: unrolled(p, lambda cell, initial, o: ((None, *initial[1:]), o)),
    "initial_c ignored": lambda p: unrolled(
        p, lambda cell, initial, o: ((*initial[:1], None)[: cell.states], o)
    ),
    "W bias dropped": lambda p: bias_dropped(p, 2),
    "R bias dropped": lambda p: bias_dropped(p, 3),
    "sequence_lens ignored": lambda p: p.setattr(recurrent, "_length", lambda node, frames: frames),
    "second direction has the weights of the first": one_direction_for_both,
    "activation parameters in the wrong order": parameters_not_handed_out_in_order,
}


def noticed(folder: Path) -> bool:
    """True as soon as one model of the first block is refused or disagrees."""
    for seed, model in enumerate(checks.grid_models(0, 60)):
        path, content = checks.write(grid.build(model), folder)
        try:
            if checks.complaints(model, read(path), content, seed):
                return True
        except CertrnnError:
            return True
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_the_grid_kills(tmp_path: Path, monkeypatch: Patch, name: str) -> None:
    MUTANTS[name](monkeypatch)
    assert noticed(tmp_path)


def test_the_importer_as_it_stands_is_not_killed(tmp_path: Path) -> None:
    assert not noticed(tmp_path)
