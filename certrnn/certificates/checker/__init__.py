"""The independent checker: re-proves certificates from the ONNX file and the data alone.

It imports numpy and onnx, and nothing of certrnn outside this folder. In order of reading: :mod:`.claim` (what is
claimed), :mod:`.program`, :mod:`.onnx_file` and :mod:`.recurrent` (what the file computes), :mod:`.arithmetic` (how
numbers are rounded), :mod:`.residuals` (the one bound on functions), :mod:`.forward` (through the network) and
:mod:`.check` (all of it together).
"""

from certrnn.certificates.checker.check import Checker, Outcome, check_folder
from certrnn.certificates.checker.program import Refused

__all__ = ["Checker", "Outcome", "Refused", "check_folder"]
