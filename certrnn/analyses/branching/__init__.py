"""Branch and bound: a region is cut into leaves until every leaf is proved, or time or memory is spent."""

from certrnn.analyses.branching.analysis import BranchAndBound
from certrnn.analyses.branching.best_first import Leaf, Limits, Tree, grow

__all__ = ["BranchAndBound", "Leaf", "Limits", "Tree", "grow"]
