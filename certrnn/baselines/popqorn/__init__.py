"""POPQORN, made rigorous: separately fitted upper and lower planes, and backward substitution for every bound.

C.-Y. Ko et al., *POPQORN: Quantifying Robustness of Recurrent Neural Networks* (ICML 2019). The paper chooses two
planes a neuron by the volume between plane and function, and bounds every pre-activation, as well as the scores, by
substituting them backwards to the inputs. There, planes of two arguments come from gradient steps and are checked on
grids; here a plane's slopes are fitted, and its offset is enclosed.
"""

from certrnn.baselines.popqorn.analysis import Popqorn
from certrnn.baselines.popqorn.envelope import Envelope
from certrnn.baselines.popqorn.planes import Fit, PlanePair

__all__ = ["Envelope", "Fit", "PlanePair", "Popqorn"]
