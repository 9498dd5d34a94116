"""Which edits of a project make a cached call compute again, and which do not.

One small project, in which a cached function reaches other code in every way that a project has.
Each row is one edit; what it does to the call is compared with the call without a cache. Every edit
is taken back, and the old result hits again.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BASE = {
    "__init__.py": "",
    "settings.py": """
        FEE = 0.5
        LIMITS = {"low": 1, "high": [8, 9]}
        NAMES = ("a", "b")
        WORDS = {"x", "y"}
        UNUSED = 5
    """,
    "helpers.py": '''
        from study import settings
        from study.settings import FEE as COST

        FACTOR = 2
        OTHER = 3

        def scale(x):
            """Scale a number."""
            return inner(x) * FACTOR

        def inner(x):
            # the innermost
            return x + 1

        def unrelated(x):
            return x + 1000

        def after_fee(x):
            return x - settings.FEE - COST

        def twice(x: int) -> int:
            return x + x

        def thrice(x):
            return x * 3

        def listed(x):
            return x - 3

        def powered(x, exponent):
            return x ** exponent

        def defaulted(x, step=4, *, jump=6):
            return x + step + jump

        def annotated(x: "int", y: float = 1.0) -> "float":
            total: float = x + y
            return total

        def relative(x):
            return x + 21

        def ping(n):
            return 0 if n <= 0 else pong(n - 1) + 1

        def pong(n):
            return 0 if n <= 0 else ping(n - 1) + 2

        def with_inner_function(x):
            def local(y):
                return y + 31
            return local(x)

        def by_comprehension(x):
            return [comprehended(y) for y in range(x)]

        def comprehended(y):
            return y + 41

        def first_of(numbers, choose=lambda n: n + 51):
            return choose(numbers)

        def generated(x):
            yield x
            yield x + 61

        async def awaited(x):
            return x + 71

        def caught(x):
            try:
                return x / 0
            except ZeroDivisionError:
                return fallback(x)

        def fallback(x):
            return x + 81

        def formatted(x):
            return f"{x:>5} {shown(x)}"

        def shown(x):
            return f"<{x}>"

        def matched(x):
            match x:
                case 1:
                    return one()
                case _:
                    return 92

        def one():
            return 91

        def conditional(x):
            return rarely(x) if x > 100 else 0

        def rarely(x):
            return x + 101
    ''',
    "models.py": '''
        import dataclasses
        import enum
        import functools

        class Base:
            """What all models have."""

            offset = 100

            def shift(self, x):
                return x + self.offset

            def plain(self):
                return 7

        class Model(Base):
            rate = 2

            def __init__(self, level):
                self.level = level + 1

            def predict(self, x):
                """Predict."""
                return self._step(x) * self.rate + super().plain()

            def _step(self, x):
                return self.shift(x) + self.level + self.half + self.fixed(x)

            @property
            def half(self):
                return self.level / 2

            @staticmethod
            def fixed(x):
                return x + 11

            @classmethod
            def make(cls, level):
                return cls(level + cls.rate)

            @functools.cached_property
            def slow(self):
                return self.level * 12

            def __call__(self, x):
                return x + 13

            def __add__(self, other):
                return self.level + other + 14

        class Instance:
            def apply(self, x):
                return x + 15

        @dataclasses.dataclass
        class Params:
            width: int = 16
            names: list = dataclasses.field(default_factory=lambda: [17])

            def area(self):
                return self.width * 18

        class Side(enum.Enum):
            LONG = 19
            SHORT = 20

        class Outer:
            class Inner:
                value = 22

                @staticmethod
                def work(x):
                    return x + 23
    ''',
    "late.py": """
        def late(x):
            return x + 24
    """,
    "deep/__init__.py": "",
    "deep/deeper.py": """
        from .deepest import bottom

        def down(x):
            return bottom(x) + 1
    """,
    "deep/deepest.py": """
        def bottom(x):
            return x + 25
    """,
    "decoration.py": """
        import functools

        def times(factor):
            def decorate(function):
                @functools.wraps(function)
                def inside(*args, **kwargs):
                    return function(*args, **kwargs) * factor
                return inside
            return decorate

        def bare(function):
            def inside(*args):
                return function(*args) + 26
            return inside
    """,
    "main.py": '''
        import asyncio
        import functools
        import operator

        import study.deep.deeper
        import study.helpers as h
        from study import settings
        from study.decoration import bare, times
        from study.helpers import inner as renamed
        from study.helpers import scale
        from study.models import Instance, Model, Outer, Params, Side

        from .helpers import relative
        from afml_cache import robust_cacheable

        CONST = 10
        PAIR = (1, frozenset({2, 3}))
        TABLE = {"twice": h.twice}
        LISTED = [h.listed]
        MODEL = Model(3)
        INSTANCE = Instance()
        BOUND = INSTANCE.apply
        squared = functools.partial(h.powered, exponent=2)
        key = lambda x: x + 27
        alias = h.thrice
        _default = 28

        @times(2)
        def decorated(x):
            return x + 29

        @bare
        def hidden(x):
            return x + 30

        def make(n):
            def closure(x):
                return x + n
            return closure

        closed = make(32)

        @functools.lru_cache
        def remembered(x):
            return x + 33

        @robust_cacheable
        def inside_cached(x):
            return x + 34

        @functools.singledispatch
        def dispatched(x):
            return 35

        @dispatched.register(int)
        def _(x):
            return 36

        def not_reached(x):
            return x + 37

        @robust_cacheable
        def f(x, default=_default, *, option=38):
            """What f does."""
            # a comment in f
            from study.late import late

            def nested(y):
                return y + 39

            local = x + 40
            return [
                local + CONST, default, option, nested(x), late(x), PAIR,
                scale(x), renamed(x), relative(x), h.after_fee(x), alias(x),
                TABLE["twice"](x), LISTED[0](x), squared(x), key(x), closed(x),
                settings.LIMITS["high"], settings.NAMES, sorted(settings.WORDS),
                study.deep.deeper.down(x), decorated(x), hidden(x), remembered(x),
                inside_cached(x), dispatched(x), h.defaulted(x), h.annotated(x), h.ping(x + 3),
                h.with_inner_function(x), h.by_comprehension(2), h.first_of(x),
                list(h.generated(x)), asyncio.run(h.awaited(x)), h.caught(x), h.formatted(x),
                h.matched(x), h.conditional(x), list(map(h.shown, [x])),
                Model(1).predict(x), Model.make(2).level, MODEL.slow, MODEL(x), MODEL + x,
                INSTANCE.apply(x), BOUND(x), Params().area(), Params().names,
                Side.LONG.value, Outer.Inner.value, Outer.Inner.work(x),
                operator.itemgetter(0)([x]),
            ]
    ''',
}

Edit = tuple[str, str, str, str]

COUNTS: list[Edit] = [
    ("the function itself", "main.py", "x + 40", "x + 41"),
    ("a function inside it", "main.py", "y + 39", "y + 40"),
    ("a positional default", "main.py", "_default = 28", "_default = 29"),
    ("a keyword default", "main.py", "option=38", "option=39"),
    ("a constant", "main.py", "CONST = 10", "CONST = 11"),
    ("a constant's type", "main.py", "CONST = 10", "CONST = 10.0"),
    ("a constant inside a tuple", "main.py", "{2, 3}", "{2, 4}"),
    ("a function imported inside the function", "late.py", "x + 24", "x + 25"),
    ("a helper imported by name", "helpers.py", "inner(x) * FACTOR", "inner(x) * FACTOR + 1"),
    ("a helper of a helper", "helpers.py", "return x + 1\n", "return x + 2\n"),
    ("a constant of a helper", "helpers.py", "FACTOR = 2", "FACTOR = 3"),
    ("a constant of a module of a helper", "settings.py", "FEE = 0.5", "FEE = 0.25"),
    ("a dict in a module, deep inside", "settings.py", "[8, 9]", "[8, 10]"),
    ("a tuple in a module", "settings.py", '("a", "b")', '("a", "c")'),
    ("a set in a module", "settings.py", '{"x", "y"}', '{"x", "z"}'),
    ("a helper imported relatively", "helpers.py", "x + 21", "x + 22"),
    ("a helper in a dict", "helpers.py", "x + x", "x + x + x"),
    ("which helper is in a dict", "main.py", '"twice": h.twice', '"twice": h.thrice'),
    ("a helper in a list", "helpers.py", "x - 3", "x - 4"),
    ("a helper under an alias", "helpers.py", "x * 3", "x * 4"),
    ("what an alias stands for", "main.py", "alias = h.thrice", "alias = h.twice"),
    ("a helper in a partial", "helpers.py", "x ** exponent", "x ** exponent + 1"),
    ("an argument of a partial", "main.py", "exponent=2", "exponent=3"),
    ("a lambda", "main.py", "lambda x: x + 27", "lambda x: x + 28"),
    ("a value closed over", "main.py", "make(32)", "make(33)"),
    ("the code of a closure", "main.py", "return x + n", "return x - n"),
    ("a helper's default", "helpers.py", "step=4", "step=5"),
    ("a helper's keyword default", "helpers.py", "jump=6", "jump=7"),
    ("a lambda that is a default", "helpers.py", "n + 51", "n + 52"),
    ("a helper through a package", "deep/deeper.py", "bottom(x) + 1", "bottom(x) + 2"),
    ("a helper imported relatively by it", "deep/deepest.py", "x + 25", "x + 26"),
    ("a decorated helper", "main.py", "x + 29", "x + 129"),
    ("what a helper's decorator does", "decoration.py", "* factor", "+ factor"),
    ("the argument of a helper's decorator", "main.py", "@times(2)", "@times(3)"),
    ("a helper behind a decorator without wraps", "main.py", "x + 30", "x + 31"),
    ("a decorator without wraps", "decoration.py", "+ 26", "+ 27"),
    ("a helper that lru_cache keeps", "main.py", "x + 33", "x + 133"),
    ("a helper that is cached itself", "main.py", "x + 34", "x + 35"),
    ("a function that dispatches", "main.py", "return 36", "return 37"),
    ("one of two that call each other", "helpers.py", "ping(n - 1) + 2", "ping(n - 1) + 3"),
    ("the other of two", "helpers.py", "pong(n - 1) + 1", "pong(n - 1) + 4"),
    ("a helper's inner function", "helpers.py", "y + 31", "y + 32"),
    ("a helper in a comprehension", "helpers.py", "y + 41", "y + 42"),
    ("a generator function", "helpers.py", "x + 61", "x + 62"),
    ("a coroutine function", "helpers.py", "x + 71", "x + 72"),
    ("a helper in an except clause", "helpers.py", "x + 81", "x + 82"),
    ("a helper in an f-string", "helpers.py", '"<{x}>"', '"[{x}]"'),
    ("a format inside an f-string", "helpers.py", "{x:>5}", "{x:>6}"),
    ("a helper in a match", "helpers.py", "return 91", "return 93"),
    ("a helper that this call does not come to", "helpers.py", "x + 101", "x + 102"),
    ("a method", "models.py", "* self.rate", "+ self.rate"),
    ("a method that a method calls", "models.py", "+ self.level + self.half", "+ self.half"),
    ("a class attribute", "models.py", "rate = 2", "rate = 3"),
    ("a method of a base class", "models.py", "x + self.offset", "x - self.offset"),
    ("an attribute of a base class", "models.py", "offset = 100", "offset = 101"),
    ("a method through super", "models.py", "return 7", "return 8"),
    ("an __init__", "models.py", "level + 1", "level + 2"),
    ("a property", "models.py", "self.level / 2", "self.level / 4"),
    ("a staticmethod", "models.py", "x + 11", "x + 12"),
    ("a classmethod", "models.py", "cls(level + cls.rate)", "cls(level - cls.rate)"),
    ("a cached_property", "models.py", "self.level * 12", "self.level * 13"),
    ("a __call__", "models.py", "x + 13", "x + 14"),
    ("an operator", "models.py", "other + 14", "other + 15"),
    ("a method of a global instance", "models.py", "x + 15", "x + 16"),
    ("the state of a global instance", "main.py", "MODEL = Model(3)", "MODEL = Model(4)"),
    ("a dataclass's default", "models.py", "width: int = 16", "width: int = 17"),
    ("a dataclass's default factory", "models.py", "[17]", "[18]"),
    ("a dataclass's method", "models.py", "* 18", "* 19"),
    ("an enum's value", "models.py", "LONG = 19", "LONG = 21"),
    ("an attribute of a nested class", "models.py", "value = 22", "value = 23"),
    ("a method of a nested class", "models.py", "x + 23", "x + 24"),
    ("the base of a class", "models.py", "class Model(Base)", "class Model(Low)"),
]

ARE_ARGUMENTS = {"_default = 28", "option=38"}  # defaults are bound like what is passed

THRICE = "def thrice(x):\n    return x * 3\n\n"
LISTED = "def listed(x):\n    return x - 3\n\n"

DOES_NOT_COUNT: list[Edit] = [
    ("a comment in the function", "main.py", "# a comment in f", "# another"),
    ("the docstring", "main.py", '"""What f does."""', '"""What f does, in other words."""'),
    ("no docstring", "main.py", '"""What f does."""', ""),
    ("a comment in a helper", "helpers.py", "# the innermost", "# as deep as it gets"),
    ("a helper's docstring", "helpers.py", '"""Scale a number."""', '"""Scale, that is."""'),
    (
        "a new docstring of a helper",
        "helpers.py",
        "return x - 3",
        '"""Lowers."""\n    return x - 3',
    ),
    ("a method's docstring", "models.py", '"""Predict."""', '"""Predict it."""'),
    ("a class's docstring", "models.py", '"""What all models have."""', '"""Models."""'),
    (
        "a module's docstring",
        "helpers.py",
        "from study import settings",
        '"""Helpers."""\n\nfrom study import settings',
    ),
    ("formatting", "main.py", "local = x + 40", "local  =  ( x+40 )"),
    ("a line broken", "main.py", "local = x + 40", "local = (\n        x\n        + 40\n    )"),
    ("blank lines", "helpers.py", "def inner(x):", "\n\n\n\ndef inner(x):"),
    ("quotes", "main.py", 'TABLE["twice"]', "TABLE['twice']"),
    ("how a number is written", "main.py", "y + 39", "y + 0x27"),
    ("annotations of the function", "main.py", "def f(x, ", "def f(x: int, "),
    ("annotations of a helper", "helpers.py", "def twice(x: int) -> int:", "def twice(x):"),
    (
        "annotations in text",
        "helpers.py",
        '"int", y: float = 1.0) -> "float"',
        'int, y: "float" = 1.0) -> float',
    ),
    ("the annotation of a local", "helpers.py", "total: float = x + y", "total = x + y"),
    ("the annotation of a class attribute", "models.py", "rate = 2", "rate: int = 2"),
    (
        "options of the decorator",
        "main.py",
        "@robust_cacheable\ndef f",
        "@robust_cacheable(ttl='1 d')\ndef f",
    ),
    (
        "the other decorator",
        "main.py",
        "@robust_cacheable\ndef f",
        "import afml_cache\n@afml_cache.time_aware_cacheable\ndef f",
    ),
    ("a function that is not reached", "main.py", "x + 37", "x + 38"),
    ("a helper that is not reached", "helpers.py", "x + 1000", "x + 2000"),
    ("a constant that is not reached", "settings.py", "UNUSED = 5", "UNUSED = 6"),
    ("a constant of a helper's module", "helpers.py", "OTHER = 3", "OTHER = 4"),
    (
        "a new function",
        "helpers.py",
        "def inner(x):",
        "def newly(x):\n    return x\n\ndef inner(x):",
    ),
    ("a new constant", "settings.py", "UNUSED = 5", "UNUSED = 5\nNEW = 1"),
    ("a new import", "main.py", "import operator", "import operator\nimport json"),
    ("the order of functions", "helpers.py", THRICE + LISTED, LISTED + THRICE),
    (
        "the order of a dict",
        "settings.py",
        '{"low": 1, "high": [8, 9]}',
        '{"high": [8, 9], "low": 1}',
    ),
    ("an equal constant, computed", "main.py", "CONST = 10", "CONST = 5 + 5"),
]


class Project:
    """A package on disk, which is imported anew after every edit as by a new process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in BASE.items():
            self.write(name, textwrap.dedent(text))

    def write(self, name: str, text: str) -> None:
        path = self.folder / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / "study" / name).read_text()
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def load(self) -> Any:
        forget()
        return importlib.import_module("study.main").f


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "study"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(tmp_path)
    made.edit(
        "models.py", "class Model(Base)", "class Low(Base):\n    offset = 99\n\nclass Model(Base)"
    )
    yield made
    forget()


def rows(edits: list[Edit]) -> list[Any]:
    return [pytest.param(*edit[1:], id=edit[0]) for edit in edits]


@pytest.mark.parametrize(("name", "old", "new"), rows(COUNTS))
def test_an_edit_of_reached_code_computes_again(
    project: Project, name: str, old: str, new: str
) -> None:
    before = project.load()
    first = before(1)
    assert before.cache_contains(1)

    project.edit(name, old, new)
    after = project.load()
    assert not after.cache_contains(1)
    assert after(1) == after.__wrapped__(1)
    reason = "argument" if old in ARE_ARGUMENTS else "code"
    assert after.cache_info().reasons[reason] == 1

    project.edit(name, new, old)
    again = project.load()
    assert again.cache_contains(1), "versions live side by side"
    assert again(1) == first


@pytest.mark.parametrize(("name", "old", "new"), rows(DOES_NOT_COUNT))
def test_an_edit_that_changes_no_result_hits(
    project: Project, name: str, old: str, new: str
) -> None:
    before = project.load()
    before(1)
    project.edit(name, old, new)
    after = project.load()
    assert after.__wrapped__(1) == before.__wrapped__(1)
    assert after.cache_contains(1), after.explain(1)
    hits = after.cache_info().hits
    after(1)
    assert after.cache_info().hits == hits + 1


def reload_all() -> ModuleType:
    for name in sorted((n for n in sys.modules if n.startswith("study.")), key="study.main".__eq__):
        importlib.reload(sys.modules[name])
    return sys.modules["study.main"]


@pytest.mark.parametrize(("name", "old", "new"), rows(COUNTS[::6]))
def test_reloading_modules_has_the_effect_of_a_new_process(
    project: Project, name: str, old: str, new: str
) -> None:
    project.load()(1)
    project.edit(name, old, new)
    reload_all()
    after = reload_all().f  # twice: a module may come before those that it imports
    assert not after.cache_contains(1)
    key = after.cache_key(1)
    assert after(1) == after.__wrapped__(1)
    assert project.load().cache_key(1) == key


def test_explain_names_the_function_that_was_edited(project: Project) -> None:
    project.load()(1)
    project.edit("helpers.py", "x + 21", "x + 22")
    told = str(project.load().explain(1))
    assert "relative" in told
    assert "helpers" in told
