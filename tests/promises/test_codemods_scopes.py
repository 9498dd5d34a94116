"""Names are resolved by scope: what else bears the name stays, and the file runs as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

PLACES = """
=== imported within a function
def load():
    from afml.cache import «cacheable»

    @«cacheable»
    def f(x): return x + 1
    return f
print(load()(1))

=== imported within an async function
import asyncio

async def load():
    from afml.cache import «cacheable»

    @«cacheable»
    def f(x): return x + 1
    return f
print(asyncio.run(load())(1))

=== imported within a class
class A:
    from afml.cache import «cacheable»

    @staticmethod
    @«cacheable»
    def f(x): return x + 1
print(A.f(1))

=== imported within a class, in a method
class A:
    def load(self):
        from afml.cache import «cacheable»
        @«cacheable»
        def f(x): return x + 1
        return f
print(A().load()(1))

=== imported two functions further out
def outer():
    from afml.cache import «cacheable»
    def middle():
        def inner():
            @«cacheable»
            def f(x): return x + 1
            return f
        return inner
    return middle
print(outer()()()(1))

=== imported in the function and in the module
from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1

def load():
    from afml_cache import «cacheable»
    @«cacheable»
    def g(x): return x + 2
    return g
print(f(1), load()(1))

=== imported below the function that uses it
def load():
    @«cacheable»
    def f(x): return x + 1
    return f

from afml.cache import «cacheable»
print(load()(1))

=== imported in a branch
if True:
    from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== imported in both branches
import sys
if sys.version_info > (3, 5):
    from afml.cache import «cacheable»
else:
    from afml_cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== imported in a loop and in a with statement
import contextlib
for _ in range(2):
    with contextlib.suppress(ValueError):
        from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== declared global by a function that imports it | left: ambiguous-binding
def load():
    global cacheable
    from afml.cache import cacheable
load()

@cacheable
def f(x): return x + 1
print(f(1))

=== declared global by a function that uses it
from afml.cache import «cacheable»

def load():
    global cacheable
    @«cacheable»
    def f(x): return x + 1
    return f
print(load()(1))

=== for type checkers only | cannot run
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== for type checkers, and otherwise from the other package
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afml.cache import «cacheable»
else:
    from afml_cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))
"""

SHADOWS = """
=== a parameter
from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1

def g(cacheable):
    @cacheable
    def h(x): return x * 2
    return h
print(f(1), g(lambda h: h)(2))

=== parameters of every kind
from afml.cache import «cacheable»

def a(cacheable, /): return cacheable
def b(*cacheable): return cacheable
def c(*, cacheable): return cacheable
def d(**cacheable): return cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), a(1), b(2), c(cacheable=3), d(cacheable=4))

=== the parameter of a lambda
from afml.cache import «cacheable»
twice = lambda cacheable: cacheable * 2

@«cacheable»
def f(x): return x + 1
print(f(1), twice(2))

=== the variable of a comprehension
from afml.cache import «cacheable»
seen = [cacheable for cacheable in (1, 2)], {cacheable: 1 for cacheable in "a"}

@«cacheable»
def f(x): return x + 1
print(f(1), seen)

=== a local variable
from afml.cache import «cacheable»

def g():
    cacheable = lambda function: function
    @cacheable
    def h(x): return x + 2
    return h

@«cacheable»
def f(x): return x + 1
print(f(1), g()(1))

=== a local variable of a function around
from afml.cache import «cacheable»

def g():
    def inner():
        @cacheable
        def h(x): return x + 2
        return h
    cacheable = lambda function: function
    return inner()

@«cacheable»
def f(x): return x + 1
print(f(1), g()(1))

=== a local function
from afml.cache import «cacheable»

def g():
    def cacheable(function): return function
    @cacheable
    def h(x): return x + 2
    return h

@«cacheable»
def f(x): return x + 1
print(f(1), g()(1))

=== a name bound by walrus, for, with, except and import
from afml.cache import «cacheable»
import contextlib

def a():
    return (cacheable := 1) + cacheable
def b():
    for cacheable in (1, 2): pass
    return cacheable
def c():
    with contextlib.nullcontext(3) as cacheable: return cacheable
def d():
    try: 1 / 0
    except ZeroDivisionError as cacheable: return str(cacheable)
def e():
    import os as cacheable
    return cacheable.sep

@«cacheable»
def f(x): return x + 1
print(f(1), a(), b(), c(), d(), e())

=== names captured by patterns
from afml.cache import «cacheable»

def a(value):
    match value:
        case [cacheable, *_]: return cacheable
        case {"key": cacheable, **rest}: return cacheable, rest
        case int() as cacheable: return cacheable
        case str(cacheable): return cacheable
        case cacheable: return cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), a([1]), a({"key": 2}), a(3), a("4"), a(None))

=== an annotation makes a name local
from afml.cache import «cacheable»

def g():
    cacheable: object
    cacheable = str.upper
    return cacheable("a")

@«cacheable»
def f(x): return x + 1
print(f(1), g())

=== an attribute of a class is seen within the class
from afml.cache import «cacheable»

class A:
    def cacheable(function): return function
    @cacheable
    def m(self, x): return x + 2

@«cacheable»
def f(x): return x + 1
print(f(1), A().m(1))

=== an attribute of a class is not seen within its methods
from afml.cache import «cacheable»

class A:
    cacheable = True
    def m(self):
        @«cacheable»
        def f(x): return x + 1
        return f
print(A().m()(1), A.cacheable)

=== a keyword, an attribute and a key
from afml.cache import «cacheable»

class A: pass
a = A()
a.cacheable = 1
d = dict(cacheable=2)

@«cacheable»
def f(x, cacheable=0): return x + 1 + cacheable
print(f(1, cacheable=3), a.cacheable, d["cacheable"])

=== a type parameter of a function | needs 3.12
from afml.cache import «cacheable»

def g[cacheable](x: cacheable) -> cacheable: return x

@«cacheable»
def f[T](x: T) -> T: return x
print(f(1), g(1))

=== a type parameter of a class | cannot run | needs 3.12
from afml.cache import «cacheable»

class A[cacheable]:
    @cacheable
    def m(self): ...

@«cacheable»
def f[T](x: T) -> T: return x
print(f(1))

=== the variable of a type alias | needs 3.12
from afml.cache import «cacheable»

type Pair[cacheable] = tuple[cacheable, cacheable]

@«cacheable»
def f(x): return x
print(f(1))
"""


@pytest.mark.parametrize("case", cases(PLACES))
def test_where_it_is_imported(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(SHADOWS))
def test_what_shadows_it(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
