"""Sources are parsed in many threads at once; a tree that was spoilt is no fingerprint."""

from __future__ import annotations

import ast
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from afml_cache import robust_cacheable, watch_calls
from afml_cache.keys import parsing, source
from afml_cache.keys.code import FunctionCode
from afml_cache.keys.parsing import syntax_tree

SOURCE = "def f(x):\n" + "".join(f"    x = (x + [{i}, (x, {{{i}: x}})][{i}])\n" for i in range(60))


@pytest.fixture
def switching_often():
    """Threads take turns in the middle of a tree, where Python code runs: when garbage goes."""

    def runs_python(*_):
        pass

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(runs_python)
    gc.set_threshold(200)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(runs_python)


@pytest.mark.usefixtures("switching_often")
def test_threads_that_parse_at_once_all_get_the_tree():
    """With ``ast.parse`` instead, this fails on Python 3.11 and 3.12."""
    whole = ast.dump(ast.parse(SOURCE))
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(lambda _: ast.dump(syntax_tree(SOURCE)), range(80)))
    assert trees == [whole] * 80


@pytest.mark.usefixtures("switching_often")
def test_a_stranger_that_parses_meanwhile_spoils_nothing():
    done = threading.Event()

    def stranger():
        while not done.is_set():
            try:
                ast.parse(SOURCE)
            except SystemError:
                continue

    others = [threading.Thread(target=stranger) for _ in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(30):
            assert isinstance(syntax_tree(SOURCE), ast.Module)
    finally:
        done.set()
        for other in others:
            other.join()


def test_an_error_of_the_interpreter_that_stays_is_told(monkeypatch):
    def spoilt(*_args, **_kwargs):
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr(parsing, "compile", spoilt, raising=False)
    with pytest.raises(SystemError, match="mismatch"):
        syntax_tree("1")


def doubled(x):
    return x * 2


cached = robust_cacheable(doubled)


@pytest.fixture
def broken_parsing(monkeypatch):
    """What another thread did to ours: an error that the source has nothing to do with."""

    def spoilt(*_args):
        raise SystemError("AST constructor recursion depth mismatch")

    source._parsed.clear()
    monkeypatch.setattr(source, "_remembered", {})
    with monkeypatch.context() as broken:
        broken.setattr(source, "syntax_tree", spoilt)
        yield broken


def test_a_function_that_could_not_be_looked_into_has_no_fingerprint(broken_parsing):
    with pytest.raises(SystemError):
        FunctionCode(doubled).current()
    broken_parsing.undo()
    assert not FunctionCode(doubled).current().left_out


def test_a_call_that_could_not_be_looked_into_is_computed_and_the_next_is_cached(broken_parsing):
    calls = []
    with watch_calls(calls.append), pytest.warns(UserWarning, match="no key could be made"):
        assert cached(4) == 8
    assert [call.key for call in calls] == [None]
    broken_parsing.undo()
    assert [cached(4), cached(4)] == [8, 8]
    assert cached.cache_info().hits == 1
