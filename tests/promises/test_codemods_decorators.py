"""Every form in which the old decorator can decorate, before and after, run both times."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

WRITTEN = """
=== called without arguments
from afml.cache import «cacheable»

@«cacheable»()
def f(x): return x + 1
print(f(1), f(1))

=== called without arguments, with spaces and a comment
from afml.cache import «cacheable»

@ «cacheable» (  # cacheable
)
def f(x): return x + 1
print(f(1))

=== between parentheses
from afml.cache import «cacheable»

@(«cacheable»)
def f(x): return x + 1
print(f(1))

=== between many parentheses and called
from afml.cache import «cacheable»

@((«cacheable»)())
def f(x): return x + 1
print(f(1))

=== between parentheses on lines of their own
from afml.cache import «cacheable»

@(
    # cacheable, first
    «cacheable»  # cacheable, second
)
def f(x): return x + 1
print(f(1))

=== on a continued line
from afml.cache import «cacheable»

@\\
«cacheable»
def f(x): return x + 1
print(f(1))

=== an attribute, called and between parentheses
import afml.cache as c

@(c.«cacheable»())
def f(x): return x + 1
print(f(1))

=== an attribute over several lines
import afml.cache as c

@(c
  .«cacheable»)
def f(x): return x + 1
print(f(1))

=== with arguments that the new one takes
from afml.cache import «cacheable»

@«cacheable»(ignore=["verbose"])
def f(x, verbose=False): return x + 1
print(f(1), f(1, verbose=True))

=== with arguments over several lines
from afml.cache import «cacheable»

@«cacheable»(
    ignore=(
        "verbose",  # not cacheable
    ),
)
def f(x, verbose=False): return x + 1
print(f(1), f(1, verbose=True))

=== comments and empty lines between the decorator and the function
from afml.cache import «cacheable»

@«cacheable»

# cacheable

def f(x): return x + 1
print(f(1))

=== the name inside of its own argument
from afml.cache import «cacheable»

@«cacheable»(ignore=["cacheable"])
def f(x, cacheable=1): return x + 1
print(f(1))
"""

DECORATED = """
=== a method
from afml.cache import «cacheable»

class A:
    @«cacheable»
    def m(self, x): return x + 1
print(A.m.__name__)

=== a static method and a class method
from afml.cache import «cacheable»

class A:
    @staticmethod
    @«cacheable»
    def s(x): return x + 1

    @classmethod
    @«cacheable»
    def c(cls, x): return x + 2
print(A.s(1), A().s(1), A.c is not None)

=== a property
from afml.cache import «cacheable»

class A:
    @property
    @«cacheable»
    def p(self): return 1
print(type(A.p).__name__)

=== a method of a class within a function
from afml.cache import «cacheable»

def make():
    class A:
        class B:
            @staticmethod
            @«cacheable»
            def f(x): return x + 1
    return A
print(make().B.f(1))

=== a nested function
from afml.cache import «cacheable»

def make(step):
    @«cacheable»
    def f(x): return x + 1
    return f
print(make(1)(1))

=== functions in compound statements
from afml.cache import «cacheable»

if True:
    @«cacheable»
    def a(x): return x + 1
for _ in range(1):
    @«cacheable»
    def b(x): return x + 2
try:
    @«cacheable»
    def c(x): return x + 3
finally:
    @«cacheable»
    def d(x): return x + 4
match 1:
    case 1:
        @«cacheable»
        def e(x): return x + 5
print(a(1), b(1), c(1), d(1), e(1))

=== a function with type parameters | runs on 3.12
from afml.cache import «cacheable»

@«cacheable»
def f[T](x: T) -> T: return x
print(f(1))

=== an async function
import asyncio
from afml.cache import «cacheable»

@«cacheable»
async def f(x): return x + 1
print(asyncio.run(f(1)))

=== many functions of a name
from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
first = f
@«cacheable»
def f(x): return x + 2
print(first.__name__, f(1))

=== two functions, one of which takes a series
import pandas as pd
from afml.cache import «cacheable→robust_cacheable, time_aware_cacheable»

@«cacheable»
def f(x): return x + 1

@«cacheable→time_aware_cacheable»
def g(close: pd.Series): return close.sum()
print(f(1), g(pd.Series([1.0, 2.0])))
"""

STACKED = """
=== below another decorator
import functools
from afml.cache import «cacheable»

def loud(function):
    @functools.wraps(function)
    def wrapper(*args):
        print("called")
        return function(*args)
    return wrapper

@loud
@«cacheable»
def f(x): return x + 1
print(f(1), f(1))

=== above another decorator that returns a function
import functools
from afml.cache import «cacheable»

def loud(function):
    @functools.wraps(function)
    def wrapper(*args):
        print("called")
        return function(*args)
    return wrapper

@«cacheable»
@loud
def f(x): return x + 1
print(f(1), f(1))

=== above a decorator that nobody knows | left: value-use
import functools
from afml.cache import cacheable

@cacheable
@functools.lru_cache
def f(x): return x + 1
print("defined")

=== above a property | left: value-use | cannot run
from afml.cache import cacheable

class A:
    @cacheable
    @property
    def p(self): return 1
print(A().p)

=== next to one that mentions it
from afml.cache import «cacheable»

def named(text): return lambda function: function

@named("cacheable")
@«cacheable»
def f(x): return x + 1
print(f(1))

=== next to one that is given it | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

def given(other): return lambda function: function

@given(cacheable)
@«cacheable»
def f(x): return x + 1
print(f(1))

=== below a property and its setter
from afml.cache import «cacheable»

class A:
    @property
    @«cacheable»
    def p(self): return 1
    @p.setter
    def p(self, value): print("set", value)
A().p = 3
"""


@pytest.mark.parametrize("case", cases(WRITTEN))
def test_how_it_is_written(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(DECORATED))
def test_what_is_decorated(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(STACKED))
def test_what_stands_beside_it(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
