"""A random network with a random end, its data in a random layout, and what both mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.importer.tails import heads, movement
from tests.importer.tails.bodies import Body, body
from tests.importer.tails.folding import HALF, folded
from tests.importer.tails.heads import Step
from tests.importer.tails.meaning import AMBIGUOUS, CLEAR, ODD, End, Meaning
from tests.importer.tails.writing import Part, Writer

SAMPLES = 2


@dataclass(frozen=True)
class Stored:
    """Samples as a data file holds them.

    Args:
        layout: what ``--layout`` says of them, or None.
        count: how many samples they are.
        clarity: whether they can be read so.
    """

    array: np.ndarray
    layout: str | None
    clarity: str
    count: int = SAMPLES


@dataclass(frozen=True)
class Case:
    """A file, its data, and what they mean.

    Args:
        output: the name of the output that answers.
        options: what :func:`certrnn.load` is told.
        x: the samples (N, T, D) that are meant; of words their vectors.
        frames: which of them change.
    """

    seed: int
    proto: onnx.ModelProto
    body: Body
    output: str
    meaning: Meaning
    options: dict[str, Any]
    stored: Stored
    x: np.ndarray
    frames: str
    said: str

    @property
    def clarity(self) -> str:
        order = (CLEAR, ODD, AMBIGUOUS)
        return max(self.meaning.clarity, self.stored.clarity, key=order.index)

    def __str__(self) -> str:
        asked = ", ".join(f"{k}={v!r}" for k, v in self.options.items() if v not in (None, False))
        return f"case {self.seed} ({self.clarity}): {self.said} [{asked}]"


def case(seed: int) -> Case:
    """The case of a seed."""
    random = np.random.default_rng([20, seed])
    w = Writer(random, int(random.choice([11, 13, 17])))
    w.said.append(f"opset {w.opset}")
    made = body(w)
    end = _end(w, heads.scores(w, made))
    outputs, chosen, answering = _outputs(w, made, end)
    settled = chosen is not None or len(outputs) == 1
    options, meaning = _options(w, answering) if settled else ({}, answering.meaning())
    options["output"] = chosen
    if not settled and "and an output that follows" not in w.said:
        meaning = Meaning(meaning.axes, meaning.kind, meaning.cut, AMBIGUOUS)
    x, words = _samples(w, made)
    stored = _stored(w, made, x, words)
    options["layout"] = stored.layout
    proto = _model(w, made, outputs)
    frames = w.pick("all", "all", "0", str(made.frames - 1))
    name = answering.part.name
    return Case(seed, proto, made, name, meaning, options, stored, x, frames, "; ".join(w.said))


# ---- the end


def _end(w: Writer, end: End) -> End:
    end = _some(w, end, heads.PRE, (0, 0, 1, 1, 2))
    if w.chance(0.3):
        end = _some(w, end, movement.MOVES, (1,))
    if w.chance(0.8):
        end = _some(w, end, heads.HEADS, (1,))
    end = _some(w, end, heads.POST, (0, 0, 1, 1, 2))
    end = _some(w, end, movement.MOVES, (0, 0, 1, 1, 2))
    if w.chance(0.03):
        end = _some(w, end, movement.RARE, (1,))
    return _some(w, end, heads.POST, (0, 0, 0, 1))


def _some(w: Writer, end: End, steps: tuple[Step, ...], counts: tuple[int, ...]) -> End:
    for _ in range(w.pick(*counts)):
        for _ in range(6):
            step = w.pick(*steps)
            whole = end.part.kind == TensorProto.INT64 and not end.label and steps is not movement.MOVES
            mended = end.clarity == AMBIGUOUS and step in movement.PICKING
            place = len(w.said)
            made = None if whole or mended else step(w, end)
            if made is not None:
                w.said.insert(
                    place, getattr(step, "__name__", "step") if step not in _NAMES else _NAMES[step]
                )
                end = made
                break
    return end


_NAMES = {
    getattr(heads, n): n for n in ("sigmoid", "hard", "tanh", "unit", "even", "uneven", "relu", "leaky")
}


# ---- outputs


def _outputs(w: Writer, made: Body, end: End) -> tuple[list[Part], str | None, End]:
    """The file's outputs, the one that is chosen by name, and the one that answers."""
    if not w.chance(0.3):
        return [end.part], end.part.name if w.chance(0.1) else None, end
    extra = _alike_to(w, end) if w.chance(0.6) else None
    alike = extra is not None
    extra = extra or _unrelated(w, made, end)
    w.said.append("and an output that follows" if alike else "and an unrelated output")
    ends = [end, extra] if w.chance(0.5) else [extra, end]
    if alike and w.chance(0.2):
        ends.append(
            End(Part(w.node("Identity", end.part.name), end.part.axes, end.part.shape, end.part.kind))
        )
    parts = [one.part for one in ends]
    if w.chance(0.5):
        return parts, end.part.name, end
    return parts, None, ends[0] if alike else end


def _alike_to(w: Writer, end: End) -> End | None:
    """Another output that always says the same."""
    meaning = end.meaning()
    if end.label or end.part.kind in (HALF, TensorProto.INT64) or meaning.clarity != CLEAR:
        return None
    if meaning.kind == "classes":
        if end.together or w.chance(0.5):
            axis = end.part.where("m" if "m" in end.part.axes else "c")
            name = w.node("ArgMax", end.part.name, axis=axis, keepdims=0)
            axes = end.part.axes[:axis] + end.part.axes[axis + 1 :]
            shape = end.part.shape[:axis] + end.part.shape[axis + 1 :]
            return End(Part(name, axes, shape, TensorProto.INT64), label=True)
        return heads.softmax(Fixed(w), end) if end.part.axes[-1:] == "c" else None
    if meaning.cut == 0.0 and not _bounded(end):
        return heads.sigmoid(w, end)
    return None


def _bounded(end: End) -> bool:
    return bool(np.isfinite(end.low) or np.isfinite(end.high))


class Fixed(Writer):
    """A writer that takes the likelier way: the softmax of an additional output is over its classes."""

    def __init__(self, w: Writer) -> None:
        self.__dict__ = w.__dict__

    def chance(self, share: float) -> bool:
        return share > 0.5


def _unrelated(w: Writer, made: Body, end: End) -> End:
    """Hidden values, the weights of attention, or another head."""
    if made.each is not None and w.chance(0.3):
        score = w.node(
            "MatMul", made.each.name, folded(w, w.random.standard_normal((made.each.shape[-1], 1)))
        )
        axis = made.each.where("t")
        name = w.node("Softmax", w.squeezed(score, 2), axis=axis)
        return End(Part(name, made.each.axes[:2], made.each.shape[:2]))
    if w.chance(0.5):
        return End(Part(w.node("Identity", made.last.name), "nc", made.last.shape))
    count = end.classes if end.classes > 1 else 2
    name = w.node("MatMul", made.last.name, folded(w, w.random.standard_normal((made.last.shape[-1], count))))
    return End(Part(name, "nc", (1, count)))


def _options(w: Writer, end: End) -> tuple[dict[str, Any], Meaning]:
    free = not end.label and not end.together
    if free and "t" not in end.part.axes and end.classes > 1 and "m" not in end.part.axes and w.chance(0.1):
        return {"multi_label": True}, end.meaning(multi_label=True)
    meaning = end.meaning()
    if free and meaning.kind == "lone" and w.chance(0.3):
        low, high = max(end.low, -1.0), min(end.high, 1.0)
        cut = float(np.float32(w.random.uniform(low, high))) if low < high else 0.25
        return {"cut": cut}, Meaning(meaning.axes, "lone", cut, end.clarity)
    return {}, meaning


# ---- data


def _samples(w: Writer, made: Body) -> tuple[np.ndarray, np.ndarray | None]:
    if made.table is not None:
        words = w.random.integers(0, len(made.table), (SAMPLES, made.frames))
        return made.table[words].astype(np.float64), words
    size = w.pick(0.5, 1.0, 2.0)
    x = size * w.random.standard_normal((SAMPLES, made.frames, made.features))
    return x.astype(np.float32).astype(np.float64), None


def _stored(w: Writer, made: Body, x: np.ndarray, words: np.ndarray | None) -> Stored:
    if words is not None:
        return Stored(words, None, CLEAR)
    untraced, square = made.kind in ("mlp", "rowwise"), made.frames == made.features
    turned = made.layout == "n,f,t"
    loose = CLEAR if not square else AMBIGUOUS if turned else ODD if untraced else CLEAR
    own = ",".join(letter for letter in made.layout.split(",") if letter != "n")
    ways = [Stored(x, None, loose), Stored(x, None, loose), Stored(x, "n,t,f", CLEAR)]
    inner = np.stack([_unbatched(made, sample) for sample in x])
    ways += [Stored(inner, f"n,{own}", CLEAR), Stored(inner, None, loose if own != "tf" else CLEAR)]
    if not untraced:
        ways.append(Stored(x.transpose(0, 2, 1), "n,f,t", CLEAR))
        ways.append(Stored(x.reshape(SAMPLES, -1), "n,tf", CLEAR))
    if not untraced and not square and not turned:
        ways.append(Stored(x.transpose(0, 2, 1), None, AMBIGUOUS))
    if made.layout == "t,f":
        ways.append(Stored(x[0], w.pick("t,f", None), CLEAR, 1))
    chosen = w.pick(*ways)
    w.said.append(f"data {chosen.array.shape} {chosen.layout or ''}")
    return chosen


def _unbatched(made: Body, sample: np.ndarray) -> np.ndarray:
    tensor, letters = made.tensor(sample), made.layout.split(",")
    return tensor.squeeze(letters.index("n")) if "n" in letters else tensor


# ---- the file


def _model(w: Writer, made: Body, outputs: list[Part]) -> onnx.ModelProto:
    fixed = made.kind in ("cells", "mlp") or made.layout == "n,tf"
    time: str | int = made.frames if fixed or w.chance(0.5) else w.pick("t", "axis_a")
    batch: str | int = w.pick("batch", "N", 1)
    kind = TensorProto.INT64 if made.table is not None else TensorProto.FLOAT
    graph = helper.make_graph(
        w.nodes,
        "random",
        [helper.make_tensor_value_info("x", kind, made.declared(batch, time))],
        [helper.make_tensor_value_info(p.name, p.kind, [None] * len(p.shape)) for p in outputs],
        w.given,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", w.opset)], ir_version=8)
