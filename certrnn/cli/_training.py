"""The options of ``certrnn train`` in groups: the network, its samples, and the recipe."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from certrnn.cli._options import Clip
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.training import Architecture, Settings


def _shown(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=text)


def _option(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False)


@dataclass(frozen=True)
class Network:
    """Which network is trained."""

    cell: Annotated[str, _shown("NAME", "rnn, lstm or gru.")] = "lstm"
    hidden: Annotated[int, _shown("N", "Units of a layer.")] = 32
    layers: Annotated[int, _shown("N", "Recurrent layers.")] = 1
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="Both directions of time.")] = False
    start: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="Go on from an exported network instead.")
    ] = None

    def architecture(self) -> Architecture:
        """Of a new network."""
        from certrnn.training import Architecture

        return Architecture(self.cell, self.hidden, self.layers, self.bidirectional)


@dataclass(frozen=True)
class Source:
    """What is trained on."""

    data: Annotated[str | None, _option("FILE", "Labelled sequences, as certify reads them.")] = None
    text: Annotated[
        list[str] | None,
        _option("FILE", "Labelled texts instead; may be repeated: without labels, a file is a class."),
    ] = None
    heldout: Annotated[float, _shown("SHARE", "Of the samples, to report on.")] = 0.1
    frames: Annotated[int | None, _option("N", "Cut each sample's values into so many frames.")] = None
    vocab: Annotated[str | None, _option("FILE", "Words by number; else those of the texts are taken.")] = (
        None
    )
    embeddings: Annotated[str | None, _option("FILE", "Word vectors: GloVe's format, or npz; frozen.")] = None
    synonyms: Annotated[
        str | None,
        _option("FILE", "Train for any number of words replaced by these, in JSON; instead of --eps."),
    ] = None
    vectors: Annotated[str | None, _option("HOW", "Word vectors are frozen or trained.")] = None
    width: Annotated[int, _shown("N", "Features of word vectors drawn here.")] = 50
    words: Annotated[int, _shown("N", "Entries of a vocabulary made here.")] = 10_000
    split: Annotated[str, _shown("HOW", "Texts: space, words or keras.")] = "space"
    max_length: Annotated[int | None, _option("N", "Keep at most so many words of a text.")] = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.text is None):
            requirement = "samples are given by --data or by --text"
            raise UsageError("reading the command line", requirement, "both or neither")
        if self.vectors not in (None, "frozen", "trained"):
            raise UsageError("reading --vectors", "it is frozen or trained", repr(self.vectors))
        if self.synonyms is not None and self.text is None:
            raise UsageError("reading --synonyms", "it belongs to --text", "--data")
        if self.width < 1:
            raise UsageError("reading --width", "at least one feature", self.width)

    @property
    def freeze(self) -> bool:
        """Whether word vectors stay as they are."""
        return self.vectors == "frozen" or (self.vectors is None and self.embeddings is not None)


@dataclass(frozen=True)
class Recipe:
    """How it is trained; see :class:`certrnn.training.Settings`."""

    defence: Annotated[
        str,
        _shown("NAME", "none, fgsm-at, pgd-at, ibp-vt, cert-rnn-vt, crown-ibp, sabr, distill or contract."),
    ] = "none"
    eps: Annotated[float, _shown("E", "l-inf radius that is trained for.")] = 0.0
    epochs: Annotated[int, _shown("N", "Passes over the samples.")] = 20
    warmup: Annotated[float, _shown("N", "Epochs before eps grows.")] = 1.0
    ramp: Annotated[float, _shown("N", "Epochs over which eps grows.")] = 10.0
    kappa: Annotated[float | None, _option("K", "Share of the plain loss in a verified one, at the end.")] = (
        None
    )
    memory: Annotated[int, _shown("N", "Steps that zonotopes remember.")] = 1
    temperature: Annotated[float, _shown("T", "Of --defence distill.")] = 20.0
    gamma: Annotated[float, _shown("G", "Of --defence contract: how far below 0.")] = 0.1
    measure: Annotated[str, _shown("NAME", "Of --defence contract: the norm, inf, 1 or 2.")] = "inf"
    converse: Annotated[bool, typer.Option("--converse", help="With contract: ask for growth.")] = False
    weight: Annotated[float, _shown("W", "Of the penalty of --defence contract.")] = 1.0
    batch: Annotated[int, _shown("N", "Samples of a step.")] = 32
    rate: Annotated[float, _shown("R", "Learning rate at the start.")] = 2e-3
    seed: Annotated[int, _shown("N", "Of everything that is drawn.")] = 0
    clip: Clip = None

    def settings(self, freeze: bool) -> Settings:
        """The run that they make."""
        from certrnn.training import Settings

        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Settings(norm=values.pop("measure"), freeze=freeze, **values)


GROUPS: dict[str, type[Any]] = {"network": Network, "source": Source, "recipe": Recipe}


def with_training(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of each group in place of its parameter of that name."""
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(**options: Any) -> None:
        made = {
            name: group(**{f.name: options.pop(f.name) for f in fields(group)})
            for name, group in GROUPS.items()
        }
        command(**made, **options)

    parameters: list[inspect.Parameter] = []
    kind = inspect.Parameter.KEYWORD_ONLY
    for name, parameter in own.parameters.items():
        if name in GROUPS:
            types = get_type_hints(GROUPS[name], include_extras=True)
            parameters += [
                inspect.Parameter(f.name, kind, default=f.default, annotation=types[f.name])
                for f in fields(GROUPS[name])
            ]
        else:
            parameters.append(parameter.replace(kind=kind, annotation=hints[name]))
    shown: Any = run
    shown.__signature__ = own.replace(parameters=parameters)
    shown.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return run
