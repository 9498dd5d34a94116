"""Numbers as people read them."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share of 1, which never rounds to all or to nothing.

    >>> percent(0.314), percent(0.9999), percent(1.0)
    ('31.4 %', '99.9 %', '100.0 %')
    """
    tenths = round(share * 1000)
    if 0 < share < 1:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10:.1f} %"


def seconds_in_words(seconds: float) -> str:
    """Seconds in the unit that suits them.

    >>> seconds_in_words(0.00042), seconds_in_words(-3.21), seconds_in_words(7_300)
    ('0.42 ms', '-3.2 s', '2.0 h')
    >>> seconds_in_words(0.9996), seconds_in_words(59.97)
    ('1.0 s', '1.0 min')
    """
    # The least that is rounded to one of a unit is written in that unit.
    units = ((86_400.0, 3597.0 * 24, "d"), (3600.0, 3597.0, "h"), (60.0, 59.95, "min"))
    for size, least, unit in (*units, (1.0, 0.9995, "s")):
        if abs(seconds) >= least:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1000:.3g} ms" if seconds else "0 s"


def saved_in_words(seconds: float | None, unknown: int = 0) -> str:
    """What was saved, as ``saved_s`` and ``saved_unknown`` of the summary tell it.

    >>> saved_in_words(2.0), saved_in_words(None, 1)
    ('2.0 s saved', 'what was saved is not known')
    >>> saved_in_words(2.0, 3)
    '2.0 s saved, not counting 3 functions of which it is not known'
    """
    if seconds is None:
        return "what was saved is not known"
    return f"{seconds_in_words(seconds)} saved{not_counting(unknown)}"


def not_counting(unknown: int) -> str:
    """Ends a sentence about what was saved.

    >>> not_counting(0), not_counting(1)
    ('', ', not counting 1 function of which it is not known')
    """
    if not unknown:
        return ""
    functions = "1 function" if unknown == 1 else f"{unknown:,} functions"
    return f", not counting {functions} of which it is not known"


def bytes_in_words(size: int) -> str:
    """Bytes in the decimal unit that suits them.

    >>> bytes_in_words(512), bytes_in_words(1_500_000), bytes_in_words(999_960)
    ('512 B', '1.5 MB', '1.0 MB')
    """
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size >= unit - unit // 20_000:  # what is rounded to one of a unit
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} B"


def as_text(name: str) -> str:
    """A name that can be written everywhere: that of a module may come from a file's, no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def one_line(name: str) -> str:
    r"""A name as :func:`on_screen` shows it, without a break.

    >>> one_line("labels\u202e.f"), one_line("a\nb")
    ('labels\\u202e.f', 'a\\nb')
    """
    return on_screen(name).replace("\n", "\\n")


def on_screen(text: str) -> str:
    r"""Lines that a terminal only shows: a name may hold what it would obey.

    >>> on_screen("research.\x1b[2Jlabels\u202e\nsecond line")
    'research.\\x1b[2Jlabels\\u202e\nsecond line'
    """
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode()
        for one in as_text(text)
    )
