"""The name under which a function's entries are kept."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache.keys.code import function_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.keys.code.conftest import Project

SOURCE = """
import functools
from afml_cache import robust_cacheable
def signal(x): return x
class Model:
    def run(self): return 1
    @classmethod
    def make(cls): return cls()
    @robust_cacheable
    def cached(self): return 1
def outer():
    def inner(x): return x
    return inner
def deco(f):
    @functools.wraps(f)
    def wrapper(*args): return f(*args)
    return wrapper
@deco
def decorated(x): return x
half = functools.partial(signal, 1)
anonymous = lambda x: x
"""


@pytest.mark.parametrize(
    ("expression", "identity"),
    [
        ("signal", "quant.signal"),
        ("Model.run", "quant.Model.run"),
        ("Model().run", "quant.Model.run"),
        ("Model.make", "quant.Model.make"),
        ("Model.cached", "quant.Model.cached"),
        ("outer()", "quant.outer.<locals>.inner"),
        ("decorated", "quant.decorated"),
        ("half", "quant.signal"),
        ("anonymous", "quant.<lambda>"),
        ("Model", "quant.Model"),
    ],
)
def test_a_function_is_called_by_module_and_qualified_name(
    expression: str, identity: str, project: Project
) -> None:
    project.write("quant.py", SOURCE)
    assert function_identity(eval(expression, vars(project.load()))) == identity


def test_a_builtin_has_a_name_too() -> None:
    assert function_identity(len) == "builtins.len"
    assert function_identity(functools.partial(max, 1)) == "builtins.max"


def test_a_function_of_a_notebook_belongs_to_main() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def signal(x): return x", space)
    assert function_identity(space["signal"]) == "__main__.signal"


def test_worker_processes_agree_with_the_program(run_python: Callable[..., str]) -> None:
    printed = run_python(
        """
        import multiprocessing
        from afml_cache.keys.code import FunctionCode, function_identity
        N = 3
        def signal(x): return x + N
        def ask(_): return function_identity(signal), FunctionCode(signal).current()
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.map(ask, [1]) == [ask(1)]
            print(ask(1)[0])
        """,
        name="research.py",
    )
    assert printed == "research.signal"
