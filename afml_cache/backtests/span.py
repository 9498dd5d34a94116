"""Stretches of time such as ``"6ME"`` or ``"5D"``, added to dates by the calendar."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

#: Rows, or a stretch of time: ``250``, ``"365D"``, ``"6ME"``, a timedelta, a pandas offset.
Length = Any


class Span:
    """A length of time that can be added to a stamp, any number of times."""

    @classmethod
    def or_none(cls, name: str, given: Length, instead: str = "rows (250)") -> Span | None:
        """As a span; None where it is of no length.

        Raises
        ------
        ConfigurationError
            It is not understood, or leads back in time.
        """
        import pandas as pd

        sample = pd.Timestamp("2000-01-03")
        span = cls(name, given, instead)
        if span.after(sample) < sample:
            raise ConfigurationError(f"{name}={given!r}: it cannot be negative")
        return None if span.after(sample) == sample else span

    @classmethod
    def forward(cls, name: str, given: Length, sample: pd.Timestamp) -> Span:
        """A span that leads forward in time.

        Raises
        ------
        ConfigurationError
            It is not understood, or does not.
        """
        span = cls(name, given)
        if not span.after(sample) > sample:
            raise ConfigurationError(f"{name}={given!r}: it has to lead forward in time")
        return span

    def __init__(self, name: str, given: Length, instead: str = "rows (250)") -> None:
        import pandas as pd

        try:
            if isinstance(given, dt.timedelta):
                self._offset: Any = pd.Timedelta(given)
            else:
                self._offset = pd.tseries.frequencies.to_offset(given)
            if self._offset is None:
                raise ValueError("it is None")
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"{name}={given!r} is not understood ({error}); give {instead}, or a stretch of "
                "time such as '365D' or '6ME'"
            ) from error
        # An offset that goes to the last day of a period means all of that day.
        self._to_last_day = (
            any(
                word in type(self._offset).__name__
                for word in ("MonthEnd", "QuarterEnd", "YearEnd")
            )
            or getattr(self._offset, "weekday", None) is not None
        )
        self._is_elapsed = isinstance(self._offset, pd.offsets.Tick | pd.Timedelta)
        day = pd.Timedelta(days=1)
        if isinstance(self._offset, pd.offsets.Day):
            self._is_elapsed = False  # a tick only under older pandas: days are calendar days
        elif isinstance(self._offset, pd.Timedelta) and self._offset % day == pd.Timedelta(0):
            self._is_elapsed = False
            self._offset = pd.offsets.Day(self._offset // day)

    def after(self, stamp: pd.Timestamp, times: int = 1) -> pd.Timestamp:
        """The stamp so many lengths later; earlier where ``times`` is negative."""
        import pandas as pd

        if times == 0:
            return stamp
        if self._is_elapsed:
            return stamp + times * self._offset  # type: ignore[no-any-return]
        # By the wall clock: otherwise days would move by an hour where the clocks change.
        wall = stamp.tz_localize(None)
        if self._to_last_day:
            day = pd.Timedelta(days=1)
            moved = (wall.normalize() - day) + times * self._offset + day
        else:
            moved = wall + times * self._offset
        return moved.tz_localize(  # type: ignore[no-any-return]
            stamp.tz, ambiguous=True, nonexistent="shift_forward"
        )

    def all_after(self, stamp: pd.Timestamp) -> pd.Timestamp:
        """The end of a whole length that begins with the stamp."""
        return self._whole(stamp, 1)

    def all_before(self, stamp: pd.Timestamp) -> pd.Timestamp:
        """The beginning of a whole length that ends with the stamp."""
        return self._whole(stamp, -1)

    def _whole(self, stamp: pd.Timestamp, sign: int) -> pd.Timestamp:
        """So far from the stamp as it is between two of the days that the offset goes to.

        Offsets roll: a year before February 1, by ``1YE``, would be January 1 of the same year.
        """
        import pandas as pd

        if self._is_elapsed:
            return self.after(stamp, sign)
        shift = pd.Timedelta(days=1 if self._to_last_day else 0)
        wall = stamp.tz_localize(None)
        last = (wall.normalize() if self._to_last_day else wall) - shift
        if self._offset.is_on_offset(last):
            return self.after(stamp, sign)
        upper = self._offset.rollback(last)
        lower = upper - self._offset
        upper, lower = upper + shift, lower + shift
        if upper.day == lower.day and getattr(self._offset, "weekday", None) is None:
            months = 12 * (upper.year - lower.year) + upper.month - lower.month
            moved = wall + sign * pd.DateOffset(months=months)
        else:
            moved = wall + sign * (upper - lower)
        return moved.tz_localize(stamp.tz, ambiguous=True, nonexistent="shift_forward")
