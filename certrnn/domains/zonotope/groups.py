"""Groups of input symbols that lie in less than their cube, and what a linear form of them reaches.

Every disturbed feature has one symbol in [-1, 1], as in a plain box. Where the region says more (a norm bound, a list
of vectors), the symbols of its frames form a group, and a linear form ``g . s`` of the group is bounded by the support
function of the group's set: the dual norm, the largest value at a listed vector, or the largest gains of as many
frames as may change. Each bound is intersected with
the cube's, so that no region is looser than its box, and a reading of the symbols as a cube stays sound.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.domains.rounding import down, gamma, up
from certrnn.domains.zonotope.symbols import Symbols, count, segments
from certrnn.regions import ChoiceConstraint, Constraint, EditsConstraint, NormConstraint


@dataclass(frozen=True, eq=False)
class Support(ABC):
    """The set of symbols of a group; symbols are counted over its frames, one after the other."""

    @abstractmethod
    def reach(
        self, rows: torch.Tensor, generators: torch.Tensor, cube: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Outward rounded smallest and largest value of ``sum_k s_k g_k``, each (B, n).

        Args:
            rows: which m symbols of the group these are.
            generators: (m, B, n).
            cube: (B, n) upper bounds of ``sum_k |g_k|``.
        """


@dataclass(frozen=True, eq=False)
class NormSupport(Support):
    """``|| (s - shift) / weight ||_p <= 1``; ``weight`` (m, B) rounded up, ``shift`` (m, B) up to a share of 4 u."""

    order: int
    weight: torch.Tensor
    shift: torch.Tensor

    @staticmethod
    def of(bound: NormConstraint, middle: torch.Tensor, radius: torch.Tensor) -> NormSupport:
        """The constraint in symbols, ``x = middle + radius * s``; both (B, F * D)."""
        center, reach = bound.center.flatten(1), bound.radius.flatten(1)
        weight = torch.where(reach > 0, up(reach / radius, 2), 0.0)
        return NormSupport(bound.order, weight.T, ((center - middle) / radius).T)

    def reach(
        self, rows: torch.Tensor, generators: torch.Tensor, cube: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shift = self.shift[rows]
        middle = torch.einsum("mb,mbn->bn", shift, generators)
        error = gamma(len(rows) + 8) * cube * shift.abs().amax(0)[:, None]
        dual = up(dual_norm(generators * self.weight[rows][:, :, None], self.order) + error, len(rows) + 12)
        size = middle.abs() + dual
        return down(middle - dual, size, 2), -down(-middle - dual, size, 2)


def dual_norm(generators: torch.Tensor, order: int) -> torch.Tensor:
    """The norm of (m, B, n) over its first axis that is dual to the given order, in floating point: (B, n)."""
    peak = generators.abs().amax(0)
    if order == 1:
        return peak
    # scaled by the largest, so that squares neither vanish nor overflow
    safe = torch.where((peak > 0) & peak.isfinite(), peak, 1.0)
    return (generators / safe).square().sum(0).sqrt() * safe


@dataclass(frozen=True, eq=False)
class ChoiceSupport(Support):
    """``s`` is one of the vectors ``points`` (B, K, m), each known up to a share of 4 u."""

    points: torch.Tensor

    @staticmethod
    def of(bound: ChoiceConstraint, middle: torch.Tensor, radius: torch.Tensor) -> ChoiceSupport:
        """The constraint in symbols, ``x = middle + radius * s``; both (B, D)."""
        return ChoiceSupport((bound.points - middle[:, None]) / radius[:, None])

    def reach(
        self, rows: torch.Tensor, generators: torch.Tensor, cube: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        points = self.points[:, :, rows]
        values = torch.einsum("bkm,mbn->bkn", points, generators)
        error = up(gamma(len(rows) + 8) * cube * points.abs().amax(dim=(1, 2))[:, None], 4)
        return values.amin(dim=1) - error, values.amax(dim=1) + error


@dataclass(frozen=True, eq=False)
class EditsSupport(Support):
    """Few frames leave their centers for a vector of a pool: ``own`` (B, F, D) and ``points`` (B, F, V, D), in symbols,
    each known up to a share of 4 u."""

    bound: EditsConstraint
    own: torch.Tensor
    points: torch.Tensor

    @staticmethod
    def of(bound: EditsConstraint, middle: torch.Tensor, radius: torch.Tensor) -> EditsSupport:
        """The constraint in symbols, ``x = middle + radius * s``; both (B, F * D)."""
        middle, radius = middle.view_as(bound.center), radius.view_as(bound.center)
        points = torch.where(bound.allowed[..., None], bound.pool, bound.center[:, :, None])
        # a frame that cannot move has symbols of radius 0, whose generators are 0
        held = (radius == 0)[:, :, None]
        own = torch.where(held[:, :, 0], 0.0, (bound.center - middle) / radius)
        symbols = torch.where(held, 0.0, (points - middle[:, :, None]) / radius[:, :, None])
        return EditsSupport(bound, own, symbols)

    def reach(
        self, rows: torch.Tensor, generators: torch.Tensor, cube: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The value at the center and the largest gains beside it, see :meth:`.EditsConstraint.gained`.

        The value of frame f at one of its points, none of which is larger than P, errs by at most ``gamma(D + 8) P
        |g_f|_1``, and three of those make up its part of the bound, which no more than 3 F + 8 additions follow.
        """
        _, frames, count, features = self.points.shape
        whole = generators.new_zeros(frames * features, *generators.shape[1:]).index_copy(0, rows, generators)
        whole = whole.view(frames, features, *generators.shape[1:])
        base = torch.einsum("bfd,fdbn->bfn", self.own, whole)
        least, most = base.clone(), base.clone()
        step = max(1, _VALUES // max(1, count * base.shape[0] * base.shape[2]))
        for start in range(0, frames, step):
            part = slice(start, start + step)
            values = torch.einsum("bfvd,fdbn->bfvn", self.points[:, part], whole[part])
            least[:, part] = torch.minimum(least[:, part], values.amin(dim=2))
            most[:, part] = torch.maximum(most[:, part], values.amax(dim=2))
        size = torch.maximum(self.points.abs().amax(dim=(1, 2, 3)), self.own.abs().amax(dim=(1, 2)))
        error = up(4.0 * gamma(features + 3 * frames + 16) * cube * size[:, None], 4)
        middle = base.sum(dim=1)
        low, high = middle - self.bound.gained(base - least), middle + self.bound.gained(most - base)
        return low - error, high + error


_VALUES = 1 << 22
"""Numbers that are compared at once."""


def _support(bound: Constraint, middle: torch.Tensor, radius: torch.Tensor) -> Support:
    if isinstance(bound, NormConstraint):
        return NormSupport.of(bound, middle, radius)
    if isinstance(bound, EditsConstraint):
        return EditsSupport.of(bound, middle, radius)
    return ChoiceSupport.of(bound, middle, radius)


@dataclass(frozen=True)
class Piece:
    """A run of rows; ``sources[i]`` starts it in member i, None where member i lacks it."""

    sources: tuple[int | None, ...]
    rows: int

    def start(self, member: int) -> int:
        """Where it starts in a member that has it."""
        source = self.sources[member]
        assert source is not None
        return source


@dataclass(frozen=True, eq=False)
class GroupPiece:
    """The runs of one group, and which symbols of the group they are."""

    support: Support
    pieces: list[Piece]
    rows: list[torch.Tensor]

    def reach(self, generators: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Bounds (B, n) of the group's part, for its rows (m, B, n): the set's, or the cube's where that is less."""
        cube = up(torch.linalg.vector_norm(generators, ord=1, dim=0), len(generators) + 2)
        low, high = self.support.reach(torch.cat(self.rows), generators, cube)
        return torch.fmax(low, -cube), torch.fmin(high, cube)


@dataclass(frozen=True, eq=False)
class _Placed:
    """A frame whose symbols are ``start .. start + size``: ``x = middle + radius * s``."""

    start: int
    middle: torch.Tensor
    radius: torch.Tensor

    @property
    def size(self) -> int:
        return self.middle.shape[1]


@dataclass(frozen=True, eq=False)
class _Member:
    """A placed frame in its group: symbol k of the frame is symbol ``offset + k`` of the set."""

    symbols: tuple[int, int]
    group: int
    offset: int


@dataclass(eq=False)
class Groups:
    """The groups of one propagation. Symbols of a frame are placed when its input is met; a group whose frames are
    not all placed yet bounds the symbols that there are."""

    constraints: tuple[Constraint, ...] = ()
    _placed: dict[int, _Placed] = field(default_factory=dict)
    _known: tuple[int, list[Support], list[_Member]] = (0, [], [])

    def __bool__(self) -> bool:
        return bool(self.constraints)

    def place(self, frame: int, symbols: Symbols, middle: torch.Tensor, radius: torch.Tensor) -> None:
        """``frame = middle + radius * s`` on new symbols; both (B, D). Of a frame that is read twice, the second
        reading stays a plain box."""
        if any(frame in bound.frames for bound in self.constraints) and frame not in self._placed and symbols:
            self._placed[frame] = _Placed(symbols[0][0], middle, radius)

    def _members(self) -> tuple[list[Support], list[_Member]]:
        """The sets, and the placed frames in ascending order of their symbols."""
        seen, supports, members = self._known
        if seen != len(self._placed):
            supports, members = [], []
            for bound in self.constraints:
                positions = [i for i, t in enumerate(bound.frames) if t in self._placed]
                placed = [self._placed[bound.frames[i]] for i in positions]
                if not placed:
                    continue
                own = bound if len(placed) == len(bound.frames) else _restricted(bound, positions)
                middle, radius = (
                    torch.cat([getattr(p, n) for p in placed], dim=1) for n in ("middle", "radius")
                )
                for i, p in enumerate(placed):
                    members.append(_Member((p.start, p.start + p.size), len(supports), i * p.size))
                supports.append(_support(own, middle, radius))
            members.sort(key=lambda m: m.symbols)
            self._known = len(self._placed), supports, members
        return supports, members

    def cut(self, lists: Sequence[Symbols]) -> tuple[list[Piece], list[GroupPiece]]:
        """The runs of the given lists of symbols that belong to no group, and those of each group."""
        supports, members = self._members()
        plain: list[Piece] = []
        grouped = [GroupPiece(support, [], []) for support in supports]
        ends = np.cumsum([m.symbols[1] - m.symbols[0] for m in members])
        for segment in segments([*lists, tuple(m.symbols for m in members)]):
            *sources, place = segment.sources
            if all(source is None for source in sources):
                continue
            piece = Piece(tuple(sources), segment.stop - segment.start)
            if place is None:
                plain.append(piece)
                continue
            owner = int(np.searchsorted(ends, place, side="right"))
            member = members[owner]
            first = member.offset + place - (int(ends[owner - 1]) if owner else 0)
            grouped[member.group].pieces.append(piece)
            grouped[member.group].rows.append(torch.arange(first, first + piece.rows))
        return plain, [group for group in grouped if group.pieces]

    def reach(self, symbols: Symbols, generators: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outward rounded smallest and largest value of ``sum_k s_k g_k``, each (B, n), for generators (m, B, n) of
        the given symbols."""
        plain, grouped = self.cut([symbols])
        alone = generators.new_zeros(generators.shape[1:])
        for piece in plain:
            start = piece.start(0)
            alone = alone + torch.linalg.vector_norm(generators[start : start + piece.rows], ord=1, dim=0)
        size = up(alone, count(symbols) + len(plain) + 2)
        low, high = -size, size
        for group in grouped:
            below, above = group.reach(torch.cat([generators[p.start(0) :][: p.rows] for p in group.pieces]))
            low, high = low + below, high + above
            size = size + torch.maximum(below.abs(), above.abs())
        terms = len(grouped) + 2
        return down(low, up(size, terms), terms), -down(-high, up(size, terms), terms)


def _restricted(bound: Constraint, positions: list[int]) -> Constraint:
    """The constraint on some of its frames only: what holds of all features together holds of some."""
    if isinstance(bound, EditsConstraint):
        return bound.on(positions)
    assert isinstance(bound, NormConstraint)
    frames = tuple(bound.frames[p] for p in positions)
    return NormConstraint(bound.order, frames, bound.center[:, positions], bound.radius[:, positions])
