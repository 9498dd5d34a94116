"""The tests that a migration is measured with: it leaves them as they are, unless they are named.

A test of ``@cacheable`` that became one of ``@robust_cacheable`` would be another test under the
same name, and "all existing tests pass" would be said of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from codemods.findings import Code, Finding
from codemods.runner import Planned, Survey

#: What pytest takes for tests, if it is not told otherwise.
_PATTERNS = ("test_*.py", "*_test.py", "conftest.py")

_WHY = (
    "a test that this is measured with keeps its @{}; name its file, or its folder of tests, to"
    " migrate it too"
)


def is_test(path: str) -> bool:
    """Whether a file is one of pytest's.

    >>> [is_test(path) for path in ("a/test_b.py", "conftest.py", "tests/data.py", "test_b.ipynb")]
    [True, True, False, False]
    """
    return any(fnmatchcase(PurePosixPath(path).name, pattern) for pattern in _PATTERNS)


def but_for_tests(found: Survey, named: Iterable[Path]) -> Survey:
    """The same without edits of tests, each with a finding instead.

    Parameters
    ----------
    found : Survey
        What could be migrated.
    named : iterable of Path
        What was asked for. Tests count as asked for if they are named themselves, or their folder
        is and is called ``tests`` or ``test``.
    """
    asked = [path.absolute() for path in named]
    planned = tuple(
        _as_it_is(one)
        if is_test(one.path) and not _named(found.tree.root / one.path, asked)
        else one
        for one in found.planned
    )
    return replace(found, planned=planned)


def _named(file: Path, asked: Iterable[Path]) -> bool:
    folders = ("tests", "test")
    return any(file == path or (path in file.parents and path.name in folders) for path in asked)


def _as_it_is(planned: Planned) -> Planned:
    plan = planned.plan
    told = (
        Finding(one.line, 1, Code.TEST_FILE, _WHY.format(one.old), one.function)
        for one in plan.rewrites
    )
    findings = tuple(sorted((*plan.findings, *told)))
    return replace(planned, plan=replace(plan, edits=(), rewrites=(), findings=findings))
