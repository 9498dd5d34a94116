"""The object behind the fixture ``afml_compat``: each check is in a room of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_afml.compat import wording
from pytest_afml.compat.bodies import name_of
from pytest_afml.compat.cases import as_args, named_cases
from pytest_afml.compat.golden import GOOD, VERDICTS, Verdict, read_store
from pytest_afml.compat.public_api import api_text
from pytest_afml.compat.same_results import different_results
from pytest_afml.compat.served import why_not_served, why_served
from pytest_afml.compat.snapshots import Snapshots
from pytest_afml.compat.stable_keys import different_keys

Function = Callable[..., Any]
#: Calls with the names ``case 1``, ``case 2``, ..., or with names of their own.
Cases = Sequence[Any] | Mapping[str, Any]


class AfmlCompat:
    """Checks that a change of decorator, of version or of code keeps what users rely on.

    Each check runs on stores of its own and fails with everything that is different. A call is
    written as ``args(prices, window=20)`` (:func:`pytest_afml.compat.args`), as a tuple of its
    positional arguments, or as a dict of its named ones.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def same_results(self, old: Function, new: Function, cases: Cases) -> None:
        """Fail unless a function does the same under two decorators.

        Each case is called plain (the undecorated body), cold (the first call on a fresh store)
        and warm (the next); then all cases together, twice, on one store, where a case could be
        served what another has stored. Compared are values to the bit, dtypes, index with freq and
        tz, column order, attrs, container types, exceptions with their arguments, warnings, what
        became of the arguments, how often the body ran (a warm call may run less than under
        ``old``), pickling, and whether changing what one call returned changes what the next one
        returns; and, of the functions, signature, docstring and pickling.

        Parameters
        ----------
        old, new : callable
            Before and after; either may be without a decorator.
        cases : sequence or mapping of calls
            The function runs about seven times a case. Let some differ in one argument only.

        Raises
        ------
        AssertionError
            It names the case, the arm (plain, cold, warm, together; old, new), and what is
            different.
        TypeError
            ``old`` or ``new`` is no function, or a case is no call.
        """
        __tracebackhide__ = True
        for name, function in (("old", old), ("new", new)):
            if not callable(function):
                raise TypeError(
                    f"{name} is {wording.shown(function)}, which is no function; write "
                    "same_results(old, new, cases)"
                )
        calls = named_cases(cases)
        _fail(
            f"{name_of(new)} (new) does not do what {name_of(old)} (old) does:",
            different_results(old, new, calls),
        )

    def must_hit(self, function: Function, a: Any, b: Any) -> None:
        """Fail unless a call ``b`` is served from the cache after a call ``a``.

        Raises
        ------
        AssertionError
            It says why the call was computed.
        """
        __tracebackhide__ = True
        why = why_not_served(function, as_args(a), as_args(b))
        if why is not None:
            raise AssertionError(why)

    def must_miss(self, function: Function, a: Any, b: Any) -> None:
        """Fail unless a call ``b`` is computed after a call ``a``, which itself is served by then.

        Raises
        ------
        AssertionError
            ``b`` was served, or ``a`` is not cached at all, so that a miss proves nothing.
        """
        __tracebackhide__ = True
        why = why_served(function, as_args(a), as_args(b))
        if why is not None:
            raise AssertionError(why)

    def reads_store(
        self,
        path: str | Path,
        calls: Sequence[tuple[Function, Any]] = (),
        *,
        upgrades: Mapping[str, str] | None = None,
        secret: str | bytes | None = None,
        package_versions: str | None = None,
        accept: Sequence[str] = GOOD,
    ) -> list[Verdict]:
        """Fail unless a golden store is still read; a copy of it is, which is all that is touched.

        Parameters
        ----------
        path : path
            A directory of the cache, or a location of :class:`joblib.Memory`. Entries are
            unpickled: name only what you trust.
        calls : sequence of pairs
            A function and a call of it, which must find its entry; what is served is held
            against what is computed now.
        upgrades : mapping, optional
            Changes of dtype that are no fault, as :data:`pytest_afml.compat.PANDAS_3`; an entry
            that differs in nothing else is ``"upgraded"``.
        secret : str or bytes, optional
            What the store was sealed with. None: the secret in force.
        package_versions : {"minor", "exact", "ignore"}, optional
            As for ``afml_cache.configure``. None: the setting in force.
        accept : sequence of str
            The verdicts that do not fail.

        Returns
        -------
        list of Verdict
            Of each call, then of each entry that no call asked for.

        Raises
        ------
        AssertionError
            It lists the verdicts that are not accepted, with reasons.
        """
        __tracebackhide__ = True
        unknown = [verdict for verdict in accept if verdict not in VERDICTS]
        if isinstance(accept, str) or unknown:
            raise ValueError(f"accept is {accept!r}; it can hold {', '.join(VERDICTS)}")
        given = {"secret": secret, "package_versions": package_versions}
        settings = {name: value for name, value in given.items() if value is not None}
        asked = [(function, as_args(call)) for function, call in calls]
        verdicts = read_store(Path(path), asked, upgrades or {}, settings)
        if not verdicts:
            raise AssertionError(
                f"there is no entry in the golden store {path}, and no call either"
            )
        bad = [str(verdict) for verdict in verdicts if verdict.verdict not in accept]
        _fail(f"{len(bad)} of {len(verdicts)} verdicts on {path} cannot be accepted:", bad)
        return verdicts

    def public_api(self, module: ModuleType, snapshot: str | Path | None = None) -> None:
        """Fail unless the public names of a module are those of its snapshot.

        Names are those of ``__all__``, else those that the module, or one below it, defines.

        Parameters
        ----------
        module : module
        snapshot : path, optional
            A text file. None: ``afml_snapshots/<module>.txt`` beside the test. It is written by
            ``--afml-update-snapshots``, and never in CI.

        Raises
        ------
        AssertionError
            With a unified diff, or since there is no snapshot yet, or no public name.
        """
        __tracebackhide__ = True
        path = None if snapshot is None else self._snapshots.folder / snapshot
        why = self._snapshots.why_different(module.__name__, api_text(module), path)
        if why is not None:
            raise AssertionError(why)

    def stable_keys(self, function: Function, cases: Cases) -> None:
        """Fail unless calls have the same keys in two new processes of different PYTHONHASHSEED.

        Parameters
        ----------
        function : CachedFunction
            Of a module that new processes can import, under one of the new decorators.
        cases : sequence or mapping of calls
            Whose arguments can be pickled.

        Raises
        ------
        AssertionError
            It names the case, and the argument or the part of the code whose key differs.
        """
        __tracebackhide__ = True
        found = different_keys(function, named_cases(cases))
        _fail(f"the keys of {name_of(function)} are not the same in every process:", found)


def _fail(title: str, found: Sequence[str]) -> None:
    __tracebackhide__ = True
    if found:
        raise AssertionError(wording.listed_findings(title, found))
