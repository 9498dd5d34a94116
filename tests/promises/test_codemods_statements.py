"""The import statement: its layout, its comments, its neighbours on the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

STATEMENTS = """
=== the only name between parentheses
from afml.cache import («cacheable»)

@«cacheable»
def f(x): return x + 1
print(f(1))

=== the only name between parentheses, with a comma
from afml.cache import («cacheable»,)

@«cacheable»
def f(x): return x + 1
print(f(1))

=== parentheses without a space before them
from afml.cache import(«cacheable»)

@«cacheable»
def f(x): return x + 1
print(f(1))

=== a name on each line, unsorted
from afml.cache import (
    configure,
    «cacheable»,
    get_cache_stats,
)

@«cacheable»
def f(x): return x + 1
print(f(1), configure.__name__, get_cache_stats.__name__)

=== a name on each line, the last without a comma
from afml.cache import (
    get_cache_stats,
    «cacheable»
)

@«cacheable»
def f(x): return x + 1
print(f(1), get_cache_stats.__name__)

=== unsorted on one line: the new one stands where the old one stood
from afml.cache import get_cache_stats, «cacheable», configure

@«cacheable»
def f(x): return x + 1
print(f(1), configure.__name__, get_cache_stats.__name__)

=== sorted on one line, and sorted afterwards
from afml.cache import «cacheable, →»get_cache_stats«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), get_cache_stats.__name__)

=== sorted on one line, and there already
from afml.cache import «cacheable, →»get_cache_stats, robust_cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), get_cache_stats.__name__, robust_cacheable(len)("ab"))

=== after a semicolon
import os; from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), os.sep)

=== before a semicolon
from afml.cache import «cacheable»; import os

@«cacheable»
def f(x): return x + 1
print(f(1), os.sep)

=== between semicolons, and the new one is there already
import os; «from afml.cache import cacheable; →»import sys
from afml.cache import robust_cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), os.sep, sys.byteorder, robust_cacheable(len)("ab"))

=== a backslash after import
from afml.cache import \\
    «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== backslashes everywhere
from \\
  afml \\
  .cache \\
  import \\
  «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== a backslash within a list of names
from afml.cache import get_cache_stats, \\
    «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), get_cache_stats.__name__)

=== spaces within a dotted name
import afml . cache

@afml . cache . «cacheable»
def f(x): return x + 1
print(f(1))

=== a comment behind it
from afml.cache import «cacheable»  # cacheable: the old one

@«cacheable»  # cacheable
def f(x): return x + 1
print(f(1))

=== comments before and behind, between parentheses
from afml.cache import (  # all of cacheable
    # before cacheable
    «cacheable»,  # behind cacheable
    # after cacheable
)

@«cacheable»
def f(x): return x + 1
print(f(1))

=== marks of linters and type checkers
from afml.cache import «cacheable»  # noqa: F401  # type: ignore[import-untyped]

@«cacheable»  # type: ignore[misc]
def f(x): return x + 1
print(f(1))

=== the last name of a block goes, because the new one is there already
from afml.cache import robust_cacheable
if True:
    «from afml.cache import cacheable→pass»

@«cacheable»
def f(x): return x + 1
print(f(1), robust_cacheable(len)("ab"))

=== below a docstring, a future import and another import
'''About cacheable.'''
from __future__ import annotations

import os

from afml.cache import «cacheable»

@«cacheable»
def f(x: os.PathLike): return x + 1
print(f(1), __doc__)
"""


@pytest.mark.parametrize("case", cases(STATEMENTS))
def test_the_statement(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
