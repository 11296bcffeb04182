"""A network trained to expand is one on which ``certrnn conditions`` proves Theorem 1 over the certified tube."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import certrnn
from certrnn.training import Architecture, Examples, Run, Settings, Trained, train


def trained(settings: Settings) -> Trained:
    x = 0.2 * np.random.default_rng(0).standard_normal((60, 3, 3)).astype(np.float32)
    examples, heldout = Examples.of(x, (x.sum((1, 2)) > 0).astype(np.int64)).split(0.2, 0)
    return train(Run(examples, heldout, settings, Architecture("rnn", 3)))


def verdicts(found: Trained, folder: Path) -> set[str]:
    """What is said of Theorem 1 over the tube of a few samples."""
    found.save(folder / "network.onnx")
    model = certrnn.load(folder / "network.onnx")
    samples = model.sequences(0.1 * np.random.default_rng(1).standard_normal((3, 3, 3)))
    rows = model.ask(samples, certrnn.ConditionsQuery((1e-4,))).rows
    findings = [one for row in rows for report in row.reports for one in report.findings]
    return {one.verdict for one in findings if (one.condition, one.over) == ("Theorem 1", "tube")}


def test_theorem_1_holds_over_the_tube_of_a_network_trained_to_expand(tmp_path: Path) -> None:
    settings = Settings("contract", epochs=60, rate=0.03, weight=10.0, gamma=0.2, converse=True)
    assert verdicts(trained(settings), tmp_path) == {"holds"}


def test_it_fails_on_one_trained_to_contract(tmp_path: Path) -> None:
    settings = Settings("contract", epochs=60, rate=0.03, weight=10.0, gamma=0.2)
    assert verdicts(trained(settings), tmp_path) == {"fails"}
    assert verdicts(trained(replace(settings, defence="none")), tmp_path) == {"fails"}
