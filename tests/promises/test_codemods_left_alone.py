"""Decorators that stay as they are, each with the reason that is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

LEFT = """
=== an argument that the new one does not take | left: unknown-arguments | cannot run
from afml.cache import cacheable

@cacheable(verbose=0)
def f(x): return x + 1

=== arguments that cannot be read | left: unknown-arguments
from afml.cache import cacheable
options = {"ignore": ["x"]}

@cacheable(**options)
def f(x): return x + 1
print(f(1))

=== a positional argument | left: unknown-arguments | cannot run
from afml.cache import cacheable

@cacheable(3)
def f(x): return x + 1

=== called twice | left: value-use | cannot run
from afml.cache import cacheable

@cacheable()()
def f(x): return x + 1
print("defined")

=== an attribute of the decorator | left: value-use | cannot run
from afml.cache import cacheable

@cacheable.something
def f(x): return x + 1

=== within a lambda | left: value-use
from afml.cache import cacheable

@(lambda function: cacheable(function))
def f(x): return x + 1
print(f(1))

=== within a condition | left: value-use value-use
from afml.cache import cacheable
import functools

@(cacheable if cacheable else functools.cache)
def f(x): return x + 1
print(f(1))

=== within a partial | left: value-use
import functools
from afml.cache import cacheable

@functools.partial(cacheable, ignore=["x"])
def f(x): return x + 1
print(f(1))

=== bound by a walrus in the decorator | left: value-use
from afml.cache import cacheable

@(c := cacheable)
def f(x): return x + 1
print(f(1))

=== a class | left: value-use | cannot run
from afml.cache import cacheable

@cacheable
class A: pass
print(A())

=== a generator | left: value-use | cannot run
from afml.cache import cacheable

@cacheable
def f(x): yield x
print(list(f(1)))

=== a function that is used through joblib | left: value-use | cannot run
from afml.cache import cacheable

@cacheable
def f(x): return x + 1
print(f(1))
f.clear()

=== kept by a comment on the decorator | left: opted-out
from afml.cache import cacheable

@cacheable  # afml: keep
def f(x): return x + 1
print(f(1))

=== kept by a comment on the function | left: opted-out
from afml.cache import cacheable

@cacheable
def f(x):  # afml: keep, because of the audit
    return x + 1
print(f(1))

=== kept by a comment at the top | left: opted-out
#!/usr/bin/env python3
# Copyright.
# afml: keep
from afml.cache import cacheable

@cacheable
def f(x): return x + 1
print(f(1))

=== one of two is kept | left: opted-out
from afml.cache import cacheable«→, robust_cacheable»

@cacheable  # afml: keep
def f(x): return x + 1

@«cacheable»
def g(x): return x + 2
print(f(1), g(1))

=== a string that tells to keep keeps nothing
from afml.cache import «cacheable»
KEEP = '''
# afml: keep
'''

@«cacheable»
def f(x): return "# afml: keep"
print(f(1))
"""


@pytest.mark.parametrize("case", cases(LEFT))
def test_what_stays(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
