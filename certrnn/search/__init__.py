"""Search: the largest eps that an analysis certifies."""

from certrnn.search.radius import Certify, PaperGrid, RelativeTolerance, Schedule

__all__ = ["Certify", "PaperGrid", "RelativeTolerance", "Schedule"]
