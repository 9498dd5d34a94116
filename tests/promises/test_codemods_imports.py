"""Every form in which a file can import the old decorator, before and after, run both times."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

MODULES = """
=== from the package that the guide names
from afml.cache import «cacheable»

@«cacheable»
def f(x):
    print("f", x)
    return x + 1

print(f(1), f(1), f(x=1))

=== from the package under its own name
from afml_cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), f(1))

=== from the submodule that defines it, which does not define the new one
from «afml_cache.legacy→afml_cache» import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== from the submodule that the guide names
from «afml.cache.selective_cleaner→afml.cache» import «smart_cacheable→robust_cacheable»

@«smart_cacheable»
def f(x): return x + 1
print(f(1))

=== the module under a name
import afml.cache as c

@c.«cacheable»
def f(x): return x + 1
print(f(1))

=== the module by its dotted name
import afml.cache

@afml.cache.«cacheable»
def f(x): return x + 1
print(f(1))

=== the module from its package
from afml import cache

@cache.«cacheable»
def f(x): return x + 1
print(f(1))

=== the module from its package, renamed
from afml import cache as store

@store.«cacheable»
def f(x): return x + 1
print(f(1))

=== the package of the cache
import afml_cache

@afml_cache.«cacheable»
def f(x): return x + 1
print(f(1))

=== the package of the cache, renamed to the name of the decorator
import afml_cache as cacheable

@cacheable.«cacheable»
def f(x): return x + 1
print(f(1))

=== one module of several in a statement
import os, afml.cache as c, sys

@c.«cacheable»
def f(x): return x + 1
print(f(1), os.sep, sys.byteorder)

=== the dotted name beside another submodule of the package
import afml_cache.errors
import afml.cache

@afml.cache.«cacheable»
def f(x): return x + 1
print(f(1), afml_cache.errors.AfmlCacheError.__name__)

=== a dotted name that leads to the package by way of its parent
import afml, afml.cache

@afml.cache.«cacheable»
def f(x): return x + 1
print(f(1))

=== the module given a second name by assignment
import afml.cache as c
d = c

@d.cacheable
def f(x): return x + 1
print(f(1))

=== the decorator given a second name by assignment | left: value-use
from afml.cache import cacheable
cached = cacheable

@cached
def f(x): return x + 1
print(f(1))

=== importlib finds it
import importlib
cacheable = importlib.import_module("afml.cache").cacheable

@cacheable
def f(x): return x + 1
print(f(1))
"""

NAMES = """
=== renamed on import
from afml.cache import «cacheable» as cache

@cache
def f(x): return x + 1
print(f(1))

=== renamed to an underscore
from afml.cache import «cacheable» as _

@_
def f(x): return x + 1
print(f(1))

=== renamed, and another library's bears the name
from functools import cache as cacheable
from afml.cache import «cacheable» as c

@c
def f(x): return x + 1

@cacheable
def g(x): return x + 2
print(f(1), g(1), g.cache_info())

=== imported twice under two names
from afml.cache import «cacheable», «cacheable» as c

@«cacheable»
def f(x): return x + 1

@c
def g(x): return x + 2
print(f(1), g(1))

=== the new one is there already
from afml.cache import «cacheable, →»robust_cacheable

@«cacheable»
def f(x): return x + 1

@robust_cacheable
def g(x): return x + 2
print(f(1), g(1))

=== the new one is there already, in a statement of its own
«from afml.cache import cacheable
→»from afml.cache import robust_cacheable

@«cacheable»
def f(x): return x + 1

@robust_cacheable
def g(x): return x + 2
print(f(1), g(1))

=== the new one is there already, imported below
«from afml_cache import cacheable
→»import os
from afml.cache import robust_cacheable

@«cacheable»
def f(x): return x + 1
print(f(1), os.sep, robust_cacheable(len)("ab"))

=== the new one is there already, under a name
from afml.cache import «cacheable, →»robust_cacheable as rc

@«cacheable→rc»
def f(x): return x + 1

@rc
def g(x): return x + 2
print(f(1), g(1))

=== imported twice in the same way
from afml.cache import «cacheable»
«from afml.cache import cacheable
→»
@«cacheable»
def f(x): return x + 1
print(f(1))

=== imported by name and by module
import afml.cache
from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1

@afml.cache.«cacheable»
def g(x): return x + 2
print(f(1), g(1))

=== the old one is kept, too | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
g = [cacheable]
print(f(1), len(g))
"""


@pytest.mark.parametrize("case", cases(MODULES))
def test_the_module(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(NAMES))
def test_the_name(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
