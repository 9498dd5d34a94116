"""Names that are taken already, and names that do not stay what they were imported as."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

TAKEN = """
=== the new name is a parameter where the decorator stands
from afml.cache import «cacheable→robust_cacheable as cacheable»

def g(robust_cacheable):
    @cacheable
    def h(x): return x + 1
    return h, robust_cacheable
print(g(1)[0](1))

=== the new name is a variable of the module
from afml.cache import «cacheable→robust_cacheable as cacheable»
robust_cacheable = 3

@cacheable
def f(x): return x + 1
print(f(1), robust_cacheable)

=== the new name is a function further down
from afml.cache import «cacheable→robust_cacheable as cacheable»

@cacheable
def f(x): return x + 1

def robust_cacheable(function): return function
print(f(1), robust_cacheable(2))

=== the new name is made global by a function
from afml.cache import «cacheable→robust_cacheable as cacheable»

@cacheable
def f(x): return x + 1

def g():
    global robust_cacheable
    robust_cacheable = 3
g()
print(f(1), robust_cacheable)

=== the new name is another library's
from functools import cache as robust_cacheable
from afml.cache import «cacheable→robust_cacheable as cacheable»

@cacheable
def f(x): return x + 1
print(f(1), robust_cacheable(len)("ab"))

=== the new name is taken where the decorator is not
from afml.cache import «cacheable»

def g(robust_cacheable): return robust_cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), g(2))

=== the new name is an attribute of a class elsewhere
from afml.cache import «cacheable»

class A:
    robust_cacheable = 2

@«cacheable»
def f(x): return x + 1
print(f(1), A.robust_cacheable)

=== the new name is an attribute of the class, the decorator stands in it
from afml.cache import «cacheable→robust_cacheable as cacheable»

class A:
    robust_cacheable = 2
    @cacheable
    def m(self, x): return x + 1
print(A.robust_cacheable, A.m.__name__)

=== an alias evades a name that is taken
from afml.cache import «cacheable» as c
robust_cacheable = 3

@c
def f(x): return x + 1
print(f(1), robust_cacheable)
"""

REBOUND = """
=== rebound by an assignment | left: ambiguous-binding
from afml.cache import cacheable
if not cacheable: cacheable = None

@cacheable
def f(x): return x + 1
print(f(1))

=== rebound by a function of the module | left: ambiguous-binding
from afml.cache import cacheable

def off():
    global cacheable
    cacheable = lambda function: function
off()

@cacheable
def f(x): return x + 1
print(f(1))

=== rebound by an inner function | left: ambiguous-binding
def load():
    from afml.cache import cacheable
    def off():
        nonlocal cacheable
        cacheable = lambda function: function
    off()
    @cacheable
    def f(x): return x + 1
    return f
print(load()(1))

=== rebound by a walrus | left: ambiguous-binding
from afml.cache import cacheable
print((cacheable := lambda function: function) is not None)

@cacheable
def f(x): return x + 1

=== rebound by a walrus within a comprehension | left: ambiguous-binding
from afml.cache import cacheable
print(any((cacheable := each) for each in [lambda function: function]))

@cacheable
def f(x): return x + 1

=== rebound by a pattern | left: ambiguous-binding
from afml.cache import cacheable
match lambda function: function:
    case cacheable: print("captured")

@cacheable
def f(x): return x + 1

=== rebound by a loop | left: ambiguous-binding
from afml.cache import cacheable
for cacheable in [lambda function: function]: print("bound")

@cacheable
def f(x): return x + 1

=== rebound by a with statement | left: ambiguous-binding
import contextlib
from afml.cache import cacheable
with contextlib.nullcontext(lambda function: function) as cacheable: print("bound")

@cacheable
def f(x): return x + 1

=== rebound by another import | left: ambiguous-binding
from afml.cache import cacheable
from functools import cache as cacheable

@cacheable
def f(x): return x + 1
print(f.cache_info())

=== rebound by a type alias | left: ambiguous-binding | cannot run
from afml.cache import cacheable
type cacheable = int

@cacheable
def f(x): return x + 1

=== deleted | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
del cacheable
print(f(1))

=== deleted in a function that declares it global | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
def tidy():
    global cacheable
    del cacheable
tidy()
print(f(1), "cacheable" in globals())

=== deleted by an except clause | left: ambiguous-binding
from afml.cache import cacheable

@cacheable
def f(x): return x + 1
try: 1 / 0
except ZeroDivisionError as cacheable: print(cacheable)

=== local, and used before it is bound | left: re-export | cannot run
from afml.cache import cacheable

def g():
    @cacheable
    def f(x): return x + 1
    cacheable = 3
    return f
print(g())
"""


@pytest.mark.parametrize("case", cases(TAKEN))
def test_the_new_name_is_taken(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(REBOUND))
def test_it_is_rebound(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
