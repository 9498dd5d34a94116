"""The page: one HTML file with all that it needs in it, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from afml_cache.dashboard.plots import Plot, plots_of
from afml_cache.dashboard.shown import Shown
from afml_cache.dashboard.tables import parts_of
from afml_cache.errors import ReportError

_ASSETS = Path(__file__).parent / "assets"

#: What plotly needs: it makes style elements, and images of its own.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'"
)


def document_of(shown: Shown) -> dict[str, Any]:
    """What changes with the numbers: the plots, and the parts of the page as HTML."""
    plots = plots_of(shown)
    return {
        "plots": {name: None if one is None else asdict(one) for name, one in plots.items()},
        "parts": parts_of(shown),
    }


def page_of(shown: Shown, written: datetime, *, live: bool = False) -> str:
    """The whole page.

    Parameters
    ----------
    shown : Shown
    written : datetime
        When the cache was looked at, UTC.
    live : bool
        Whether the page asks its server for newer numbers.

    Raises
    ------
    ReportError
        plotly is not installed.
    """
    library = plotly_js()
    document = document_of(shown)
    plots: Mapping[str, Mapping[str, Any] | None] = document["plots"]
    program = _asset("page.js")
    fields = {
        "policy": policy(live=live),
        "style": _asset("page.css"),
        "written": f"{written:%Y-%m-%d %H:%M} UTC",
        "live": "live" if live else "still",
        "document": in_script({"plots": plots}),
        "library": library,
        "program": program,
        **{f"part_{name.replace('-', '_')}": html for name, html in document["parts"].items()},
        **{f"plot_{name}": _place_of(name, plot) for name, plot in plots.items()},
        **{f"hidden_{name}": " hidden" if plot is None else "" for name, plot in plots.items()},
    }
    return Template(_asset("page.html")).substitute(fields)


def policy(*, live: bool) -> str:
    """The Content-Security-Policy: our two scripts, by their hashes, and nothing from elsewhere."""
    scripts = " ".join(f"'sha256-{_hash(text)}'" for text in (plotly_js(), _asset("page.js")))
    return _POLICY.format(scripts=scripts, connect="'self'" if live else "'none'")


@cache
def plotly_js() -> str:
    """The JavaScript of plotly; raises `ReportError` where plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ReportError(
            "the dashboard needs plotly, which is not installed: pip install "
            "'afml-cache[dashboard]'. `afml-cache report` shows the numbers without it"
        ) from error
    # Nothing in it may end the script element early.
    text: str = get_plotlyjs()
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r\n", "\n")


def in_script(value: object) -> str:
    """JSON that cannot end the script element that it is in."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _place_of(name: str, plot: Mapping[str, Any] | None) -> str:
    """The empty place of a plot; hidden where there is nothing to draw."""
    from html import escape

    words = "" if plot is None else escape(plot["words"])
    hidden = " hidden" if plot is None else ""
    height = 0 if plot is None else plot["height"]
    return (
        f'<div class="plot" id="plot-{name}" role="img" aria-label="{words}" '
        f'style="height:{height}px"{hidden}></div>'
        f'<p class="nothing"{"" if plot is None else " hidden"}>Nothing to show yet.</p>'
    )


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


@cache
def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


__all__ = ["Plot", "document_of", "in_script", "page_of", "plotly_js", "policy"]
