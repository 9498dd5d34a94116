"""Laws that hold for every module: twice is once, there and back is nothing, and it runs as before.

The modules are made of import forms, decorators, shadows and rebindings in any order. Each is
executed with decorators that note what they are given, before and after: the same functions have
to be cached, in the same order, and the same error has to end the module if one does.
"""

from __future__ import annotations

import ast
import builtins
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codemods.plan import plan
from codemods.rules import Rules

ROOT = Path(__file__).resolve().parent.parent.parent

#: An import, and how the decorator is called after it.
IMPORTS = [
    ("from afml.cache import cacheable", "cacheable"),
    ("from afml_cache import cacheable", "cacheable"),
    ("from afml.cache import cacheable as c", "c"),
    ("from afml.cache import cacheable, robust_cacheable", "cacheable"),
    ("from afml.cache import cacheable, cacheable as c", "c"),
    ("from afml.cache import (\n    cacheable,  # old\n    smart_cacheable,\n)", "smart_cacheable"),
    ("from afml.cache import \\\n    auto_cacheable as c, \\\n    cacheable", "c"),
    ("import keep; from afml.cache import cacheable; import afml.cache", "cacheable"),
    ("import afml.cache", "afml.cache.cacheable"),
    ("import afml.cache as cacheable", "cacheable.cacheable"),
    ("import afml.cache as m, keep as k", "m.smart_cacheable"),
    ("from afml import cache", "cache.cacheable"),
    ("import afml_cache", "afml_cache.auto_cacheable"),
    ("from keep import cacheable", "cacheable"),
    ("try:\n    from afml.cache import cacheable\nexcept ImportError:\n"
     "    def cacheable(function): return function", "cacheable"),
    ("try:\n    from keep import cacheable\nexcept ImportError:\n"
     "    from afml.cache import cacheable", "cacheable"),
    ("if True:\n    from afml.cache import cacheable\nelse:\n"
     "    from afml_cache import cacheable", "cacheable"),
    ("for _ in [1, 2]:\n    from afml.cache import cacheable, robust_cacheable as c", "cacheable"),
]  # fmt: skip

#: Statements that bind, shadow, use or delete the names; ``keep`` is another library's decorator.
OTHERS = [
    "cacheable = keep",
    "robust_cacheable = keep",
    "c = keep",
    "del cacheable",
    "def cacheable(function): return function",
    "class cacheable: pass",
    "for cacheable in [keep]: pass",
    "(cacheable := keep)",
    "with open(0, closefd=False) as cacheable: pass",
    "try: 1 / 0\nexcept ZeroDivisionError as cacheable: pass",
    "match keep:\n    case cacheable: pass",
    "import keep as cacheable",
    "g = cacheable(keep)",
    "g = [cacheable for cacheable in (keep,)]",
    "g = lambda cacheable, robust_cacheable=2: cacheable",
    "registry = {'cacheable': c}",
    "text = f'{cacheable.__name__} cacheable'",
    "'@cacheable'  # @cacheable",
    "def shadow(cacheable):\n    @cacheable\n    def h(x): return x\nshadow(keep)",
    "def shadow(robust_cacheable):\n    @cacheable\n    def h(x): return x\nshadow(keep)",
    "def rebind():\n    global cacheable\n    cacheable = keep\nrebind()",
    "def local():\n    from afml.cache import cacheable\n    @cacheable\n    def h(): 1\nlocal()",
    "def local():\n    @cacheable\n    def h(x): return x\n    cacheable = keep\nlocal()",
    "def outer():\n    from afml.cache import cacheable as c\n    def inner():\n"
    "        nonlocal c\n        @c\n        def h(x): return x\n        c = keep\n"
    "    inner()\n    @c\n    def k(x): return x\nouter()",
    "class A:\n    cacheable = keep\n    @cacheable\n    def m(self): return 1\n    def n(self):\n"
    "        @cacheable\n        def h(x): return x\nA().n()",
    "class B:\n    from afml.cache import cacheable\n    @cacheable\n    def m(self): return 1",
    "def late():\n    @cacheable\n    def h(x): return x\n    return h\nlate()",
    "__all__ = ['cacheable']",
    "if cacheable: pass",
]  # fmt: skip

FORMS = [
    "@{}",
    "@{}()",
    "@({})",
    "@ {} (ignore=['x'],)",
    "@{}  # afml: keep",
    "@keep\n@{}",
    "@{}(verbose=1)",
]
NAMES = sorted({name for _, name in IMPORTS})
WRAPS = [
    "{}",
    "if True:\n    {}",
    "class A:\n    {}",
    "def scope():\n    {}\nscope()",
    "def scope():\n\t{}\nscope()",
]


@st.composite
def decorated(draw: st.DrawFn) -> str:
    decorator = draw(st.sampled_from(FORMS)).format(draw(st.sampled_from(NAMES)))
    parameters = draw(st.sampled_from(["x", "x, cacheable=1", "start, end", "robust_cacheable"]))
    return f"{decorator}\ndef f({parameters}): return 1"


@st.composite
def statement(draw: st.DrawFn) -> str:
    wrap = draw(st.sampled_from(WRAPS))
    inner = draw(
        st.one_of(
            decorated(),
            decorated(),
            st.sampled_from(OTHERS),
            st.sampled_from(IMPORTS).map(lambda i: i[0]),
        )
    )
    margin = wrap.split("{}")[0].rpartition("\n")[2]
    return wrap.format(inner.replace("\n", "\n" + margin))


@st.composite
def modules(draw: st.DrawFn) -> bytes:
    imports = draw(st.lists(st.sampled_from(IMPORTS).map(lambda i: i[0]), min_size=1, max_size=2))
    parts = imports + draw(st.lists(statement(), min_size=1, max_size=5))
    text = draw(st.sampled_from(["", "# é\n", "'''cacheable'''\n"]))
    text += draw(st.sampled_from(["\n", "\n\n", "\n\n\n# cacheable\n"])).join(parts)
    text += draw(st.sampled_from(["", "\n", "\n\n  "]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return draw(st.sampled_from(["", "\ufeff"])).encode() + text.replace("\n", end).encode()


class Noting:
    """Imports of the cache that note what they decorate, in order."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.modules = {
            name: types.ModuleType(name) for name in ("afml", "afml.cache", "afml_cache", "keep")
        }
        for name in (
            "cacheable",
            "smart_cacheable",
            "auto_cacheable",
            "robust_cacheable",
            "time_aware_cacheable",
        ):
            for home in ("afml.cache", "afml_cache"):
                setattr(self.modules[home], name, self.decorator(name))
        vars(self.modules["afml"])["cache"] = self.modules["afml.cache"]
        vars(self.modules["keep"])["cacheable"] = self.keep

    def keep(self, function: Any) -> Any:
        self.noted.append(f"keep {getattr(function, '__qualname__', function)}")
        return function

    def decorator(self, name: str) -> Any:
        def cached(function: Any = None, /, *, ignore: Any = (), verbose: int = 0) -> Any:
            if function is None:
                return cached
            self.noted.append(f"cached {getattr(function, '__qualname__', function)}")
            return function

        return cached

    def load(
        self, name: str, space: Any = None, local: Any = None, names: Any = (), level: int = 0
    ) -> Any:
        return self.modules[name] if names else self.modules[name.partition(".")[0]]


def behaviour(data: bytes) -> list[str]:
    """What is cached when a module is executed, and what ends it."""
    noting = Noting()
    tools = {**vars(builtins), "__import__": noting.load}
    space = {"__builtins__": tools, "__name__": "case", "keep": noting.keep}
    try:
        exec(compile(data, "case.py", "exec", dont_inherit=True), space)
    except Exception as error:
        noting.noted.append(type(error).__name__)
    return noting.noted


def runs_as_before(before: bytes, after: bytes) -> bool:
    """A module that misses a name need not miss the new one at the same place."""
    was, now = behaviour(before), behaviour(after)
    if was[-1:] in (["NameError"], ["UnboundLocalError"]):
        return now[: len(was) - 1] == was[:-1]
    return now == was


def skeleton(data: bytes) -> str:
    """The syntax tree without decorators and imports."""

    class Bare(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            if hasattr(node, "decorator_list"):
                node.decorator_list = []
            return node

        def visit_Import(self, node: ast.Import) -> None: ...
        def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...
        def visit_Pass(self, node: ast.Pass) -> None: ...

    return ast.dump(Bare().visit(ast.parse(data)))


def compiles(data: bytes) -> bool:
    try:
        compile(data, "case.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


LAW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


#: Two that once took two runs.
COLLISION = b"""\
from afml.cache import cacheable
from afml.cache import cacheable as c
def shadow(robust_cacheable):
    @cacheable
    def h(x): return x
@c
def f(x): return 1
@cacheable  # afml: keep
def f(x): return 1
"""
ATTRIBUTE = b"""\
from afml.cache import robust_cacheable as c
@c.cacheable
def f(x): return 1
"""


@LAW
@example(COLLISION, None)
@example(ATTRIBUTE, None)
@given(modules(), st.sampled_from([None, "robust_cacheable", "time_aware_cacheable"]))
def test_a_migration_compiles_runs_as_before_and_ends(data: bytes, to: str | None) -> None:
    rules = Rules(to=to)
    found = plan(data, (), rules)
    new = found.carry_out(data)
    if not compiles(data):
        assert new == data
        return
    assert compiles(new), new.decode()
    assert skeleton(new) == skeleton(data)
    assert plan(new, (), rules).carry_out(new) == new, "twice is not once"
    assert runs_as_before(data, new), f"{data.decode()}\n->\n{new.decode()}"
    if new == data:
        assert not found.rewrites


@LAW
@given(modules())
def test_what_is_said_of_a_file_is_true(data: bytes) -> None:
    """Places are within the file, and each function that is told bears the new decorator."""
    found = plan(data)
    new = found.carry_out(data)
    lines = new.count(b"\n") + 1
    for finding in found.findings:
        assert 1 <= finding.line <= lines and finding.column >= 1 and finding.text
    assert (new != data) == bool(found.edits)
    assert bool(found.edits) == bool(found.rewrites)
    with pytest.raises(ValueError):
        found.carry_out(data + b"#")


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(modules(), min_size=30, max_size=40))
@example([b""])
def test_there_and_back_on_disk_is_nothing(codemod: Any, many: list[bytes]) -> None:
    for path in codemod.folder.glob("*.py"):
        path.unlink()
    for number, data in enumerate(many):
        codemod.write(f"m{number}.py", data)
    codemod("apply", "--no-pin", code=None)
    new = [codemod.read(f"m{number}.py") for number in range(len(many))]
    for before, after in zip(many, new, strict=True):
        if compiles(before):
            assert runs_as_before(before, after), f"{before.decode()}\n->\n{after.decode()}"
    codemod("apply", "--no-pin", code=None)
    assert [codemod.read(f"m{number}.py") for number in range(len(many))] == new
    if new != many:
        codemod("rollback")
    assert [codemod.read(f"m{number}.py") for number in range(len(many))] == many


def test_the_order_of_sets_is_not_seen() -> None:
    """What is planned does not hang on the seed of hashes: ``apply`` does what ``plan`` showed."""
    several = [
        "from afml.cache import cacheable, cacheable as c\n"
        "@cacheable\ndef f(x): 1\n@c\ndef g(x): 1\n",
        "from afml.cache import auto_cacheable, cacheable, smart_cacheable as s\n"
        "@auto_cacheable\ndef f(start, end): 1\n@cacheable\ndef g(x): 1\n@s\ndef h(x): 1\n",
        "import afml.cache, afml_cache\nfrom afml_cache import cacheable as a, cacheable as b\n"
        "@afml.cache.cacheable\ndef f(x): 1\n@a\ndef g(start, end): 1\n@b\ndef h(x): 1\n",
    ]
    script = (
        "import sys\nfrom codemods.plan import plan\n"
        "for text in sys.argv[1:]:\n"
        "    found = plan(text.encode())\n"
        "    print(found.carry_out(text.encode()), found.findings, found.rewrites)\n"
    )
    said = set()
    for seed in range(8):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script, *several]
        said.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(said) == 1, said


def test_the_oracle_sees_what_is_cached() -> None:
    text = textwrap.dedent("""
        from afml.cache import cacheable
        @cacheable
        def f(x): return x
        @keep
        def g(x): return x
        del cacheable
        cacheable
    """)
    assert behaviour(text.encode()) == ["cached f", "keep g", "NameError"]
