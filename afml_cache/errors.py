"""Every exception and warning of the cache that a user can meet."""

from __future__ import annotations


class AfmlCacheError(Exception):
    """Base of the exceptions that the cache itself raises."""


class UnkeyableArgumentError(AfmlCacheError, TypeError):
    """A value, or a part of it, has no content key.

    Parameters
    ----------
    path : str
        Where the offending part lies, as one would write it: ``params['conn'].engine``.
    what : str
        What lies there (``"a generator"``).
    remedy : str
        What to do about it, as a sentence.
    """

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(path, what, remedy)
        self.path = path
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path} is {self.what}, which has no content key. {self.remedy}"


class UncacheableFunctionError(AfmlCacheError, TypeError):
    """The decorated object cannot be cached at all (a generator function, a class)."""


class ConfigurationError(AfmlCacheError, ValueError):
    """A setting has a value that the cache cannot work with."""


class UnknownFunctionError(AfmlCacheError, LookupError):
    """The store knows no function of this name, or several."""


class BacktestRecordError(AfmlCacheError):
    """What was recorded of a backtest cannot be read; the message says what, and what is left."""


class UnknownRunError(AfmlCacheError, LookupError):
    """No run of this id is recorded."""


class TrackingError(AfmlCacheError):
    """MLflow cannot be asked; what was recorded for it stays in the queue."""


class StudyInterrupted(KeyboardInterrupt):
    """A study was stopped by a signal; what is done is kept, and the same call goes on."""


class WorkersLostError(AfmlCacheError):
    """No worker of a cluster is left; what is done is kept, and the same call goes on."""


class ReportError(AfmlCacheError):
    """A report cannot be written in the way that was asked for; nothing has been written."""


class ClearingError(AfmlCacheError):
    """The cache could not be moved aside, or not be brought back; nothing of it is lost."""


class NoPlaceError(AfmlCacheError, OSError):
    """There is no telling where the cache lives (no home directory, no working directory)."""


class CacheWarning(UserWarning):
    """Something kept the cache from helping; the result is right all the same."""
