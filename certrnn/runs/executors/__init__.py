"""Who answers the tasks of a run: this process, processes on this machine, or a Dask cluster.

To add an executor, write a class that has the members of :class:`Executor` in a file of its own, name it here, and let
``certrnn.runs.executor_for`` make it from the text of ``--executor``. A task is bytes and so is its answer; an executor
understands neither. It must return a reply for every ticket, a :class:`Failure` where there is no answer, and it may
hand out a task again only after it has failed.
"""

from certrnn.runs.executors.executor import Executor, Failure, Limits, Reply
from certrnn.runs.executors.in_process import InProcess
from certrnn.runs.executors.processes import Processes

__all__ = ["Executor", "Failure", "InProcess", "Limits", "Processes", "Reply"]
