"""The front door of the library: a network from a file, and what can be certified of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnxruntime
import torch

from certrnn.certification import Query, eps_values, spelled_frames
from certrnn.certification.comparing import CompareJob, CompareQuery
from certrnn.certification.conditions import ConditionsJob, ConditionsQuery
from certrnn.certification.job import CertifyJob
from certrnn.certification.options import substitution
from certrnn.certification.statement import source_of
from certrnn.certification.words import WordQuery, WordsJob
from certrnn.datasets import Sequences
from certrnn.datasets.files import marked, read_array, read_file
from certrnn.datasets.texts import read_text
from certrnn.errors import InvalidInput, UsageError
from certrnn.examples import resolve
from certrnn.falsification.counterexamples import Counterexamples
from certrnn.falsification.job import AttackJob
from certrnn.falsification.query import AttackQuery, usual
from certrnn.io.in_memory import file_of
from certrnn.io.onnx import Choices, OnnxModel, read
from certrnn.io.onnx.fixed import Given, parse_fixed
from certrnn.io.text import TextSource
from certrnn.results.attacks import AttackResults, ReplayResults
from certrnn.results.certificates import Results
from certrnn.results.words import Words
from certrnn.runs import loop
from certrnn.runs.job import Job, Tick, silent
from certrnn.runs.settings import Settings
from certrnn.threats import FULL, Accept, Labels, NormBall, Specification, ThreatModel, WordSubstitution

ORDINARY = torch.inference_mode(False)
"""Questions inside of ``torch.inference_mode()`` are answered outside of it: attacks and ascents need gradients."""

Data = np.ndarray | Sequence[np.ndarray] | Sequences
Clip = tuple[float, float] | None
Frames = str | Sequence[int]
JOBS: dict[type, type[Job[Any, Any, Any]]] = {
    Query: CertifyJob,
    AttackQuery: AttackJob,
    WordQuery: WordsJob,
    ConditionsQuery: ConditionsJob,
    CompareQuery: CompareJob,
}
"""What answers a query, by its type."""


@ORDINARY
def load(
    network: Any,
    example: Any = None,
    output: str | None = None,
    layout: str | None = None,
    cut: float | None = None,
    multi_label: bool = False,
    label: int | None = None,
    fix: Given | None = None,
) -> Model:
    """A network from an ONNX file, ``example:NAME`` for one that ships with certrnn, or one that is no file.

    Args:
        network: a file's name; or a torch module, which is exported with settings that work and held against what it
            computes; or an ``onnx.ModelProto``, or its bytes. What is certified of these is a temporary file of it.
        example: of a torch module an input (batch, ...), or a tuple of its inputs.
        output: name of the output that answers, where the file has several.
        layout: the axes of the data's array in order, such as ``n,t,f``; see :class:`certrnn.io.onnx.Choices`.
        cut: of a network with one score, class 1 is what lies above; found in the file where that is possible.
        multi_label: every score of the output is a label of its own, given or not.
        label: of these the only one that is asked; all of them together by default.
        fix: numbers of inputs that are no data, such as initial states, by name: ``zeros``, ``ones``, a number, an
            array, or the name of an npy or npz file; the same for every sample.

    Raises:
        UsageError: an option makes no sense.
        InvalidInput: the file is missing or damaged.
        Unsupported: it holds something that certrnn does not interpret, or torch cannot export the module.

    >>> from torch import nn, zeros
    >>> module = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    >>> load(module, zeros(1, 2, 3)).certify(np.ones((2, 3)), eps=1e-9)[0].verdict
    'certified'
    """
    onnxruntime.disable_telemetry_events()
    named = os.fspath(network if isinstance(network, str | os.PathLike) else file_of(network, example))
    choices = Choices(output, layout, cut, multi_label, label, fix=parse_fixed(fix or ()))
    return Model(named, read(resolve(named), choices))


@dataclass(frozen=True, eq=False)
class Model:
    """A network, checked against onnxruntime before anything is certified.

    Args:
        path: as the user named it.
        network: what was read from the file.
    """

    path: str
    network: OnnxModel

    @property
    def sha256(self) -> str:
        """Digest of the model file: certificates are about the weights in it."""
        return self.network.sha256

    @property
    def precision(self) -> type[np.floating[Any]]:
        """The number type that the network reads; word vectors count as float32."""
        return self.network.input.precision

    def certify(
        self,
        x: Data,
        y: int | Sequence[int] | np.ndarray | None = None,
        eps: float | Sequence[float] = 0.01,
        frames: Frames = "each",
        clip: Clip = None,
        method: str = "auto",
        attack: bool = True,
        budget: float | None = None,
        threat: ThreatModel | None = None,
        specification: Specification | None = None,
    ) -> Results:
        """Decide whether the answers may change within ``eps``.

        Args:
            x: one sequence (T, D), a stack (N, T, D), or a list of sequences of different lengths; of a network with an
                embedding integer words (T,), (N, T) or a list of (T,), whose vectors are disturbed. Or what
                :meth:`read` or :meth:`read_text` returned, labels included.
            y: the labels; without, the answers themselves must not change.
            eps: one distance or several, in the units of the input; of word substitution it is 1 whatever is given.
            frames: ``each`` (one row a frame), ``all`` (together), or frames that are disturbed together.
            clip: valid range of inputs.
            method: ``auto``, or the name of an analysis.
            attack: also look for counterexamples.
            budget: seconds for a row.
            threat: what may change: :class:`certrnn.NormBall` (l-inf, l2 or l1, one a frame or jointly, radii of
                features), or what :meth:`substitution` returns; the l-inf ball by default.
            specification: what must hold: :class:`certrnn.Accept` (any of some labels, or never one of them) or
                :class:`certrnn.Threshold`; that the label stays the answer by default.

        Raises:
            UsageError: an option makes no sense.
            InvalidInput: the data does not fit the network.
            Unsupported: the network is not interpreted, or disagrees with onnxruntime.
        """
        distances = (FULL,) if threat is not None and threat.discrete else eps_values(eps)
        query = Query(distances, spelled_frames(frames), clip, method, attack=attack, budget=budget)
        query = replace(query, threat=threat or NormBall(), specification=specification or Labels())
        return self.ask(self.sequences(x, y), query)

    def radius(
        self,
        x: Data,
        y: int | Sequence[int] | np.ndarray | None = None,
        frames: Frames = "each",
        clip: Clip = None,
        method: str = "auto",
        rel_tol: float | None = None,
        attack: bool = True,
        budget: float | None = None,
        threat: ThreatModel | None = None,
        specification: Specification | None = None,
    ) -> Results:
        """The largest certified eps of every sample (Cert-RNN's Algorithm 1), and the smallest one attacked.

        Parameters are those of :meth:`certify`; ``rel_tol`` searches to that relative tolerance instead of the paper's
        grid, from 2.4e-4 to just below 1.
        """
        schedule = Query.search(rel_tol)
        query = Query(
            None, spelled_frames(frames), clip, method, schedule, attack, budget, threat or NormBall()
        )
        query = replace(query, specification=specification or Labels())
        return self.ask(self.sequences(x, y), query)

    def attack(
        self,
        x: Data,
        y: int | Sequence[int] | np.ndarray | None = None,
        attack: str | None = None,
        eps: float | Sequence[float] | None = None,
        frames: Frames = "all",
        clip: Clip = None,
        target: int | None = None,
        budget: float | None = None,
        threat: ThreatModel | None = None,
        specification: Specification | None = None,
    ) -> tuple[AttackResults, Counterexamples]:
        """Look for counterexamples by an attack of :data:`certrnn.attacks.NAMED`, each replayed in onnxruntime.

        Args:
            attack: its name; ``pgd`` by default, of listed words ``substitution``.
            eps: one distance or several; None for the closest counterexample.
            target: the class that must come out, None for any that breaks what must hold; short for
                ``specification=Accept((target,), never=True)``.

        Others are those of :meth:`certify`, which says what is raised.
        """
        distances = (FULL,) if threat is not None and threat.discrete else eps_values(eps)
        query = Query(distances, spelled_frames(frames), clip, budget=budget, threat=threat or NormBall())
        query = replace(query, specification=targeted(target, specification))
        results = self.ask(self.sequences(x, y), AttackQuery(attack or usual(query), query))
        return results, Counterexamples.of(results)

    @ORDINARY
    def replay(self, path: str) -> ReplayResults:
        """Hold a file that ``certrnn attack --out`` wrote against its regions and onnxruntime.

        Raises:
            InvalidInput: the file is missing, damaged or something else, or does not fit the network.
        """
        counterexamples = Counterexamples.read(path)
        rows = tuple(counterexamples.replayed(self.network, self.precision))
        other = "the counterexamples were found on a file with another sha256"
        notes = () if counterexamples.sha256 == self.sha256 else (f"{other} ({counterexamples.sha256[:12]})",)
        return ReplayResults(self.path, self.sha256, path, rows, notes)

    @ORDINARY
    def sequences(self, x: Data, y: int | Sequence[int] | np.ndarray | None = None) -> Sequences:
        """Data as the network takes it: checked, rounded to its input's number type, words looked up."""
        if isinstance(x, Sequences):
            if y is not None:
                raise InvalidInput("reading labels", "sequences that were read carry their own", "others")
            return x
        if isinstance(x, np.ndarray):
            x = read_array(self.network, x)
        if not self.network.input.tokens:
            return self._labelled(Sequences.of(x, y, framewise=self.network.framewise)).rounded(
                self.precision
            )
        words = x if isinstance(x, list | tuple) else list(np.atleast_2d(x))
        words = [np.asarray(w) for w in words]
        frames = [self.network.embed(w[None])[0] for w in words]
        samples = Sequences.of(frames, y, framewise=self.network.framewise)
        return self._labelled(marked(self.network, samples, words))

    def substitution(self, substitutes: Mapping[tuple[int, int], Any]) -> WordSubstitution:
        """Word substitution as a threat.

        Args:
            substitutes: by sample and position, from 0: vectors (K, D), or the numbers (K,) of words that the network
                looks up. Positions count the words of a text, padding and special tokens apart; words that are not
                listed stay.
        """
        arrays = {place: np.asarray(some) for place, some in substitutes.items()}
        return substitution(self.network, self.precision, arrays)

    @ORDINARY
    def read(self, data: str) -> Sequences:
        """Samples of a file, or of ``example:NAME``."""
        sequences = self._rounded(self._labelled(read_file(self.network, resolve(data))))
        return replace(sequences, source=source_of(data, len(sequences)))

    @ORDINARY
    def read_text(self, source: TextSource) -> Sequences:
        """Texts of a file, their words looked up; pass them to :meth:`certify` or :meth:`radius`."""
        sequences = self._rounded(self._labelled(read_text(self.network, source)))
        return replace(sequences, source=source_of(source, len(sequences)))

    def words(
        self, x: Data, y: int | Sequence[int] | np.ndarray | None = None, question: WordQuery | None = None
    ) -> Words:
        """How far each word may fade, or its vector move, while the others stay: which words decide the answer.

        Parameters are those of :meth:`certify`, which says what is raised; ``question`` says how words change.
        """
        return self.ask(self.sequences(x, y), question or WordQuery())

    def job(self, sequences: Sequences, query: Any) -> Job[Any, Any, Any]:
        """A question put to samples: what a run carries out.

        Args:
            query: a :class:`certrnn.Query`, :class:`certrnn.AttackQuery`, :class:`certrnn.WordQuery`,
                :class:`certrnn.ConditionsQuery` or :class:`certrnn.CompareQuery`.
        """
        return JOBS[type(query)](self.path, self.network, sequences, query)

    def ask(self, sequences: Sequences, query: Any) -> Any:
        """The results of a question of any kind: see :meth:`job`.

        >>> model = load("example:digits_rnn")
        >>> model.ask(model.read("example:digits").take([0]), ConditionsQuery((0.001,), "6")).rows[0].reports[0].kind
        'RNN'
        """
        rows = [row for some in self.stream(sequences, query) for row in some]
        return self.job(sequences, query).collect(rows)

    @ORDINARY
    def stream(self, sequences: Sequences, query: Any, tick: Tick = silent) -> Iterator[list[Any]]:
        """Rows as they are decided, some samples, one set of frames and one eps at a time.

        Everything is read, and the network checked against onnxruntime, before the first row.
        """
        yield from loop.answer_here(self.job(sequences, query), tick)

    @ORDINARY
    def run(
        self,
        sequences: Sequences,
        query: Any,
        folder: str | os.PathLike[str],
        settings: Settings | None = None,
    ) -> Any:
        """Answer a question in a run folder, or go on where the same question's run stopped.

        >>> import tempfile
        >>> model = load("example:digits_rnn")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = model.run(model.read("example:digits").take([0]), Query((0.001,), "all"), folder + "/run")
        >>> found[0].verdict
        'certified'
        """
        return loop.run(self.job(sequences, query), folder, settings)

    def _labelled(self, sequences: Sequences) -> Sequences:
        """With the labels that are asked."""
        return sequences.of_label(self.network.choices.label)

    def _rounded(self, sequences: Sequences) -> Sequences:
        """In the network's own numbers; vectors of its embedding are its own numbers."""
        return sequences if self.network.input.tokens else sequences.rounded(self.precision)


def targeted(target: int | None, specification: Specification | None) -> Specification:
    """What must hold where a target may be wanted.

    Raises:
        UsageError: both are given.
    """
    if target is None:
        return specification or Labels()
    if specification is not None:
        raise UsageError(
            "attacking", "a target is a specification of its own", specification.name or "the label"
        )
    return Accept((target,), never=True)
