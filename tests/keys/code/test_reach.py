"""Every form in which a function can reach a piece of project code.

In each example the number 1234 sits in code that ``signal`` reaches; it is edited to 4321.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project


def _examples(text: str) -> dict[str, str]:
    """``## name`` and the lines below it."""
    return dict(part.split("\n", 1) for part in text.split("## ")[1:])  # type: ignore[misc]


REACHED = _examples(
    """
## by bare name
def helper(x): return x + 1234
def signal(x): return helper(x)

## through another function
def helper(x): return x + 1234
def between(x): return helper(x)
def signal(x): return between(x)

## through a module
import other
def signal(x): return other.helper(x)

## through a package
import pack.inner
def signal(x): return pack.inner.helper(x)

## through an alias
import pack.inner as i
def signal(x): return i.helper(x)

## through an alias assigned
def helper(x): return x + 1234
alias = helper
def signal(x): return alias(x)

## a constant through a module
import other
def signal(x): return other.NUMBER

## in a nested function
def helper(x): return x + 1234
def signal(x):
    def inner(y):
        return helper(y)
    return inner(x)

## in a lambda
def helper(x): return x + 1234
def signal(x): return (lambda y: helper(y))(x)

## in a comprehension
def helper(x): return x + 1234
def signal(x): return [helper(v) for v in x]

## in a comprehension's source
def helper(x): return x + 1234
def signal(x): return [v for v in helper(x)]

## in a generator's condition
def helper(x): return x + 1234
def signal(x): return list(v for v in x if helper(v))

## in a nested default
def helper(x): return x + 1234
def signal(x):
    def inner(y=helper(1)):
        return y
    return inner()

## in a nested decorator
def deco(f): return lambda y: f(y) + 1234
def signal(x):
    @deco
    def inner(y):
        return y
    return inner(x)

## in a nested class
def helper(x): return x + 1234
def signal(x):
    class Inner:
        y = helper(1)
    return Inner.y

## in an f-string
def helper(x): return x + 1234
def signal(x): return f'{helper(x):>{10}}'

## in a match statement
def helper(x): return x + 1234
def signal(x):
    match x:
        case [y, *rest]:
            return helper(y)

## in an assignment expression
def helper(x): return x + 1234
def signal(x): return [z for y in x if (z := helper(y))]

## in an async function
def helper(x): return x + 1234
async def signal(x): return helper(x)

## in a default
def signal(x, n=1234): return n

## a function as default
def helper(x): return x + 1234
def signal(x, f=helper): return f(x)

## a lambda as default
def signal(x, f=lambda y: y + 1234): return f(x)

## a keyword's default
def signal(x, *, n=(1234,)): return n

## imported in the body
def signal(x):
    from other import helper
    return helper(x)

## a module imported in the body
def signal(x):
    import other as o
    return o.helper(x)

## a submodule imported in the body
def signal(x):
    import pack.inner
    return pack.inner.helper(x)

## imported under try in the body
def signal(x):
    try:
        from nowhere import helper
    except ImportError:
        from other import helper as spare
        return spare(x)

## a closure's value
def make(n):
    def signal(x): return x + n
    return signal
signal = make(1234)

## a closure's array
import numpy
def make(n):
    def signal(x): return x + n
    return signal
signal = make(numpy.array([1234]))

## a closure's function
def helper(x): return x + 1234
def make(f):
    def signal(x): return f(x)
    return signal
signal = make(helper)

## a closure of the nested function
def helper(x): return x + 1234
def make(f):
    def signal(x):
        return [f(v) for v in x]
    return signal
signal = make(helper)

## a partial's function
from functools import partial
def helper(x): return x + 1234
part = partial(helper, 1)
def signal(x): return part()

## a partial's argument
from functools import partial
part = partial(max, 1234)
def signal(x): return part(x)

## a partial's keyword
from functools import partial
part = partial(sorted, key=lambda y: 1234)
def signal(x): return part(x)

## a partial in a partial
from functools import partial
def helper(x): return x + 1234
part = partial(partial(helper), 1)
def signal(x): return part()

## a bound method
class Model:
    def run(self): return 1234
run = Model().run
def signal(x): return run()

## what a bound method is bound to
class Model:
    def __init__(self): self.n = 1234
    def run(self): return self.n
run = Model().run
def signal(x): return run()

## a class that is called
class Model:
    def __init__(self): self.n = 1234
def signal(x): return Model()

## a method of a class that is called
class Model:
    def run(self): return 1234
def signal(x): return Model().run()

## a helper of such a method
def helper(x): return x + 1234
class Model:
    def run(self): return helper(1)
def signal(x): return Model().run()

## a base class
class Base:
    def run(self): return 1234
class Model(Base): pass
def signal(x): return Model().run()

## a metaclass
class Meta(type):
    def __call__(cls): return 1234
class Model(metaclass=Meta): pass
def signal(x): return Model()

## a static method
class Model:
    @staticmethod
    def run(x): return 1234
def signal(x): return Model.run(x)

## a class method
class Model:
    @classmethod
    def run(cls): return cls.n
    n = 1234
def signal(x): return Model.run()

## a class attribute
class Model:
    n = 1234
def signal(x): return Model.n

## a class in a class
class Model:
    class Options:
        n = 1234
def signal(x): return Model.Options.n

## a class through a module
import other
def signal(x): return other.Thing().run()

## a property
class Model:
    @property
    def n(self): return 1234
def signal(x): return Model().n

## a cached property
from functools import cached_property
class Model:
    @cached_property
    def n(self): return 1234
def signal(x): return Model().n

## an enum's member
from enum import Enum
class Side(Enum):
    LONG = 1234
def signal(x): return Side.LONG

## an enum's method
from enum import Enum
class Side(Enum):
    LONG = 1
    def sign(self): return 1234
def signal(x): return Side.LONG.sign()

## an enum's method through a constant
from enum import Enum
class Side(Enum):
    LONG = 1
    def sign(self): return 1234
SIDE = Side.LONG
def signal(x): return SIDE.sign()

## an enum's method through a tuple
from enum import Enum
class Side(Enum):
    LONG = 1
    def sign(self): return 1234
SIDES = (Side.LONG, 2)
def signal(x): return SIDES[0].sign()

## a named tuple's default
from typing import NamedTuple
class P(NamedTuple):
    n: int = 1234
def signal(x): return P()

## a named tuple's method
from typing import NamedTuple
class P(NamedTuple):
    n: int = 1
    def m(self): return 1234
def signal(x): return P().m()

## a dataclass's factory
from dataclasses import dataclass, field
@dataclass
class P:
    n: list = field(default_factory=lambda: [1234])
def signal(x): return P()

## an attrs class's default
import attrs
@attrs.define
class P:
    n: int = 1234
def signal(x): return P()

## an attrs class's method
import attrs
@attrs.define
class P:
    n: int = 1
    def m(self): return 1234
def signal(x): return P().m()

## an instance
class Model:
    def __init__(self, n): self.n = n
model = Model(1234)
def signal(x): return model.n

## an instance's method
class Model:
    def run(self): return 1234
model = Model()
def signal(x): return model.run()

## an instance in an instance
class Costs:
    def fee(self): return 1234
class Engine:
    def __init__(self): self.costs = [Costs()]
engine = Engine()
def signal(x): return engine.costs[0].fee()

## an instance given to an instance
class Costs:
    def fee(self): return 1234
class Engine: pass
engine = Engine()
engine.costs = {"usual": Costs()}
def signal(x): return engine.costs["usual"].fee()

## an instance in a slot
class Costs:
    def fee(self): return 1234
class Engine:
    __slots__ = ("costs",)
engine = Engine()
engine.costs = Costs()
def signal(x): return engine.costs.fee()

## a global that a class body does not hide
n = 1234
def signal(x):
    class Inner:
        n = 1
        def run(self): return n
    return Inner().run()

## a class in an instance
class Costs:
    def fee(self): return 1234
class Engine: pass
engine = Engine()
engine.costs = Costs
def signal(x): return engine.costs().fee()

## an instance with __call__
class Model:
    def __call__(self, x): return 1234
model = Model()
def signal(x): return model(x)

## a function in an instance
def helper(x): return x + 1234
class Model: pass
model = Model()
model.f = helper
def signal(x): return model.f(x)

## what such a function calls
def helper(x): return x + 1234
def between(x): return helper(x)
class Model: pass
model = Model()
model.f = between
def signal(x): return model.f(x)

## a function in a dict
def helper(x): return x + 1234
TABLE = {'a': helper}
def signal(x): return TABLE['a'](x)

## what a function in a dict calls
def helper(x): return x + 1234
def between(x): return helper(x)
TABLE = {'a': [between]}
def signal(x): return TABLE['a'][0](x)

## a class in a tuple
class Model:
    def run(self): return 1234
ALL = (Model,)
def signal(x): return ALL[0]().run()

## an instance in a list
class Model:
    def run(self): return 1234
ALL = [Model()]
def signal(x): return ALL[0].run()

## a function in a set
def helper(x): return x + 1234
ALL = {helper}
def signal(x): return [f(x) for f in ALL]

## a value beside a function
def helper(x): return x + 1
TABLE = {'a': helper, 'n': 1234}
def signal(x): return TABLE

## an lru_cache
from functools import lru_cache
@lru_cache
def helper(x): return x + 1234
def signal(x): return helper(x)

## a function under its decorator
import functools
def deco(f):
    @functools.wraps(f)
    def w(*a): return f(*a)
    return w
@deco
def signal(x): return x + 1234

## a decorator's wrapper
import functools
def deco(f):
    @functools.wraps(f)
    def w(*a): return f(*a) + 1234
    return w
@deco
def signal(x): return x

## a decorator's argument
import functools
def deco(n):
    def d(f):
        @functools.wraps(f)
        def w(*a): return f(*a) + n
        return w
    return d
@deco(1234)
def signal(x): return x

## a context manager
from contextlib import contextmanager
@contextmanager
def section():
    yield 1234
def signal(x):
    with section() as s:
        return s

## singledispatch
from functools import singledispatch
@singledispatch
def helper(x): return 0
@helper.register
def _(x: int): return 1234
def signal(x): return helper(x)

## np.vectorize
import numpy as np
def helper(x): return x + 1234
v = np.vectorize(helper)
def signal(x): return v(x)

## another cached function
from afml_cache import robust_cacheable
@robust_cacheable
def helper(x): return x + 1234
def signal(x): return helper(x)

## what a cached function calls
from afml_cache import robust_cacheable
def helper(x): return x + 1234
@robust_cacheable
def between(x): return helper(x)
def signal(x): return between(x)

## a cached function's version
from afml_cache import robust_cacheable
@robust_cacheable(version=1234)
def between(x): return x
def signal(x): return between(x)

## a cached function of joblib
import joblib
memory = joblib.Memory(None)
@memory.cache
def helper(x): return x + 1234
def signal(x): return helper(x)

## a module as a whole
import other
def signal(x): return getattr(other, x)()

## a set of numbers
ALL = {1, 1234}
def signal(x): return x in ALL

## a frame
import pandas
TABLE = pandas.DataFrame({'a': [1234]})
def signal(x): return TABLE

## a date
import datetime
START = datetime.date(1234, 1, 1)
def signal(x): return START

## a name that shadows a builtin
def sum(x): return 1234
def signal(x): return sum(x)

## through a conditional import
try:
    from missing import helper
except ImportError:
    from other import helper
def signal(x): return helper(x)

## through from-import of a package
from pack import helper
def signal(x): return helper(x)

## through a star import
from other import *
def signal(x): return helper(x)

## by its own name
def signal(x, n=1234): return signal(x - 1) if x else n
"""
)

METHODS = _examples(
    """
## self.method
def signal(self): return self.other()
def other(self): return 1234

## self.attribute
n = 1234
def signal(self): return self.n

## self.__class__.attribute
n = 1234
def signal(self): return self.__class__.n

## type(self).attribute
n = 1234
def signal(self): return type(self).n

## a property
def signal(self): return self.p
@property
def p(self): return 1234

## in a lambda
def signal(self): return [lambda: self.o()]
def o(self): return 1234

## in a chain
def signal(self): return self.a()
def a(self): return self.b()
def b(self): return 1234

## an augmented attribute
n = 1234
def signal(self): self.n += 1

## cls.attribute
n = 1234
@classmethod
def signal(cls): return cls.n

## cls()
def __init__(self): self.n = 1234
@classmethod
def signal(cls): return cls()

## self handed on
def signal(self): return show(self)
def other(self): return 1234

## getattr(self, name)
def signal(self): return getattr(self, 'o')
def o(self): return 1234

## super().method
def signal(self): return super().base()

## a method of the base
def signal(self): return self.base()

## what a method of the base asks
def hook(self): return 1234
def signal(self): return self.calls_hook()

## a cached method
def signal(self): return self.o()
@robust_cacheable
def o(self): return 1234

## by the class's name
n = 1234
def signal(self): return Model.n

## a nested helper method
def signal(self):
    def f(): return self.o()
    return f()
def o(self): return 1234

## a static method
def signal(self): return self.s(1)
@staticmethod
def s(x): return x + 1234
"""
)

HELPER = "def helper(x): return x + 1234\n"


def _support(project: Project) -> None:
    thing = "class Thing:\n    def run(self): return 1234\n"
    project.write("other.py", HELPER + "NUMBER = 1234\n" + thing)
    project.write("pack/__init__.py", "from pack.inner import helper\n")
    project.write("pack/inner.py", HELPER)


@pytest.mark.parametrize("source", REACHED.values(), ids=REACHED)
def test_code_is_reached(source: str, project: Project) -> None:
    if "attrs" in source:
        pytest.importorskip("attrs")
    _support(project)
    project.write("quant.py", source)
    before = project.fingerprint()
    for name in ("quant.py", "other.py", "pack/inner.py"):
        path = project.folder / name
        path.write_text(path.read_text().replace("1234", "4321"))
    after = project.fingerprint()
    assert before.code != after.code
    assert before.parts != after.parts
    assert not before.edited and not after.edited


@pytest.mark.parametrize("body", METHODS.values(), ids=METHODS)
def test_a_method_reaches(body: str, project: Project) -> None:
    project.write(
        "base.py",
        """
        class Base:
            def base(self): return 1234
            def hook(self): return 0
            def calls_hook(self): return self.hook()
        """,
    )
    head = "from afml_cache import robust_cacheable\nfrom base import Base\ndef show(x): return x\n"
    project.write("quant.py", head + "class Model(Base):\n" + textwrap.indent(body, "    "))
    before = project.fingerprint("Model.signal")
    project.edit("quant.py" if "1234" in body else "base.py", "1234", "4321")
    after = project.fingerprint("Model.signal")
    assert before.code != after.code
    assert not before.left_out


NOT_REACHED = {
    "another method": (
        "class M:\n    def a(self): return 1\n    def b(self): return 1234\n",
        "M.a",
    ),
    "another attribute": ("class M:\n    n = 1234\n    def a(self): return self.m\n", "M.a"),
    "an attribute of what a static method is given": (
        "class M:\n    n = 1234\n    @staticmethod\n    def a(x): return x.n\n",
        "M.a",
    ),
    "a local of the same name": ("n = 1234\ndef signal(x):\n    n = 1\n    return n\n", "signal"),
    "a parameter of the same name": ("n = 1234\ndef signal(n): return n\n", "signal"),
    "a loop variable of the same name": (
        "n = 1234\ndef signal(x): return [n for n in x]\n",
        "signal",
    ),
    "an attribute of the same name": ("n = 1234\ndef signal(x): return x.n\n", "signal"),
    "a keyword of the same name": ("n = 1234\ndef signal(x): return x(n=1)\n", "signal"),
    "a name that is only annotated with": (
        "n = 1234\nimport builtins\ndef signal(x: n) -> n:\n    y: n = 1\n    return y\n",
        "signal",
    ),
    "an except variable of the same name": (
        "n = 1234\ndef signal(x):\n    try: pass\n    except Exception as n: return n\n",
        "signal",
    ),
    "a match capture of the same name": (
        "n = 1234\ndef signal(x):\n    match x:\n        case {'a': n}: return n\n",
        "signal",
    ),
}


@pytest.mark.parametrize("case", NOT_REACHED.values(), ids=NOT_REACHED)
def test_code_is_not_reached(case: tuple[str, str], project: Project) -> None:
    source, function = case
    project.write("quant.py", source)
    before = project.fingerprint(function)
    project.edit("quant.py", "1234", "4321")
    assert project.fingerprint(function).code == before.code


def test_numba_functions_are_followed_to_their_python_function(project: Project) -> None:
    pytest.importorskip("numba")
    project.write(
        "quant.py",
        """
        import numba
        def plain(x): return x + 1234
        inner = numba.njit(plain)
        @numba.njit
        def signal(x): return inner(x)
        """,
    )
    before = project.fingerprint()
    assert "numba" in before.packages
    project.edit("quant.py", "1234", "4321")
    assert project.fingerprint().code != before.code


CIRCLES = _examples(
    """
## two functions
def signal(x): return odd(x)
def odd(x): return signal(x - 1) + 1234

## three functions
def signal(x): return b(x)
def b(x): return c(x)
def c(x): return signal(x) + 1234

## a class and a function
class M:
    def run(self): return signal(self)
def signal(x): return M().run() + 1234

## a table that holds the function
def signal(x): return TABLE['s'](x) + 1234
TABLE = {'s': signal}

## an object that holds the function
class R: pass
R = R()
def signal(x): return R.f(x) + 1234
R.f = signal

## a registry of functions that use it
class Registry:
    def __init__(self): self.all = []
    def add(self, f): self.all.append(f); return f
registry = Registry()
for number in range(30):
    @registry.add
    def one(x, number=number): return registry.all[number](x)
@registry.add
def signal(x): return [f(x) for f in registry.all] + 1234

## a list that holds itself
ALL = [1234]
ALL.append(ALL)
def signal(x): return ALL

## a table that holds itself
def g(x): return 1234
T = {'g': g}
T['t'] = T
def signal(x): return T
"""
)


@pytest.mark.parametrize("source", CIRCLES.values(), ids=CIRCLES)
def test_circles_end(source: str, project: Project) -> None:
    project.write("quant.py", source)
    before = project.fingerprint()
    assert project.fingerprint() == before
    project.edit("quant.py", "1234", "4321")
    assert project.fingerprint().code != before.code


def test_it_does_not_matter_which_function_of_a_circle_is_asked_first(project: Project) -> None:
    project.write(
        "quant.py",
        """
        class Box: pass
        box = Box()
        def a(x): return b(x) + box.c(x)
        def b(x): return a(x - 1)
        def c(x): return a(x) + b(x)
        box.c = c
        """,
    )
    from afml_cache.keys.code import FunctionCode

    seen = []
    for order in ("abc", "cba", "bca"):
        quant = project.load()
        codes = {name: FunctionCode(getattr(quant, name)).current().code for name in order}
        seen.append(sorted(codes.items()))
    assert seen[0] == seen[1] == seen[2]
    assert len({code for _, code in seen[0]}) == 3
