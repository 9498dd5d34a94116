"""What is no decorator stays, and keeps what it needs; so do strings and other libraries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.codemod_cases import Case, cases

VALUES = """
=== applied by hand | left: value-use
from afml.cache import cacheable

def g(x): return x + 1
f = cacheable(g)
print(f(1))

=== applied by hand with arguments | left: value-use
from afml.cache import cacheable

def g(x): return x + 1
f = cacheable(ignore=[])(g)
print(f(1))

=== applied by hand through the module | left: value-use
import afml.cache as c

def g(x): return x + 1
f = c.cacheable(g)
print(f(1))

=== beside a decorator | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
g = cacheable(len)
print(f(1), g("ab"))

=== in a list that is sorted, and stays so | left: value-use
from afml.cache import cacheable, get_cache_stats«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), get_cache_stats.__name__, cacheable.__name__)

=== renamed, and used otherwise, too | left: value-use
from afml.cache import cacheable as c«→, robust_cacheable»

@«c→robust_cacheable»
def f(x): return x + 1
print(f(1), c(len)("ab"))

=== in a registry | left: value-use
from afml.cache import cacheable
REGISTRY = {"cacheable": cacheable}

@REGISTRY["cacheable"]
def f(x): return x + 1
print(f(1))

=== the default of a parameter | left: value-use
from afml.cache import cacheable

def make(decorator=cacheable): return decorator(len)
print(make()("ab"))

=== returned | left: value-use
from afml.cache import cacheable

def make(): return cacheable
print(make()(len)("ab"))

=== within an f-string | left: value-use
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), f"{cacheable.__name__}")

=== mapped | left: value-use
from afml.cache import cacheable

def g(x): return x + 1
print([f(1) for f in map(cacheable, [g])])

=== an attribute of a class | left: value-use
from afml.cache import cacheable

class A:
    decorator = staticmethod(cacheable)
print(A.decorator(len)("ab"))

=== the attribute of a class that imports it | left: anything
class A:
    from afml.cache import cacheable«→, robust_cacheable»
    @staticmethod
    @«cacheable»
    def f(x): return x + 1
print(A.f(1), A.cacheable(len)("ab"))

=== an annotation | left: value-use
from afml.cache import cacheable

def f(x: cacheable): return x + 1
print(f(1))

=== in the arguments of a base class | left: value-use
from afml.cache import cacheable

class Meta(type):
    def __new__(mcls, name, bases, space, decorator):
        return type.__new__(mcls, name, bases, space)
class A(metaclass=Meta, decorator=cacheable): pass
print(A.__name__)

=== looked up among the globals | left: anything
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), globals()["cacheable"](len)("ab"))

=== looked up in this module by its name | left: anything
import sys
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), getattr(sys.modules[__name__], "cacheable")(len)("ab"))

=== evaluated | left: anything
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), eval("cacheable(len)('ab')"))

=== used by a doctest | left: anything
'''
>>> @cacheable
... def g(x): return x + 2
>>> g(1)
3
'''
import doctest
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1), doctest.testmod())
"""

EXPORTS = """
=== in __all__ | left: re-export
from afml.cache import cacheable

__all__ = ["cacheable"]
print(__all__)

=== in __all__ and used | left: re-export
from afml.cache import cacheable«→, robust_cacheable»

__all__ = ["cacheable", "f"]

@«cacheable»
def f(x): return x + 1
print(f(1))

=== in __all__, added later | left: re-export
from afml.cache import cacheable«→, robust_cacheable»

__all__ = ["f"]
__all__ += ["cacheable"]
__all__.append("f")

@«cacheable»
def f(x): return x + 1
print(f(1), __all__)

=== as itself | left: re-export value-use
from afml.cache import cacheable as cacheable
print(cacheable is not None)

=== imported and not used | left: re-export
from afml.cache import cacheable
print("nothing")

=== imported and not used, with a mark | left: re-export
from afml.cache import cacheable  # noqa: F401
print("nothing")
"""

FALLBACKS = """
=== a stand-in that returns the function
try:
    from afml.cache import «cacheable→robust_cacheable as cacheable»
except ImportError:
    def cacheable(function):
        return function

@cacheable
def f(x): return x + 1
print(f(1))

=== a stand-in that is a lambda
try:
    from afml.cache import «cacheable→robust_cacheable as cacheable»
except ImportError:
    cacheable = lambda function: function

@cacheable
def f(x): return x + 1
print(f(1))

=== a stand-in that does more | left: fallback-definition
try:
    from afml.cache import cacheable
except ImportError:
    from functools import cache as cacheable

@cacheable
def f(x): return x + 1
print(f(1))

=== a stand-in that is nothing | left: fallback-definition
try:
    from afml.cache import cacheable
except ModuleNotFoundError:
    cacheable = None

if cacheable:
    @cacheable
    def f(x): return x + 1
    print(f(1))

=== the one or the other package
try:
    from afml.cache import «cacheable»
except ImportError:
    from afml_cache import «cacheable»

@«cacheable»
def f(x): return x + 1
print(f(1))

=== tried, and nothing in its place
try:
    from afml.cache import «cacheable»
except ImportError:
    raise SystemExit("no cache")

@«cacheable»
def f(x): return x + 1
print(f(1))

=== tried, and the decorated function in the else branch
try:
    from afml.cache import «cacheable»
except ImportError:
    f = None
else:
    @«cacheable»
    def f(x): return x + 1
print(f(1))
"""

OTHERS = """
=== another library's
from functools import cache as cacheable

@cacheable
def f(x): return x + 1
print(f(1))

=== another library's, imported by name | cannot run
from joblib_extras import cacheable

@cacheable
def f(x): return x + 1

=== another library's module | cannot run
import dogpile.cache as afml

@afml.cacheable
def f(x): return x + 1

=== a module whose name begins alike | cannot run
from afml.cache2 import cacheable
from afml_cache_extras import smart_cacheable
import afml.caches

@cacheable
@smart_cacheable
@afml.caches.cacheable
def f(x): return x + 1

=== a name that contains it
from afml.cache import «cacheable»

def uncacheable(function): return function
cacheable_ = smart_cacheable2 = uncacheable

@uncacheable
@cacheable_
@smart_cacheable2
@«cacheable»
def f(x): return x + 1
print(f(1))

=== defined here
def cacheable(function): return function

@cacheable
def f(x): return x + 1
print(f(1))

=== from nowhere | cannot run
@cacheable
def f(x): return x + 1

=== a method of an object
class Memory:
    def cacheable(self, function): return function
memory = Memory()

@memory.cacheable
def f(x): return x + 1
print(f(1))

=== strings and comments of every kind
'''@cacheable, from afml.cache import cacheable'''
# from afml.cache import cacheable
from afml.cache import «cacheable»  # @cacheable

CODE = "from afml.cache import cacheable; @cacheable"
RAW = rb'''@cacheable'''
TEXT = f"@cacheable {1 + 1} cacheable"

@«cacheable»
def f(x):
    "from afml.cache import cacheable"
    return x + 1  # cacheable
print(f(1), __doc__, f.__doc__, CODE, RAW, TEXT)

=== the word in a string only
print("from afml.cache import cacheable")
"""


@pytest.mark.parametrize("case", cases(VALUES))
def test_a_value(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(EXPORTS))
def test_what_a_file_hands_on(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(FALLBACKS))
def test_an_optional_import(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)


@pytest.mark.parametrize("case", cases(OTHERS))
def test_what_is_not_ours(case: Case, check_case: Callable[[Case], None]) -> None:
    check_case(case)
