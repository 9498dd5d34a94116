"""What others say of an error, in words that hold no password.

MLflow and its databases name the whole address in theirs; ours stand on screens, in logs and in
the queue.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_HIDDEN = "***"
#: Who calls, before the host of an address; and what a database is told after the question mark.
_CALLER = re.compile(r"(?<=://)[^/\s?#]*@")
_OPTION = re.compile(r"([?&][^=&\s]*(?:pass|pwd|token|secret)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


def words_of(error: BaseException, uri: str = "") -> str:
    """The kind of an error and what it says, without passwords.

    Parameters
    ----------
    error : exception
    uri : str, optional
        The address that was called: its password is hidden where it stands alone, too.
    """
    return without_passwords(f"{type(error).__name__}: {error}", uri)


def without_passwords(text: str, uri: str = "") -> str:
    """A text without those that stand in addresses, and without the one of an address."""
    text = _OPTION.sub(rf"\1{_HIDDEN}", _CALLER.sub("", text))
    password = _password_of(uri)
    for one in {password, unquote(password)} - {""}:
        text = text.replace(one, _HIDDEN)
    return text


def spoken(error: BaseException, uri: str = "") -> BaseException | None:
    """What to raise another error from: the error, if it may be printed; else nothing."""
    text = f"{error}"
    return error if without_passwords(text, uri) == text else None


def _password_of(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    return parts.password or parts.username or ""  # a token stands alone
