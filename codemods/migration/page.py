"""What came of a verified migration, as a page: ``migration-report.html``, one file by itself.

The pictures are SVG in the page: no script, no font and no address of anywhere else. Made from the
document that machines get, so that both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
       color: #1c2733; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.said { padding: .6rem 1rem; border-left: 4px solid #c77700; background: #fff7e8; }
.said.proven { border-color: #1f7a3d; background: #edf8f0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde3ea;
         vertical-align: top; }
code, td.name { font-family: ui-monospace, monospace; font-size: .9em; }
code { overflow-wrap: anywhere; } td.name { overflow-wrap: break-word; }
pre { overflow-x: auto; font-size: .85em; background: #f6f8fa; padding: .6rem 1rem; }
@media (max-width: 46rem) {
  table.wide tr { display: block; padding: .5rem 0; border-bottom: 1px solid #dde3ea; }
  table.wide th { display: none; }
  table.wide td { display: inline-block; border: 0; padding: .1rem .8rem .1rem 0; }
  table.wide td.name { display: block; }
  table.wide td[data-of]::before { content: attr(data-of) " "; color: #68778a; }
}
.holds { color: #1f7a3d; } .broken, .back { color: #b3261e; font-weight: 600; }
.unknown { color: #9a6100; } .idle { color: #68778a; }
svg text { font: 12px ui-monospace, monospace; fill: #1c2733; } figure { margin: 1rem 0; }
"""

_CLASSES = {"holds": "holds", "broken": "broken", "not measured": "unknown"}

#: Of a picture, in pixels.
_WIDTH, _NAME, _ROW, _LEGEND = 900, 280, 34, 24

OLD, NEW = "#9aa7b5", "#1f6fb2"


def page(report: Mapping[str, Any]) -> str:
    """The page of a report's document."""
    title = f"Migration {report['id']}: {report['outcome']}"
    proven = " proven" if report["proven"] else ""
    functions = report["functions"]
    parts = [
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}"
        f"</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        f"<p class='said{proven}'>{escape(report['in_words'])}</p>",
        f"<p><code>{escape(report['root'])}</code>, verified with"
        f" <code>{escape(report['command'])}</code></p>",
        *_criteria(report["criteria"]),
        *_picture("Hit rates, before and after", _rates(functions), "%"),
        *_picture("Milliseconds a hit, in pairs", _times(functions), "ms"),
        *_picture("Seconds a run of the command", _runs(report["seconds"]), "s"),
        *_functions(functions),
        *_why(functions, report["criteria"]),
        *_list("Not covered", report["uncovered"]),
        *_list("Notes", report["notes"]),
        *_diff(report["diff"]),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _criteria(criteria: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Criteria</h2><table><tr><th>criterion</th><th>holds</th><th>measured</th></tr>"
    for one in criteria:
        kind = _CLASSES.get(one["holds"], "idle")
        yield (
            f"<tr><td>{escape(one['name'])}</td><td class='{kind}'>{escape(one['holds'])}</td>"
            f"<td>{escape(one['measured'])}</td></tr>"
        )
    yield "</table>"


#: A name, the value before and the value after, as far as there are both.
_Bar = tuple[str, float | None, float | None]


def _rates(functions: Iterable[Mapping[str, Any]]) -> list[_Bar]:
    return [
        (one["function"], 100 * one["before"]["hit_rate"], 100 * one["after"]["hit_rate"])
        for one in functions
        # What went back has no rate after; the table says what it was when it was tried.
        if one["before"] and one["after"] and one["became"] == "migrated"
    ]


def _times(functions: Iterable[Mapping[str, Any]]) -> list[_Bar]:
    speeds = ((one["function"], one["recheck"] and one["recheck"]["speed"]) for one in functions)
    return [(name, 1e3 * one["old"], 1e3 * one["new"]) for name, one in speeds if one]


def _runs(seconds: Mapping[str, float]) -> list[_Bar]:
    return [
        (name, taken, None) if name.startswith("before") else (name, None, taken)
        for name, taken in seconds.items()
    ]


def _picture(title: str, bars: list[_Bar], unit: str) -> Iterator[str]:
    """Up to two bars a name: before in grey, after in blue; a legend says so."""
    if not bars:
        return
    values = [value for _, *both in bars for value in both if value is not None]
    scale = (_WIDTH - _NAME - 110) / (max(values) or 1.0)
    height = _ROW * len(bars) + _LEGEND + 8
    yield f"<h2>{escape(title)}</h2><figure><svg role='img' viewBox='0 0 {_WIDTH} {height}'>"
    yield f"<title>{escape(title)}: grey before, blue after</title>"
    for place, text, colour in ((_NAME, "before", OLD), (_NAME + 90, "after", NEW)):
        yield (
            f"<rect x='{place}' y='4' width='12' height='12' fill='{colour}'/>"
            f"<text x='{place + 18}' y='15'>{text}</text>"
        )
    for number, (name, before, after) in enumerate(bars):
        top = number * _ROW + _LEGEND + 4
        yield f"<text x='{_NAME - 8}' y='{top + 18}' text-anchor='end'>{escape(name[-38:])}</text>"
        places = (top, top + 14) if None not in (before, after) else (top + 7, top + 7)
        for place, value, colour in zip(places, (before, after), (OLD, NEW), strict=True):
            if value is None:
                continue
            width = max(value * scale, 1.0)
            yield (
                f"<rect x='{_NAME}' y='{place}' width='{width:.1f}' height='12' fill='{colour}'/>"
                f"<text x='{_NAME + width + 6:.1f}' y='{place + 11}'>{value:.3g} {unit}</text>"
            )
    yield "</svg></figure>"


def _functions(functions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    names = ("function", "from", "to", "became", "seconds", "predicted", "hit rate", "recheck")
    heads = "".join(f"<th>{name}</th>" for name in names)
    yield f"<h2>Functions</h2><table class='wide'><tr>{heads}</tr>"
    for one in functions:
        predicted = one["predicted_hit_rate"]
        cells = (
            f"@{one['from']}",
            f"@{one['to']}",
            one["became"],
            f"{one['seconds']:.2f}",
            "-" if predicted is None else f"{predicted:.0%}",
            _rates_of(one),
            one["recheck"]["verdict"] if one["recheck"] else "-",
        )
        back = " class='back'" if one["became"] == "rolled back" else ""
        place = _breaking(f"{one['path']}::{one['function']}")
        rest = "".join(
            f"<td data-of='{name}'>{escape(cell)}</td>"
            for name, cell in zip(names[1:], cells, strict=True)
        )
        yield f"<tr{back}><td class='name'>{place}</td>{rest}</tr>"
    yield "</table>"


def _why(
    functions: Iterable[Mapping[str, Any]], criteria: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    for one in functions:
        if one["why"]:
            yield from _list(f"{one['path']}::{one['function']}: {one['became']}", one["why"])
    faults = [
        f"{one['name']}: {fault['what']}"
        for one in criteria
        for fault in one["faults"]
        if not fault["function"]
    ]
    yield from _list("Broken, and whose fault it is could not be told from the recordings", faults)


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    if listed:
        yield f"<h2>{escape(title)}</h2><ul>{listed}</ul>"


def _diff(lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"<h2>What was changed</h2><pre>{escape(chr(10).join(lines))}</pre>"


def _rates_of(function: Mapping[str, Any]) -> str:
    """Before and after; of what went back, before, and what it was when it was tried."""
    before, after = function["before"], function["after"]
    if before is None and after is None:
        return "never called"
    if after is None:
        return _rate(before)
    if function["became"] == "rolled back":
        tried = f" (when tried: {_rate(after)})" if _rate(after) != _rate(before) else ""
        return f"{_rate(before)}{tried}"
    return f"{_rate(before)} -> {_rate(after)}"


def _breaking(name: str) -> str:
    """A name that may go on in the next line after each of its parts, and nowhere else."""
    return re.sub(r"(::|[/._])", r"\1<wbr>", escape(name))


def _rate(calls: Mapping[str, Any] | None) -> str:
    return "not called" if calls is None else f"{calls['hit_rate']:.0%}"
