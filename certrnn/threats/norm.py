"""Balls: each feature, frame or sequence moves by at most eps in a norm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.encode import digest
from certrnn.errors import InvalidInput, UsageError
from certrnn.regions import L1Ball, L2Ball, LinfBall, Region
from certrnn.threats.records import Radii, ThreatRecord
from certrnn.threats.threat_model import Supplied, ThreatModel

NORMS = {"inf": LinfBall, "2": L2Ball, "1": L1Ball}
"""Balls by the name that ``--norm`` takes."""

FEW = 4096
"""Most radii whose values a document holds."""


@dataclass(frozen=True, eq=False)
class NormBall(ThreatModel):
    """A ball around each sample.

    Args:
        order: ``inf``, ``2`` or ``1``.
        joint: one budget for all disturbed frames together instead of one a frame; means nothing for ``inf``.
        radii: units of the features: eps times these is how far each moves at most. (D,) for every frame, (T, D), or
            (N, T, D) a sample; None for 1.

    Raises:
        UsageError: no such norm.
        InvalidInput: radii that are no numbers from 0.
    """

    order: str = "inf"
    joint: bool = False
    radii: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.order not in NORMS:
            raise UsageError("reading --norm", f"the norm is one of {', '.join(NORMS)}", repr(self.order))
        radii = self.radii
        if radii is not None and not (
            radii.ndim in (1, 2, 3) and np.isfinite(radii).all() and (radii >= 0).all() and (radii > 0).any()
        ):
            raise InvalidInput(
                "reading radii",
                "they are (features,), (frames, features) or (samples, frames, features), finite, at least 0 and not "
                "all 0",
                f"shape {radii.shape}",
            )

    @property
    def name(self) -> str:
        joint = " over the sequence" if self.joint and self.order != "inf" else ""
        units = ", a radius each feature" if self.radii is not None else ""
        return f"l-{self.order}{joint}{units}" if self.order == "inf" else f"l{self.order}{joint}{units}"

    def region(
        self,
        numbers: Sequence[int],
        x: torch.Tensor,
        eps: torch.Tensor,
        frames: tuple[int, ...],
        clip: tuple[float, float] | None,
    ) -> Region:
        radii = self._radii(numbers, x)
        if self.order == "inf":
            return LinfBall(x, eps, frames, clip, radii)
        ball = L2Ball if self.order == "2" else L1Ball
        return ball(x, eps, frames, clip, radii, self.joint)

    def placed(self, first: int, places: Mapping[int, Sequence[int]]) -> NormBall:
        """Rows of radii are those of the sample's own frames."""
        if not first or self.radii is None or self.radii.ndim == 1:
            return self
        before = np.zeros((*self.radii.shape[:-2], first, self.radii.shape[-1]))
        return replace(self, radii=np.concatenate([before, self.radii], axis=-2))

    def of(self, number: int) -> NormBall:
        return self if self.radii is None or self.radii.ndim < 3 else replace(self, radii=self.radii[number])

    def covering(self, width: float, frames: int, features: int) -> float:
        count = features * (frames if self.joint else 1)
        sizes = {"inf": 1.0, "2": math.sqrt(count), "1": float(count)}
        smallest = 1.0 if self.radii is None else float(self.radii[self.radii > 0].min())
        return (
            width * sizes[self.order] / smallest * (1.0 + 1e-9) if self.order != "inf" else width / smallest
        )

    def record(self) -> ThreatRecord:
        return ThreatRecord(
            "ball", self.order, self.joint, None if self.radii is None else _recorded(self.radii)
        )

    @classmethod
    def restored(cls, record: ThreatRecord, supplied: Supplied) -> NormBall:
        order, recorded, radii = record.norm or "inf", record.radii, supplied.radii
        if recorded is None:
            return NormBall(order, record.joint)
        if radii is None:
            if not recorded.values:
                raise supplied.missing("--radii", f"{math.prod(recorded.shape)} radii")
            radii = np.array(recorded.values, dtype=np.float64).reshape(recorded.shape)
        supplied.same("the radii", recorded.sha256, _digest(radii))
        return NormBall(order, record.joint, radii)

    def _radii(self, numbers: Sequence[int], x: torch.Tensor) -> torch.Tensor | None:
        if self.radii is None:
            return None
        radii = self.radii
        if radii.ndim == 3:
            if len(numbers) and max(numbers) >= len(radii):
                raise self._unfit(f"a radius for sample {max(numbers)}", x)
            radii = radii[np.asarray(numbers, dtype=np.int64)]
        if radii.shape[-1] != x.shape[2] or (radii.ndim > 1 and radii.shape[-2] < x.shape[1]):
            raise self._unfit(f"a radius for each of {x.shape[1]} frames of {x.shape[2]} features", x)
        fitting = radii if radii.ndim == 1 else radii[..., : x.shape[1], :]
        return torch.tensor(np.broadcast_to(fitting, tuple(x.shape)), dtype=torch.float64, device=x.device)

    def _unfit(self, wanted: str, x: torch.Tensor) -> InvalidInput:
        assert self.radii is not None
        return InvalidInput("reading radii", f"there is {wanted}", f"shape {self.radii.shape}")


def _digest(radii: np.ndarray) -> str:
    return digest(np.ascontiguousarray(radii, dtype=np.float64))


def _recorded(radii: np.ndarray) -> Radii:
    values = tuple(radii.reshape(-1).tolist()) if radii.size <= FEW else ()
    return Radii(radii.shape, _digest(radii), float(radii.min()), float(radii.max()), values)
