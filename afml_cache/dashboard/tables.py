"""The texts and tables of the page, as HTML; everything in it that is not ours is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from afml_cache.dashboard.advice import Command
from afml_cache.dashboard.shown import LISTED, TOP, Function, Shown
from afml_cache.monitoring.words import bytes_in_words, not_counting, percent, seconds_in_words

#: What a cell shows, and the number behind it, by which it is sorted.
Cell = tuple[str, float | None]

_STATUS = {
    "good": "The cache is well.",
    "attention": "The cache works; some things want a look.",
    "empty": "Nothing was called yet: call a cached function, then look again.",
    "absent": "There is no cache here yet: call a cached function, then look again.",
    "off": "The cache is switched off.",
}


def parts_of(shown: Shown) -> dict[str, str]:
    """The parts of the page that change with the numbers, by the name of their place."""
    return {
        "directory": f"<code>{_broken(shown.directory)}</code>",
        "totals": _totals(shown),
        "advice": _advice(shown),
        "hours-table": _table(
            "Calls by the hour (UTC)",
            "hour",
            ("calls", "hits", "misses", "hit rate"),
            (
                (
                    one.start[:16].replace("T", " "),
                    (_count(one.calls), _count(one.hits), _count(one.misses), _rate(one.hit_rate)),
                )
                for one in reversed(shown.hours)
                if one.calls
            ),
        ),
        "saved-table": _functions("Time saved, the most first", shown.by_saved),
        "cost-table": _functions("Time spent computing, the most first", shown.by_cost),
        "rates-table": _functions("Hit rates, the lowest first", shown.by_hit_rate),
        "reasons-table": _table(
            "Misses by reason",
            "reason",
            ("misses",),
            ((f"{one.meaning} ({one.reason})", (_count(one.times),)) for one in shown.reasons),
        ),
        "sizes-note": _first_to_go(shown),
        "sizes-table": _table(
            "Size by function, and what eviction would take first",
            "function",
            ("results", "size", "first to go", "of size"),
            (
                (
                    one.name,
                    (
                        _count(one.entries),
                        _size(one.size_bytes),
                        _count(one.first_to_go),
                        _size(one.first_to_go_bytes),
                    ),
                )
                for one in shown.by_size
            ),
        ),
        "stale": _stale(shown),
        "functions": _functions(_all_caption(shown), shown.functions[:LISTED], sortable=True)
        if shown.functions
        else "<p>None yet.</p>",
    }


def _totals(shown: Shown) -> str:
    limit = "" if shown.size_limit is None else f" of {bytes_in_words(shown.size_limit)}"
    facts = [
        (
            "saved",
            "Time saved",
            "–" if shown.saved_s is None else seconds_in_words(shown.saved_s),
            "not known"
            if shown.saved_s is None
            else f"computing, less what hits took{not_counting(shown.saved_unknown)}",
        ),
        (
            "hit-rate",
            "Hit rate",
            percent(shown.hit_rate) if shown.calls else "–",
            f"{shown.hits:,} of {_several(shown.calls, 'call')}",
        ),
        ("misses", "Misses", f"{shown.misses:,}", "calls that were computed"),
        (
            "size",
            "Stored",
            bytes_in_words(shown.size_bytes) + limit,
            _several(shown.entries, "result"),
        ),
    ]
    cards = "".join(
        f'<div class="card"><dt>{head}</dt><dd data-total="{name}">{escape(number)}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
        for name, head, number, note in facts
    )
    state = _STATUS.get(shown.status, shown.status)
    return (
        f'<p class="state" data-status="{escape(shown.status)}">{escape(state)}</p>'
        f'<dl class="cards">{cards}</dl>'
    )


def _advice(shown: Shown) -> str:
    if not shown.recommendations:
        return "<p>Nothing needs to be done.</p>"
    items = []
    for one in shown.recommendations:
        whose = f"<b>{_broken(one.function)}</b>: " if one.function else ""
        items.append(
            f"<li><p>{whose}{escape(one.what)}.</p>"
            f'<p class="remedy">{escape(_sentence(one.remedy))}</p>{_command(one.command)}</li>'
        )
    return _some(items)


def _some(items: Sequence[str]) -> str:
    """A list of which the first are seen at once, and the others on demand."""
    first, more = items[:TOP], items[TOP:LISTED]
    text = f'<ul class="advice">{"".join(first)}</ul>'
    if more:
        rest = f'<ul class="advice">{"".join(more)}</ul>'
        text += f"<details><summary>{len(more):,} more</summary>{rest}</details>"
    return text


def _first_to_go(shown: Shown) -> str:
    count, size = shown.first_to_go
    told = []
    if shown.expired[0]:
        gone, gone_size = shown.expired
        told.append(f"Expired results go first: {gone:,} ({bytes_in_words(gone_size)}).")
    if shown.cleared_bytes:
        told.append(
            f"Cleared, and still to be had with afml-cache restore: "
            f"{bytes_in_words(shown.cleared_bytes)}."
        )
    if count:
        when = "When room is needed" if shown.size_limit is None else "At the size limit"
        told.append(
            f"{when}, {_several(count, 'result')} ({bytes_in_words(size)}) would go: what is "
            "cheapest to compute again a megabyte."
        )
    return f"<p>{escape(' '.join(told))}</p>" if told else ""


def _stale(shown: Shown) -> str:
    if not shown.stale:
        return "<p>No function with results stored has gone 30 days without a call.</p>"
    items = [
        f"<li><p><b>{_broken(one.name)}</b>: {escape(bytes_in_words(one.size_bytes))}, "
        f"last called {_day(one.last_access)}.</p>{_command(one.command)}</li>"
        for one in shown.stale
    ]
    return (
        "<p>These have results stored and were not called for 30 days. What is cleared can be "
        f"restored for seven days.</p>{_some(items)}"
    )


def _command(command: Command | None) -> str:
    if command is None:
        return ""
    where = "in your program" if command.language == "python" else "in a shell"
    return (
        f'<div class="command"><code>{escape(command.text)}</code>'
        f'<button type="button" class="copy" aria-label="Copy: {escape(command.text)}">Copy'
        f'</button><span class="where">{where}</span></div>'
    )


def _all_caption(shown: Shown) -> str:
    more = len(shown.functions) - LISTED
    told = f"{_several(len(shown.functions), 'function')}, the most called first"
    return f"{told}; {more:,} more: afml-cache report" if more > 0 else told


def _functions(caption: str, functions: Sequence[Function], *, sortable: bool = False) -> str:
    heads = ("calls", "hit rate", "computing", "a computation", "a hit", "saved", "size")
    rows = (
        (
            one.name,
            (
                _count(one.calls),
                _rate(one.hit_rate),
                _seconds(one.seconds_computed),
                _seconds(one.avg_compute_s),
                _seconds(one.avg_hit_s),
                _seconds(one.saved_s),
                _size(one.size_bytes),
            ),
        )
        for one in functions
    )
    return _table(caption, "function", heads, rows, sortable=sortable)


def _table(
    caption: str,
    first: str,
    heads: Sequence[str],
    rows: Iterable[tuple[str, Sequence[Cell]]],
    *,
    sortable: bool = False,
) -> str:
    def head(text: str, kind: str) -> str:
        inner = f'<button type="button" class="sort">{text}</button>' if sortable else text
        return f'<th scope="col"{kind}>{inner}</th>'

    number = ' class="number"'
    columns = head(first, "") + "".join(head(text, number) for text in heads)
    body = "".join(
        f'<tr><th scope="row">{_broken(name)}</th>'
        + "".join(
            f'<td{number} data-value="{"" if value is None else repr(value)}">{escape(text)}</td>'
            for text, value in cells
        )
        + "</tr>"
        for name, cells in rows
    )
    label = escape(caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<caption>{label}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _broken(name: str) -> str:
    """A dotted name or a path, escaped, that may be broken after its dots and slashes."""
    return escape(name).replace(".", ".<wbr>").replace("/", "/<wbr>").replace("_", "_<wbr>")


def _sentence(text: str) -> str:
    """A remedy as a sentence; one that begins with a name keeps it as it is written."""
    first = text.partition(" ")[0]
    begun = text[:1].upper() + text[1:] if first.rstrip(",").isalpha() else text
    return begun + ("" if text.endswith(".") else ".")


def _day(when: str | None) -> str:
    return "–" if when is None else escape(when[:10])


def _count(number: int) -> Cell:
    return f"{number:,}", number


def _rate(share: float | None) -> Cell:
    return ("–", None) if share is None else (percent(share), share)


def _seconds(seconds: float | None) -> Cell:
    return ("–", None) if seconds is None else (seconds_in_words(seconds), seconds)


def _size(size: int) -> Cell:
    return bytes_in_words(size), size
