"""One spelling of a date -> the stretch of time that it names.

Texts are read here, by the ISO rules and with the resolution that pandas gives them when it
slices: ``"2021-03"`` is all of March. So neither pandas has to be loaded for it, nor does it
depend on the day, the locale or the version of pandas what a text says; ``"3/4/2021"`` and
``"today"`` are not read.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from dataclasses import dataclass
from typing import Any, Final

#: What 64 bits of nanoseconds (and SQLite) can hold: years 1677 to 2262.
LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63 - 1

SECOND: Final = 10**9
DAY: Final = 86_400 * SECOND

#: Stands for what lies past the calendar: no 64 bits reach it, of microseconds neither.
_BEYOND: Final = 2**80


@dataclass(frozen=True, slots=True)
class Dated:
    """From the first to the last nanosecond (since 1970, without a bound) that a value names.

    Parameters
    ----------
    first, last : int
        UTC where ``offset`` is known, else the wall clock.
    offset : int or None
        Nanoseconds that the wall clock is ahead of UTC; None: naive.
    is_period : bool
        The value names a period by itself (a year, a month, a :class:`pandas.Period`). A day
        does not count as one, since ``"2021-03-01"`` is also how one spells its midnight.
    """

    first: int
    last: int
    offset: int | None = None
    is_period: bool = False

    @property
    def aware(self) -> bool:
        """Whether the time zone is known."""
        return self.offset is not None


def clamped(nanoseconds: int) -> int:
    """The nearest instant that 64 bits can hold."""
    return max(LOWEST, min(HIGHEST, nanoseconds))


def is_missing(value: object) -> bool:
    """Whether a value stands for no date: None, or a NaT of pandas or numpy."""
    if value is None:
        return True
    is_date = isinstance(value, dt.date) or _is_datetime64(value)
    return is_date and value != value  # NaT is not itself


def read_date(value: object) -> Dated | None:
    """What a value names as a date; None where it names none, or cannot be read.

    >>> read_date("2021-03-01T00:00:01Z")
    Dated(first=1614556801000000000, last=1614556801999999999, offset=0, is_period=False)
    >>> read_date("tomorrow") is read_date(20210301) is read_date(None) is None
    True
    """
    try:
        return _read(value)
    except Exception:  # noqa: BLE001 - a time zone of the user's own may raise anything
        return None


def _read(value: object) -> Dated | None:
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, dt.date) and value == value:  # NaT is not itself
        return _of_datetime(value) if isinstance(value, dt.datetime) else _of_day(value)
    if _is_datetime64(value):
        return _of_datetime64(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, getattr(pandas, "Period", ())):
        return _of_period(pandas, value)
    return None


_TEXT = re.compile(
    r"""(?P<year>[0-9]{4})
    (?: -?[Qq](?P<quarter>[1-4])
      | (?P<sep>[-/.])(?P<month>[0-9]{1,2})
        (?: (?P=sep)(?P<day>[0-9]{1,2}) (?P<time>[Tt ].+)? )?
      | (?P<month_day>[0-9]{4}) (?P<clock>[Tt ].+)?
    )?""",
    re.VERBOSE,
)
_TIME = re.compile(
    r"""[Tt ](?P<hour>[0-9]{1,2})
    (?: :?(?P<minute>[0-9]{2}) (?: :?(?P<second>[0-9]{2}) (?:\.(?P<fraction>[0-9]+))? )? )?
    (?: \ ?(?P<zone> [Zz] | UTC | (?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))? ))?
    """,
    re.VERBOSE,
)


def _of_text(text: str) -> Dated | None:
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    year, quarter = int(found["year"]), found["quarter"]
    try:
        if quarter:
            return _of_months(year * 12 + int(quarter) * 3 - 3, 3)
        if found["month_day"]:
            month, day = int(found["month_day"][:2]), int(found["month_day"][2:])
        elif found["day"]:
            month, day = int(found["month"]), int(found["day"])
        elif found["month"]:
            return _of_months(year * 12 + _checked(int(found["month"]), 1, 12) - 1, 1)
        else:
            return _of_months(_checked(year, 1, 9999) * 12, 12)
        midnight = _of_day(dt.date(year, month, day))
        time = found["time"] or found["clock"]
        return midnight if time is None else _with_time(midnight.first, time)
    except ValueError:  # the 31st of February
        return None


def _with_time(midnight: int, text: str) -> Dated | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    first = midnight + _checked(int(found["hour"]), 0, 23) * 3600 * SECOND
    length = 3600 * SECOND
    if found["minute"]:
        first += _checked(int(found["minute"]), 0, 59) * 60 * SECOND
        length = 60 * SECOND
    if found["second"]:
        first += _checked(int(found["second"]), 0, 59) * SECOND
        length = SECOND
    if found["fraction"]:
        digits = found["fraction"][:9]
        first += int(digits.ljust(9, "0"))
        length = {1: 10**6, 2: 10**3, 3: 1}[(len(digits) + 2) // 3]  # ms, us, ns
    if not found["zone"]:
        return Dated(first, first + length - 1)
    offset = 0
    if found["sign"]:
        minutes = _checked(int(found["minutes"] or 0), 0, 59) + 60 * int(found["hours"])
        offset = minutes * 60 * SECOND * (-1 if found["sign"] == "-" else 1)
    first -= offset
    return Dated(first, first + length - 1, offset)


def _checked(number: int, lowest: int, highest: int) -> int:
    if not lowest <= number <= highest:
        raise ValueError(number)
    return number


def _of_months(first: int, count: int) -> Dated:
    """``count`` whole months; the month is counted from the year 0."""
    return Dated(_month(first), _month(first + count) - 1, is_period=True)


def _month(number: int) -> int:
    year, month = divmod(number, 12)
    if year < 1:
        return -_BEYOND
    return _BEYOND if year > 9999 else _of_day(dt.date(year, month + 1, 1)).first


_EPOCH = dt.date(1970, 1, 1).toordinal()


def _of_day(day: dt.date) -> Dated:
    first = (day.toordinal() - _EPOCH) * DAY
    return Dated(first, first + DAY - 1)


def _of_datetime(value: dt.datetime) -> Dated:
    offset = value.utcoffset()
    ahead = None if offset is None else _nanoseconds(offset)
    if hasattr(value, "asm8"):  # a pandas.Timestamp; its asm8 is UTC
        instant = _nanoseconds64(value.asm8)
    else:
        wall = _of_day(value).first + _nanoseconds(
            dt.timedelta(
                hours=value.hour,
                minutes=value.minute,
                seconds=value.second,
                microseconds=value.microsecond,
            )
        )
        instant = wall - (ahead or 0)
    return Dated(instant, instant, ahead)


def _nanoseconds(span: dt.timedelta) -> int:
    return span.days * DAY + span.seconds * SECOND + span.microseconds * 1000


def _is_datetime64(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy, "datetime64", ()))


_PER_UNIT: Final = {
    "W": 7 * DAY,
    "D": DAY,
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}
_MONTHS: Final = {"Y": 12, "M": 1}
#: Units finer than a nanosecond, of which so many make one.
_IN_ONE: Final = {"ps": 10**3, "fs": 10**6, "as": 10**9}


def _of_datetime64(value: Any) -> Dated | None:
    """A date in years, months, weeks or days is all of it, one in a finer unit is an instant."""
    if value != value:  # NaT
        return None
    unit, count = _unit(value)
    if unit in _MONTHS:
        months = _MONTHS[unit] * count
        return _of_months(1970 * 12 + int(value.astype("int64")) * months, months)
    first = _nanoseconds64(value)
    if unit not in ("W", "D"):
        return Dated(first, first)
    length = _PER_UNIT[unit] * count
    return Dated(first, first + length - 1, is_period=length > DAY)


def _nanoseconds64(value: Any) -> int:
    unit, count = _unit(value)
    number = int(value.astype("int64")) * count
    return number * _PER_UNIT[unit] if unit in _PER_UNIT else number // _IN_ONE[unit]


def _unit(value: Any) -> tuple[str, int]:
    unit, count = sys.modules["numpy"].datetime_data(value.dtype)
    return str(unit), int(count)


def _of_period(pandas: Any, period: Any) -> Dated:
    try:
        first, after = period.start_time, (period + 1).start_time
    except pandas.errors.OutOfBoundsDatetime:
        beyond = -_BEYOND if period.year < 1970 else _BEYOND
        return Dated(beyond, beyond, is_period=True)
    # Up to the next one's start: its own end_time is as coarse as its unit.
    last = _nanoseconds64(after.asm8) - 1
    return Dated(_nanoseconds64(first.asm8), last, is_period=True)
