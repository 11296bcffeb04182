"""``certrnn check``: certificates proved again by the independent checker."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from certrnn.cli._options import Data, Debug, Json, Version
from certrnn.errors import InvalidInput


def check(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="Certificates, as certify --certificates wrote.", show_default=False
        ),
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="The ONNX file, or example:NAME.", show_default=False)
    ],
    data: Data,
    json: Json = False,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """Prove every certificate in a folder again, from the model and the data alone.

    The checker shares no code with what certified: see certrnn guide certificates.

    Exit codes: 0 all confirmed, 1 some rejected, 3 no certificates, or a model or data that cannot be read.
    """
    from certrnn.certificates.checker import Refused, check_folder
    from certrnn.examples import resolve
    from certrnn.report.output import print_text

    try:
        outcomes = check_folder(Path(folder), resolve(model), resolve(data))
    except Refused as refusal:
        raise InvalidInput(
            "checking certificates", "they, the model and the data can be read", str(refusal)
        ) from None
    shown = [described(one) for one in outcomes]
    confirmed = sum(one.confirmed for one in outcomes)
    if json:
        document = {"confirmed": confirmed, "rejected": len(outcomes) - confirmed, "certificates": shown}
        print_text(json_module.dumps(document, indent=1, allow_nan=False) + "\n")
    else:
        lines = [one["text"] for one in shown]
        print_text("\n".join([*lines, f"{confirmed} of {len(outcomes)} certificates confirmed", ""]))
    raise typer.Exit(0 if confirmed == len(outcomes) else 1)


def described(outcome: Any) -> dict[str, Any]:
    """An outcome as JSON takes it; ``text`` says it in a line."""
    said = outcome.name
    if outcome.claim is not None and outcome.confirmed:
        claim = outcome.claim
        frames = claim["frames"] if claim["frames"] == "all" else ",".join(map(str, claim["frames"]))
        where = f"sample {claim['sample']}, frames {frames}, eps {claim['threat']['eps']}"
        said = f"{where}: {_property(claim['property'])}"
    verdict = "confirmed" if outcome.confirmed else "rejected"
    return {
        "file": outcome.name,
        "verdict": verdict,
        "reason": outcome.reason,
        "margin": outcome.margin,
        "claim": outcome.claim,
        "text": f"{verdict}  {said}" + (f": {outcome.reason}" if outcome.reason else ""),
    }


def _property(condition: dict[str, Any]) -> str:
    match condition["kind"]:
        case "label":
            return f"label {condition['label']}"
        case "accept":
            return f"one of {', '.join(map(str, condition['classes']))}"
        case _:
            low, high = (condition[end] for end in ("low", "high"))
            ends = [f"above {low}"] * (low is not None) + [f"below {high}"] * (high is not None)
            return f"output {' and '.join(ends)}"
