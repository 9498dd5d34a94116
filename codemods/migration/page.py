"""What came of a verified migration, as a page: ``migration-report.html``, one file by itself.

The pictures are SVG in the page: no script, no font and no address of anywhere else. Made from the
document that machines get, so that both say the same.
"""

from __future__ import annotations

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
code, td.name { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.holds { color: #1f7a3d; } .broken, .back { color: #b3261e; font-weight: 600; }
.unknown { color: #9a6100; } .idle { color: #68778a; }
svg text { font: 12px ui-monospace, monospace; fill: #1c2733; } figure { margin: 1rem 0; }
"""

_CLASSES = {"holds": "holds", "broken": "broken", "not measured": "unknown"}

#: Of a picture, in pixels.
_WIDTH, _NAME, _ROW = 900, 280, 34

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
        *_functions(functions),
        *_why(functions, report["criteria"]),
        *_list("Not covered", report["uncovered"]),
        *_list("Notes", report["notes"]),
        *_list("Runs", (f"{name}: {taken:.1f} s" for name, taken in report["seconds"].items())),
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


#: A name, the value before and the value after.
_Bar = tuple[str, float, float]


def _rates(functions: Iterable[Mapping[str, Any]]) -> list[_Bar]:
    return [
        (one["function"], 100 * one["before"]["hit_rate"], 100 * one["after"]["hit_rate"])
        for one in functions
        if one["before"] and one["after"]
    ]


def _times(functions: Iterable[Mapping[str, Any]]) -> list[_Bar]:
    speeds = ((one["function"], one["recheck"] and one["recheck"]["speed"]) for one in functions)
    return [(name, 1e3 * one["old"], 1e3 * one["new"]) for name, one in speeds if one]


def _picture(title: str, bars: list[_Bar], unit: str) -> Iterator[str]:
    """Two bars a function: before in grey, after in blue."""
    if not bars:
        return
    most = max(max(before, after) for _, before, after in bars) or 1.0
    scale = (_WIDTH - _NAME - 110) / most
    height = _ROW * len(bars) + 8
    yield f"<h2>{escape(title)}</h2><figure><svg role='img' viewBox='0 0 {_WIDTH} {height}'>"
    yield f"<title>{escape(title)}: grey before, blue after</title>"
    for number, (name, before, after) in enumerate(bars):
        top = number * _ROW + 4
        yield f"<text x='{_NAME - 8}' y='{top + 18}' text-anchor='end'>{escape(name[-38:])}</text>"
        for place, value, colour in ((top, before, OLD), (top + 14, after, NEW)):
            width = max(value * scale, 1.0)
            yield (
                f"<rect x='{_NAME}' y='{place}' width='{width:.1f}' height='12' fill='{colour}'/>"
                f"<text x='{_NAME + width + 6:.1f}' y='{place + 11}'>{value:.3g} {unit}</text>"
            )
    yield "</svg></figure>"


def _functions(functions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    names = ("function", "from", "to", "became", "seconds", "predicted", "hit rate", "recheck")
    yield f"<h2>Functions</h2><table><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    for one in functions:
        before, after = (_rate(one[when]) for when in ("before", "after"))
        predicted = one["predicted_hit_rate"]
        cells = (
            f"@{one['from']}",
            f"@{one['to']}",
            one["became"],
            f"{one['seconds']:.2f}",
            "-" if predicted is None else f"{predicted:.0%}",
            f"{before} -> {after}",
            one["recheck"]["verdict"] if one["recheck"] else "-",
        )
        back = " class='back'" if one["became"] == "rolled back" else ""
        place = escape(f"{one['path']}::{one['function']}")
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
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


def _rate(calls: Mapping[str, Any] | None) -> str:
    return "-" if calls is None else f"{calls['hit_rate']:.0%}"
