"""The classes and modules that the digest of a value meets on its way.

A content key counts a class or a module by its name. What its code does counts besides, where a
value is an argument or a constant; so whoever digests it collects here what the rules note. The
digest itself is the only walk there is: what it sees is what can be noted.
"""

from __future__ import annotations

import threading


class _Thread(threading.local):
    """Where this thread collects; None where nobody asked."""

    met: list[object] | None = None


_thread = _Thread()


def note(what: object) -> None:
    """A class (once for each of its instances) or a module was met."""
    met = _thread.met
    if met is not None:
        met.append(what)


def begin(met: list[object] | None) -> list[object] | None:
    """Collect into this list from now on; returns what was collected into before."""
    before = _thread.met
    _thread.met = met
    return before
