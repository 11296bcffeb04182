"""Results as one HTML page that needs nothing but itself: no script, font, picture or style from anywhere else.

Every text of a document is spelled visibly and escaped; a Content Security Policy inside the page forbids whatever a
mistake here could let in: only the page's own script runs (known by its digest), and nothing is ever loaded.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from certrnn.report.escape import visible
from certrnn.report.page import page_of
from certrnn.results.certificates import Results


def html_page(results: Results) -> str:
    """The page of a run, as text that UTF-8 holds."""
    import jinja2
    from markupsafe import Markup

    loader = jinja2.PackageLoader("certrnn.report", "templates")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    own = {name: loader.get_source(environment, f"page.{kind}")[0] for name, kind in _OWN.items()}
    return environment.get_template("page.html").render(
        page=page_of(results),
        policy=_policy(own["script"]),
        grid=environment.get_template("grid.html").module.grid,  # pyright: ignore[reportAttributeAccessIssue]
        **{name: Markup(text) for name, text in own.items()},  # noqa: S704  # our own files
    )


_OWN = {"style": "css", "script": "js"}


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    # styles stand inside the page and in the elements of its pictures; they can load nothing either
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _shown(value: Any) -> Any:
    """Every text that is not our own markup, with its hidden characters spelled."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
