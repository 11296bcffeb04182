"""Runs: a job cut into tasks, answered here, in processes or on a cluster, and kept in a folder that survives crashes.

``job`` says what a question is (:class:`certrnn.runs.job.Job`, one class a command), ``plan`` cuts it into tasks,
``loop`` is the one loop that answers them, ``executors`` are who answers, ``store`` is what keeps the rows.
"""
