"""The front door of the library: a network from a file, and what can be certified of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from certrnn.certification import (
    Falsifier,
    Problem,
    Query,
    Tick,
    answer,
    eps_values,
    parse_frames,
    spelled_frames,
)
from certrnn.certification.options import substitution
from certrnn.certification.posing import check_kind, falsifier_of, notes_of, problem_of
from certrnn.certification.rounding import outward
from certrnn.certification.statement import of_words, question_of, source_of
from certrnn.certification.summary import Subject, expected_rows, gathered
from certrnn.certification.words import WordQuery, answer_words
from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for, read_array, read_file
from certrnn.datasets.texts import read_text
from certrnn.errors import InvalidInput, UsageError
from certrnn.examples import resolve
from certrnn.falsification.campaign import AttackQuery, attack_named, left_out, question_of_attack, run_attack
from certrnn.falsification.counterexamples import Counterexamples
from certrnn.falsification.rows import Found
from certrnn.io.onnx import Choices, OnnxModel, read
from certrnn.io.text import TextSource
from certrnn.results.attacks import AttackResults, ReplayResults, ordered
from certrnn.results.certificates import Results
from certrnn.results.question import Question
from certrnn.results.row import Row
from certrnn.results.words import Sentence, Words
from certrnn.threats import FULL, Labels, NormBall, Specification, ThreatModel, Threshold, WordSubstitution

BATCH = 64
"""Samples that are bounded together; an interruption loses at most one batch of one set of frames."""

ORDINARY = torch.inference_mode(False)
"""Questions inside of ``torch.inference_mode()`` are answered outside of it: attacks and ascents need gradients."""

Data = np.ndarray | Sequence[np.ndarray] | Sequences
Clip = tuple[float, float] | None
Frames = str | Sequence[int]


@ORDINARY
def load(
    path: str | os.PathLike[str],
    output: str | None = None,
    layout: str | None = None,
    cut: float | None = None,
    multi_label: bool = False,
    label: int | None = None,
) -> Model:
    """A network from an ONNX file, or ``example:NAME`` for one that ships with certrnn.

    Args:
        output: name of the output that answers, where the file has several.
        layout: the axes of the data's array in order, such as ``n,t,f``; see :class:`certrnn.io.onnx.Choices`.
        cut: of a network with one score, class 1 is what lies above; found in the file where that is possible.
        multi_label: every score of the output is a label of its own, given or not.
        label: of these the only one that is asked; all of them together by default.

    Raises:
        InvalidInput: the file is missing or damaged.
        Unsupported: it holds something that certrnn does not interpret.
    """
    named = os.fspath(path)
    return Model(named, read(resolve(named), Choices(output, layout, cut, multi_label, label)))


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
        asked = (FULL,) if isinstance(threat, WordSubstitution) else eps_values(eps)
        query = Query(asked, spelled_frames(frames), clip, method, attack=attack, budget=budget)
        query = replace(query, threat=threat or NormBall(), specification=specification or Labels())
        return self._answered(self.sequences(x, y), query)

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
        return self._answered(self.sequences(x, y), query)

    def attack(
        self,
        x: Data,
        y: int | Sequence[int] | np.ndarray | None = None,
        attack: str = "pgd",
        eps: float | Sequence[float] | None = None,
        frames: Frames = "all",
        clip: Clip = None,
        target: int | None = None,
    ) -> tuple[AttackResults, Counterexamples]:
        """Look for counterexamples by an attack of :data:`certrnn.attacks.NAMED`, each replayed in onnxruntime.

        Args:
            attack: its name.
            eps: one l-inf distance or several; None for the closest counterexample.
            target: the class that must come out, None for any but the label.

        Others are those of :meth:`certify`, which says what is raised.
        """
        spelled = spelled_frames(frames)
        asked = AttackQuery(
            attack, attack_named(attack, self.network), eps_values(eps), spelled, clip, target
        )
        sequences = self.sequences(x, y)
        found = [one for some in self.stream_attacks(sequences, asked) for one in some]
        return self.attack_results(found, sequences, asked)

    @ORDINARY
    def stream_attacks(self, sequences: Sequences, query: AttackQuery) -> Iterator[list[Found]]:
        """What :meth:`attack` finds, one set of frames and one eps at a time; checked like :meth:`stream`."""
        asked = Query(query.eps, query.frames, query.clip)
        self.check(sequences, asked)
        clip = self._clip(asked)
        for batch in sequences.batches(BATCH):
            network = network_for(self.network, batch.kind)
            graph = network.graph(batch.kind.shape)
            classes = max(graph.outputs, 2)
            if query.target is not None and not 0 <= query.target < classes:
                raise UsageError("reading the target", f"classes lie in 0..{classes - 1}", query.target)
            problem = Problem.of(graph, batch.x, batch.labels, clip, batch.kind.span)
            yield from run_attack(network, self.precision, problem, batch, query)

    def attack_results(
        self, found: Iterable[Found], sequences: Sequences, query: AttackQuery
    ) -> tuple[AttackResults, Counterexamples]:
        """Rows in order, and the counterexamples behind them."""
        kept = list(found)
        notes = [*self._notes(sequences), left_out(sequences.labels or (), query.target)]
        rows = ordered([row for row, _ in kept])
        about = tuple(note for note in notes if note)
        asked = question_of_attack(self.network, self.precision, sequences, query)
        results = AttackResults(self.path, self.sha256, rows, query.name, about, self.network.external, asked)
        clip = self._clip(Query(frames=query.frames, clip=query.clip))
        members = tuple(one for _, one in kept if one is not None)
        return results, Counterexamples(members, clip, query.name, self.sha256)

    @ORDINARY
    def replay(self, path: str) -> ReplayResults:
        """Hold a file that ``certrnn attack --out`` wrote against its regions and onnxruntime.

        Raises:
            InvalidInput: the file is missing, damaged or something else, or does not fit the network.
        """
        found = Counterexamples.read(path)
        rows = tuple(found.replayed(self.network, self.precision))
        other = "the counterexamples were found on a file with another sha256"
        notes = () if found.sha256 == self.sha256 else (f"{other} ({found.sha256[:12]})",)
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
        frames = [self.network.embed(np.asarray(w)[None])[0] for w in words]
        return self._labelled(Sequences.of(frames, y, framewise=self.network.framewise))

    def substitution(self, substitutes: Mapping[tuple[int, int], Any]) -> WordSubstitution:
        """Word substitution as a threat.

        Args:
            substitutes: by sample and position, from 0: vectors (K, D), or the numbers (K,) of words that the network
                looks up. Positions count the words of a text, padding and special tokens apart; words that are not
                listed stay.
        """
        given = {place: np.asarray(some) for place, some in substitutes.items()}
        return substitution(self.network, self.precision, given)

    @ORDINARY
    def read(self, data: str) -> Sequences:
        """Samples of a file, or of ``example:NAME``."""
        found = self._rounded(self._labelled(read_file(self.network, resolve(data))))
        return replace(found, source=source_of(data, len(found)))

    @ORDINARY
    def read_text(self, source: TextSource) -> Sequences:
        """Texts of a file, their words looked up; pass them to :meth:`certify` or :meth:`radius`."""
        found = self._rounded(self._labelled(read_text(self.network, source)))
        return replace(found, source=source_of(source, len(found)))

    def words(
        self, x: Data, y: int | Sequence[int] | np.ndarray | None = None, question: WordQuery | None = None
    ) -> Words:
        """How far each word may fade, or its vector move, while the others stay: which words decide the answer.

        Parameters are those of :meth:`certify`, which says what is raised; ``question`` says how words change.
        """
        asked, sequences = question or WordQuery(), self.sequences(x, y)
        sentences = [one for some in self.stream_words(sequences, asked) for one in some]
        return self.ranked(sentences, sequences, asked)

    @ORDINARY
    def stream_words(
        self, sequences: Sequences, question: WordQuery, tick: Tick = lambda _: None
    ) -> Iterator[list[Sentence]]:
        """What :meth:`words` finds, some texts at a time; checked like :meth:`stream`."""
        self.check(sequences, question.query)
        yield from answer_words(self.network, sequences, question, BATCH, tick)

    def ranked(self, sentences: Iterable[Sentence], sequences: Sequences, question: WordQuery) -> Words:
        """Texts in order, with what a reader of them must know."""
        done = tuple(sorted(sentences, key=lambda sentence: sentence.sample))
        notes = self._notes(sequences, question.query)
        if len(done) < len(sequences):
            notes.append(f"stopped early: {len(done)} of {len(sequences)} texts are finished")
        about = (question.threat_name, question.toward_name, question.query.analysis().name)
        asked = of_words(self.question(sequences, question.query), question.toward_name)
        return Words(self.path, self.sha256, *about, done, tuple(notes), asked)

    @ORDINARY
    def stream(self, sequences: Sequences, query: Query, tick: Tick = lambda _: None) -> Iterator[list[Row]]:
        """Rows as they are decided, one set of frames and one eps at a time.

        Everything is read, and the network checked against onnxruntime, before the first row.
        """
        self.check(sequences, query)
        yield from self.answers(sequences, query, tick)

    @ORDINARY
    def check(self, sequences: Sequences, query: Query) -> None:
        """Read everything, and hold the network against onnxruntime.

        Raises:
            InvalidInput, Unsupported: what :meth:`answers` could not be trusted on.
        """
        query.threat.require(sequences.numbers)
        self.check_kinds(sequences, query)

    def check_kinds(self, sequences: Sequences, query: Query) -> None:
        """What :meth:`check` does, for some of the samples that a question is about."""
        if isinstance(query.specification, Labels):
            sequences.require_classes()
        for kind in sequences.kinds:
            check_kind(self._asked(query), sequences, kind, query, self._clip(query))

    @ORDINARY
    def answers(self, sequences: Sequences, query: Query, tick: Tick = lambda _: None) -> Iterator[list[Row]]:
        """What :meth:`stream` hands out, after a call of :meth:`check`."""
        clip = self._clip(query)
        for batch in sequences.batches(BATCH):
            network = network_for(self._asked(query), batch.kind)
            falsifier: Falsifier | None = falsifier_of(network, self.precision) if query.attack else None
            problem = problem_of(network, batch, query, clip)
            yield from answer(problem, batch.numbers, query, falsifier, tick)

    def count(self, sequences: Sequences, query: Query) -> int:
        """Number of rows that :meth:`stream` will hand out.

        Raises:
            UsageError: frames that some sequence does not have.
        """
        spans = [sequences.kind(position).span for position in range(len(sequences))]
        threats = [len(parse_frames(query.frames, stop, first)) for first, stop in spans]
        return sum(threats) * len(query.eps or (None,))

    def results(self, rows: Iterable[Row], sequences: Sequences, query: Query) -> Results:
        """Rows as results, in order, with what a reader of them must know."""
        expected = expected_rows(sequences, query)
        return gathered(self.subject(sequences, query), query, rows, expected)

    def subject(self, sequences: Sequences, query: Query) -> Subject:
        """What rows of these sequences are about."""
        labelled, asked = sequences.labels is not None, self.question(sequences, query)
        note = "; ".join(self._notes(sequences, query))
        return Subject(self.path, self.sha256, self.network.external, labelled, note, asked)

    def _notes(self, sequences: Sequences, query: Query | None = None) -> list[str]:
        """What was done to the data, and what a reader must know of how the network was read."""
        return notes_of(self.network if query is None else self._asked(query), sequences)

    def question(self, sequences: Sequences, query: Query) -> Question:
        """Everything that the answers depend on, besides the model's own files."""
        return question_of(self._asked(query), self.precision, sequences, query)

    def _clip(self, query: Query) -> Clip:
        """The valid range in the network's own numbers, rounded outward."""
        return outward(query.clip, self.precision)

    def _answered(self, sequences: Sequences, query: Query) -> Results:
        rows = [row for some in self.stream(sequences, query) for row in some]
        return self.results(rows, sequences, query)

    def _labelled(self, sequences: Sequences) -> Sequences:
        """With the labels that are asked."""
        return sequences.of_label(self.network.choices.label)

    def _rounded(self, sequences: Sequences) -> Sequences:
        """In the network's own numbers; vectors of its embedding are its own numbers."""
        return sequences if self.network.input.tokens else sequences.rounded(self.precision)

    def _asked(self, query: Query) -> OnnxModel:
        """The network as the question takes its output: as numbers where a threshold is asked of it."""
        return self.network.as_numbers() if isinstance(query.specification, Threshold) else self.network
