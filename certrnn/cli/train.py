"""``certrnn train``: networks that can be certified, and other defences."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.cli._options import Debug, Json
from certrnn.cli._training import Network, Recipe, Source, with_training
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.training import Epoch, Examples, Settings
    from certrnn.training.sources import Words
    from certrnn.training.synonyms import Synonyms


@with_training
def train(
    out: Annotated[str, typer.Option(metavar="FILE", help="The ONNX file to write.", show_default=False)],
    source: Source,
    network: Network,
    recipe: Recipe,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same command stopped.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a recurrent network, with a defence, and write it as an ONNX file that every command reads.

    Prints loss, clean, attacked and verified accuracy on held-out samples, which are written beside the file. The
    verified accuracy of training is not rounded outward: certify the file to have a proof.
    """
    from certrnn.report.output import Output, print_rich, print_text, write_file
    from certrnn.report.training_table import as_json, show
    from certrnn.training import Run, from_onnx
    from certrnn.training import train as run_training
    from certrnn.training.sources import beside, write_heldout

    Output(json=False, file=out)
    settings, architecture = recipe.settings(source.freeze), network.architecture()
    if network.start is not None and source.text is not None and source.vocab is None:
        raise UsageError("reading --from", "the words of the network are given by --vocab", "no vocabulary")
    start = None if network.start is None else from_onnx(network.start)
    examples, words = _read(source, out)
    table = None if words is None or start is not None else words.vectors(source.width, settings.seed)
    rest, heldout = examples.split(source.heldout, settings.seed)
    for note in (*examples.notes, f"{len(rest)} samples to train on, {len(heldout)} held out"):
        print(note, file=sys.stderr)
    state = beside(out, ".checkpoint.npz")
    around = _synonyms(source, words, settings)
    run = Run(rest, heldout, settings, architecture, start, table, around, state, resume, _tell)
    trained = run_training(run)
    trained.save(out)
    held = write_heldout(out, heldout, words)
    if around is not None:
        write_file(beside(out, ".synonyms.jsonl"), around.lines(heldout).encode("utf-8"))
    if json:
        print_text(as_json(out, settings.document(), trained.history))
        return
    command = _next(out, held, settings, source, around)
    print_rich(lambda console: show(console, trained.history, command))


def _read(source: Source, out: str) -> tuple[Examples, Words | None]:
    """The samples, and of texts their words."""
    from certrnn.training import read_sequences
    from certrnn.training.sources import beside, read_words

    if source.data is not None:
        return read_sequences(source.data, source.frames), None
    vocabulary = beside(out, ".vocab.txt")
    words = read_words(
        source.text or [],
        vocabulary,
        source.vocab,
        source.embeddings,
        source.split,
        source.max_length,
        source.words,
    )
    return words.examples, words


def _synonyms(source: Source, words: Words | None, settings: Settings) -> Synonyms | None:
    """What words may be replaced by."""
    from certrnn.training.synonyms import read_synonyms

    if source.synonyms is None or words is None:
        return None
    if settings.eps:
        raise UsageError(
            "reading --synonyms", "words are replaced whole", f"--eps {settings.eps:g} beside it"
        )
    return read_synonyms(source.synonyms, words.vocabulary)


def _tell(epoch: Epoch) -> None:
    from certrnn.report.training_table import line

    print(line(epoch), file=sys.stderr, flush=True)


def _next(out: str, held: str, settings: Settings, source: Source, around: Synonyms | None) -> str:
    """The command that certifies what was trained."""
    from certrnn.training.sources import beside

    samples = f"--data {held}"
    if source.text is not None:
        split = "" if source.split == "space" else f" --split {source.split}"
        length = "" if source.max_length is None else f" --max-length {source.max_length}"
        vocabulary = source.vocab or beside(out, ".vocab.txt")
        samples = f"--text {held} --vocab {vocabulary}{split}{length}"
    eps = f" --eps {settings.eps:g}" if settings.eps else ""
    eps = eps if around is None else f" --words {beside(out, '.synonyms.jsonl')}"
    clip = "" if settings.clip is None else " --clip {:g} {:g}".format(*settings.clip)
    return f"certify {out} {samples} --frames all{eps}{clip}"
