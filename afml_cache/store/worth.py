"""Whether calls are worth what they cost: a key may take longer than the computation it saves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from afml_cache.notices import warn_once

#: A function is told of when its calls have lost so many seconds in this process, over so many
#: calls: what costs less is not worth a warning.
LOSS, LOSING_CALLS = 0.1, 5


@dataclass(slots=True)
class Account:
    """What the calls of one function cost, held against their computations; times in seconds.

    ``longest`` is the call that cost most. It is no measure of the others: it was the first, or
    the machine had other things to do. Each of the ``threads`` may have had one like it.
    """

    hits: int = 0
    misses: int = 0
    spent: float = 0.0
    saved: float = 0.0
    longest: float = 0.0
    threads: set[int] = field(default_factory=set)

    @property
    def loses(self) -> bool:
        """Whether not to cache the function would have been better."""
        enough = self.hits + self.misses >= LOSING_CALLS
        usual = self.spent - self.longest * max(1, len(self.threads))
        return enough and usual - self.saved >= LOSS


class Worth:
    """The accounts of one store in this process. Not locked: the ledger is.

    Parameters
    ----------
    base : Path
        The directory of the store.

    Attributes
    ----------
    untold : bool
        Whether :meth:`tell` would have something to say.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        self._losing: list[str] = []
        self._told: set[str] = set()

    @property
    def untold(self) -> bool:
        """Whether there is a losing function that was not told of."""
        return bool(self._losing)

    def add(
        self,
        function: str,
        *,
        hits: int = 0,
        misses: int = 0,
        spent: float,
        saved: float,
        longest: float,
        thread: int | None = None,
    ) -> None:
        """Add calls: what keys, looking up and loading took; what computing takes.

        ``thread`` is the one that called, where that is known.
        """
        account = self.accounts[function]
        account.hits += hits
        account.misses += misses
        account.spent += spent
        account.saved += saved
        account.longest = max(account.longest, longest)
        if thread is not None:
            account.threads.add(thread)
        if account.loses and function not in self._told:
            self._told.add(function)
            self._losing.append(function)

    def tell(self) -> None:
        """Warn of the functions that lose, each once; where the user's call is on the stack."""
        while self._losing:
            function = self._losing.pop()
            one = self.accounts[function]
            calls = " and ".join(
                f"{times:,} {what}"
                for times, what in ((one.hits, "hits"), (one.misses, "misses"))
                if times
            )
            warn_once(
                ("costs-more", str(self._base), function),
                f"caching {function}() costs more than it saves: {calls} took {one.spent:.3g} s "
                "(the key of the call, looking for the result and loading it), computing them "
                f"takes {one.saved:.3g} s. Do not cache it, cache the function that calls it, or "
                "give it smaller arguments.",
            )
