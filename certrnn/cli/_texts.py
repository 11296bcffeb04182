"""The options of texts, added to every command that reads samples."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from certrnn.errors import UsageError


def _option(metavar: str, text: str) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False)


OPTIONS: dict[str, Any] = {
    "text": Annotated[
        str | None,
        _option("FILE", "Texts instead of --data: txt (one a line), csv, json or jsonl (text, label)."),
    ],
    "vocab": Annotated[
        str | None, _option("FILE", "The network's words: one a line, or in JSON (also Keras' Tokenizer).")
    ],
    "tokenizer": Annotated[str | None, _option("FILE", "A Hugging Face tokenizer.json (extra: text).")],
    "embeddings": Annotated[
        str | None, _option("FILE", "Word vectors of a network that takes vectors: GloVe's format, or npz.")
    ],
    "max_length": Annotated[int | None, _option("N", "Keep at most so many words of a text.")],
    "split": Annotated[
        str | None,
        _option("HOW", "space (the default), words (punctuation apart), keras (none of it) or chars."),
    ],
    "unknown": Annotated[
        str | None, _option("WORD", "What unknown words are read as, or drop; else <unk> and the like.")
    ],
    "pad": Annotated[
        str | None, _option("SIDE", "Where short texts are filled up: right (default) or left.")
    ],
    "truncate": Annotated[
        str | None,
        _option("SIDE", "Where long texts are cut off: right or left; else where short ones are filled."),
    ],
}
"""Option by option, in the order of the help."""


def with_texts(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of texts after ``--data``, which need not be given with ``--text``.

    A command that was given ``replay`` or ``like`` needs no samples. The command's ``data`` then is a path or a
    :class:`certrnn.io.text.TextSource`; ``read_data`` takes either.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(**options: Any) -> None:
        texts = {name: options.pop(name) for name in OPTIONS}
        if (
            options["data"] is not None
            or texts["text"] is not None
            or not (options.get("replay") or options.get("like"))
        ):
            options["data"] = _source(options["data"], texts)
        command(**options)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        kind, annotation = inspect.Parameter.KEYWORD_ONLY, hints[name]
        if name == "data":
            option: Any = annotation.__metadata__[0]
            parameters.append(
                inspect.Parameter(name, kind, default=None, annotation=Annotated[str | None, option])
            )
            parameters += [inspect.Parameter(n, kind, default=None, annotation=a) for n, a in OPTIONS.items()]
        else:
            parameters.append(parameter.replace(kind=kind, annotation=annotation))
    shown: Any = run
    shown.__signature__ = own.replace(parameters=parameters)
    shown.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return run


def _source(data: str | None, texts: dict[str, Any]) -> Any:
    """What the samples are read from."""
    named = [name for name, value in texts.items() if value is not None]
    if texts["text"] is None:
        if named:
            option = named[0].replace("_", "-")
            raise UsageError(f"reading --{option}", "it belongs to --text", "no texts")
        if data is None:
            raise UsageError("reading the command line", "samples are given by --data or --text", "neither")
        return data
    if data is not None:
        raise UsageError("reading --text", "samples come from one file", "--data beside it")
    from certrnn.io.text import TextSource

    return TextSource(**{name: value for name, value in texts.items() if value is not None})
