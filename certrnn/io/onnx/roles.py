"""What each axis of a model's input means, and which samples (T, D) fit it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from certrnn.errors import InvalidInput
from certrnn.io.onnx.axes import Traced
from certrnn.io.onnx.layout import DataInput, Layout, Slot
from certrnn.io.onnx.letters import Letters

_BATCH_NAMES = ("batch", "n", "b", "bs", "samples", "sample", "unk__")
_TIME_NAMES = (
    "t",
    "time",
    "seq",
    "sequence",
    "frame",
    "frames",
    "step",
    "steps",
    "timesteps",
    "length",
    "len",
)
_TIME_STARTS = ("seq_", "time_", "sequence_", "frame_", "num_frames", "max_len")
MAX_COPIES = 1024
"""Largest number of samples that a file may take at once."""

_OPERATION = "fitting the data to the model"


@dataclass(frozen=True)
class Roles:
    """What the axes of a model's input mean, whatever their lengths.

    Args:
        batch: the axis of the samples; None where the model takes one.
        slots: a sample's positions in row-major order.
        time: which slot holds the frames; None where a sample is one axis of values.
        by: how that is known: a node, a name, or the option; "" where it is the declared order only.
        free: whether the person said that frames and features are counted otherwise than the one axis of values says.
    """

    input: DataInput
    batch: int | None
    slots: tuple[Slot, ...]
    time: int | None
    by: str
    free: bool = False

    @property
    def rest(self) -> tuple[Slot, ...]:
        """The slots that hold the features of a frame."""
        return tuple(slot for place, slot in enumerate(self.slots) if place != self.time)

    def fit(self, frames: int, features: int) -> Layout:
        """The layout of samples of shape (frames, features).

        Raises:
            InvalidInput: they do not fit.
        """
        if self.copies > MAX_COPIES:
            raise InvalidInput(
                _OPERATION,
                f"the batch axis {self.batch} of input {self.input.name!r} has length 1 to {MAX_COPIES}, or any",
                self.copies,
                "Export with a batch axis of any length.",
            )
        sizes = self.sizes(frames, features)
        if sizes is None:
            raise self._refusal(frames, features)
        self.require_time(frames, features)
        slots = tuple(Slot(slot.axis, n) for slot, n in zip(self.slots, sizes, strict=True))
        dynamic = self.batch is not None and self.input.dims[self.batch] is None
        return Layout(
            self.input, self.batch, slots, self.time, self.by, dynamic, frames, features, self.copies
        )

    @property
    def copies(self) -> int:
        """How many samples the file takes at once; 1 where it takes any number."""
        size = None if self.batch is None else self.input.dims[self.batch]
        return 1 if size is None else size

    def sizes(self, frames: int, features: int) -> list[int] | None:
        """The length of every slot; None where the sample does not fit."""
        features = 1 if self.input.tokens else features
        if self.time is None:
            natural = features == 1 or frames == 1 or self.free
            return filled([slot.size for slot in self.slots], frames * features) if natural else None
        if self.slots[self.time].size not in (None, frames):
            return None
        rest = filled([slot.size for slot in self.rest], features)
        return None if rest is None else [*rest[: self.time], frames, *rest[self.time :]]

    def require_time(self, frames: int, features: int) -> None:
        """Something says which of two axes is time: the graph, a name, a person or their lengths.

        Raises:
            InvalidInput: the lengths are equal, and nothing else says it.
        """
        wide = [slot for slot in self.slots if slot.size != 1]
        if (
            self.by
            or self.time is None
            or self.input.tokens
            or len(wide) != 2
            or frames != features
            or frames == 1
        ):
            return
        raise InvalidInput(
            _OPERATION,
            f"the graph, a name or the lengths say which axis of input {self.input.name!r} {self.input.shown} is time",
            f"{frames} frames of {features} features, which fit both ways round",
            "Say what the data's axes are: --layout n,t,f (frames first) or --layout n,f,t.",
        )

    def _refusal(self, frames: int, features: int) -> InvalidInput:
        words = f"{frames} words" if self.input.tokens else f"{frames} frames of {features} features"
        return InvalidInput(
            _OPERATION,
            f"a sample is {self.wanted}, as input {self.input.name!r} {self.input.shown} takes it",
            words,
            self._remedy(frames, features),
        )

    def _remedy(self, frames: int, features: int) -> str:
        if self.time is None and self._flat(frames * features):
            return "Values are frames of their own; --layout n,t,f says that your frames hold several."
        return "Pass data of that shape, or export with a batch axis of 1 and a dynamic sequence length."

    def _flat(self, count: int) -> bool:
        return filled([slot.size for slot in self.slots], count) is not None

    def sample(self, sizes: Sequence[int]) -> tuple[int, int]:
        """Frames and features where every slot has these lengths."""
        if self.time is None:
            return math.prod(sizes), 1
        return sizes[self.time], math.prod(n for place, n in enumerate(sizes) if place != self.time)

    def counted(self, lengths: Mapping[int, int]) -> tuple[int, int] | None:
        """Frames and features where the axes of the input have these lengths; None where that cannot be."""
        sizes: list[int] = []
        for axis in dict.fromkeys(slot.axis for slot in self.slots):
            parts = filled([slot.size for slot in self.slots if slot.axis == axis], lengths[axis])
            if parts is None:
                return None
            sizes += parts
        return self.sample(sizes)

    @property
    def wants_lengths(self) -> bool:
        """True where only data says how many frames or features there are."""
        return any(slot.size is None for slot in self.slots)

    def shape(self, frames: int) -> tuple[int, int | None]:
        """A sample that fits: ``frames`` where any number does, None where features are not declared."""
        if self.time is None:
            sizes = [slot.size for slot in self.slots]
            return math.prod(frames if size is None else size for size in sizes), 1
        rest = [slot.size for slot in self.rest]
        features = None if None in rest else math.prod(size for size in rest if size is not None)
        return self.slots[self.time].size or frames, features

    @property
    def wanted(self) -> str:
        """A sample that fits, in words."""
        if self.time is None:
            return f"{_product(self.slots)} values"
        count = self.slots[self.time].size
        many = "any number of" if count is None else str(count)
        if self.input.tokens:
            return f"{many} words"
        return f"{many} frames of {_product(self.rest)} features"


def _product(slots: Sequence[Slot]) -> str:
    sizes = [slot.size for slot in slots]
    return "any number of" if None in sizes else str(math.prod(s for s in sizes if s is not None))


def filled(sizes: Sequence[int | None], count: int) -> list[int] | None:
    """The sizes with at most one unknown filled in, so that their product is ``count``; None where that fails."""
    unknown = [place for place, size in enumerate(sizes) if size is None]
    known = math.prod(size for size in sizes if size is not None)
    if len(unknown) > 1:
        return None
    if not unknown:
        return [int(size or 1) for size in sizes] if known == count else None
    if count % known:
        return None
    return [count // known if size is None else size for size in sizes]


def roles(source: DataInput, traced: Traced, letters: Letters | None) -> Roles:
    """What the axes of ``source`` mean.

    Args:
        letters: how a person reads their data; decides where the graph does not.
    """
    batch = _batch(source, traced)
    axes = [axis for axis in range(len(source.dims)) if axis != batch]
    if traced.time is not None and traced.time.axis in axes:
        slots, time = _split(source, traced, axes)
        return Roles(source, batch, slots, time, traced.by)
    slots = tuple(Slot(axis, source.dims[axis]) for axis in axes)
    wide = [place for place, slot in enumerate(slots) if slot.size != 1]
    named = [place for place in wide if _is_time(source.names[slots[place].axis])]
    if len(named) == 1:
        return Roles(source, batch, slots, named[0], f"its name {source.names[slots[named[0]].axis]!r}")
    if source.tokens:
        return Roles(source, batch, slots, wide[0] if wide else 0 if slots else None, "its words")
    said = [letter for letter in letters or () if letter in ("t", "f")]
    if "t" in said and len(said) == len(wide) > 1:
        return Roles(source, batch, slots, wide[said.index("t")], "--layout")
    free = letters is not None and "t" in "".join(letters)
    if len(wide) < 2:
        return Roles(source, batch, slots, None, "", free)
    return Roles(source, batch, slots, wide[0], "")


def _is_time(name: str) -> bool:
    return name.lower() in _TIME_NAMES or name.lower().startswith(_TIME_STARTS)


def _is_batch(name: str) -> bool:
    return name.lower().startswith("batch") or name.lower() in _BATCH_NAMES


def _batch(source: DataInput, traced: Traced) -> int | None:
    """The axis of the samples: as recurrent nodes see it, else one of length 1 or any, named or first."""
    if traced.batch is not None:
        return traced.batch
    rank = len(source.dims)
    time = None if traced.time is None else traced.time.axis
    taken = {time, *traced.features}
    open_ = [a for a in range(rank) if a not in taken and source.dims[a] in (None, 1)]
    named = [a for a in open_ if _is_batch(source.names[a]) and source.dims[a] is None]
    first = [a for a in open_ if a < 2 and not _is_time(source.names[a])]
    if rank < 2 and not named:
        return None
    if time is None and rank == 2 and not named:
        first = [a for a in first if a == 0]
    return next(iter([*named, *first]), None)


def _split(source: DataInput, traced: Traced, axes: Sequence[int]) -> tuple[tuple[Slot, ...], int]:
    """Slots of a sample, and which of them is time: an axis that a reshape splits has several."""
    part, slots, time = traced.time, [], 0
    assert part is not None
    for axis in axes:
        size = source.dims[axis]
        if axis != part.axis:
            slots.append(Slot(axis, size))
            continue
        above = traced.lengths[axis] // (part.span * part.stride)
        outer = [Slot(axis, above if size is not None else None)] if above > 1 else []
        time = len(slots) + len(outer)
        span = None if size is None and not outer else part.span
        slots += [*outer, Slot(axis, span), *([Slot(axis, part.stride)] if part.stride > 1 else [])]
    return tuple(slots), time
