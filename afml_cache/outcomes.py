"""What became of a cached call, and why.

Every call ends in exactly one :class:`Outcome`; every computed one carries exactly
one :class:`Reason`, named by the code that took the decision.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How the caller got the result."""

    HIT = "hit"
    ADOPTED = "adopted"
    COMPUTED = "computed"


class Reason(StrEnum):
    """Why a call was computed although there is a cache."""

    FIRST_CALL = "first_call"  #: nothing of this function has been stored yet
    ARGUMENT = "argument"  #: the function has entries, none for these arguments
    CODE = "code"  #: an entry for these arguments exists, of other project code
    ENVIRONMENT = "environment"  #: ... of the same code under other package versions
    EXPIRED = "expired"  #: the entry was older than its ``ttl`` or the age limit
    EVICTED = "evicted"  #: the entry made room under the size limit
    CLEARED = "cleared"  #: the entry was cleared by a person or a program
    UNREADABLE = "unreadable"  #: the entry could not be read back
    TAMPERED = "tampered"  #: the entry's bytes do not match its seal
    OTHER_SECRET = "other_secret"  #: the entry was sealed with another secret
    SOURCE_CHANGED = "source_changed"  #: the source file was edited since the import
    ADOPTION_REFUSED = "adoption_refused"  #: a legacy entry exists and may not be used
    ARGUMENT_MUTATED = "argument_mutated"  #: the function changed one of its arguments
    RESULT_UNPICKLABLE = "result_unpicklable"  #: the result cannot be stored
    UNKEYABLE = "unkeyable"  #: an argument has no key
    STORE_UNAVAILABLE = "store_unavailable"  #: the store could not be used
    MODE_OFF = "mode_off"  #: the cache is switched off
