"""``--call-forms``, ``plan --format sarif`` and ``revert``: what the issue asks of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from tests.promises.codemod_cases import Case, after, before, cases

pytestmark = pytest.mark.slow  # it starts many processes

OLD = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x + 1\n"
NEW = OLD.replace("cacheable", "robust_cacheable")

CALLS = """
=== applied to a function
from afml.cache import «cacheable»

def g(x): return x + 1
f = «cacheable»(g)
print(f(1), f(1))

=== applied without arguments, then to a function
from afml.cache import «cacheable»

def g(x): return x + 1
f = «cacheable»()(g)
print(f(1))

=== applied with arguments that the new one takes
from afml.cache import «cacheable»

def g(x, y=0): return x + 1
f = «cacheable»(ignore=["y"])(g)
print(f(1, y=2))

=== applied through the module
import afml.cache as c

def g(x): return x + 1
f = c.«cacheable»(g)
print(f(1))

=== applied under an alias
from afml.cache import «cacheable» as c

def g(x): return x + 1
f = c(g)
print(f(1))

=== beside a decorator
from afml.cache import «cacheable»

@«cacheable»
def f(x): return x + 1
def g(x): return x + 2
h = «cacheable»(g)
print(f(1), h(1))

=== within a function and a class
from afml.cache import «cacheable»

def g(x): return x + 1
def make():
    return «cacheable»(g)
class A:
    f = staticmethod(«cacheable»(g))
print(make()(1), A.f(1))

=== passed on, and not applied
from afml.cache import cacheable
import functools

p = functools.partial(cacheable, ignore=["x"])
print(p is not None)

=== passed on beside a call
from afml.cache import cacheable«→, robust_cacheable»

def g(x): return x + 1
f = «cacheable»(g)
print(f(1), [cacheable][0](g)(1))

=== with arguments that the new one does not take | cannot run
from afml.cache import cacheable

def g(x): return x + 1
f = cacheable(g, verbose=1)

=== another library's
from functools import cache as cacheable

def g(x): return x + 1
f = cacheable(g)
print(f(1))
"""


@pytest.mark.parametrize("case", cases(CALLS))
def test_calls_are_rewritten_where_that_is_asked_for(
    case: Case, codemod: Any, printed_by: Callable[..., tuple[int, str]]
) -> None:
    codemod.write("case.py", case.before)
    said = printed_by(codemod.folder)
    assert (said[0] == 0) == case.runs, said
    codemod("apply", "--no-pin", "--call-forms")
    assert codemod.read("case.py").decode() == case.after.decode()
    assert not case.runs or printed_by(codemod.folder) == said
    codemod("apply", "--no-pin", "--call-forms")
    assert codemod.read("case.py").decode() == case.after.decode()
    if case.after != case.before:
        codemod("rollback")
        assert codemod.read("case.py").decode() == case.before.decode()


def test_calls_stay_where_that_is_not_asked_for(codemod: Any) -> None:
    text = "from afml.cache import cacheable\n\ndef g(x): return x\n\nf = cacheable(g)\n"
    codemod.write("case.py", text)
    codemod("apply")
    assert codemod.read("case.py").decode() == text
    assert codemod.findings() == [("case.py", 5, "value-use")]


# SARIF


@pytest.fixture
def sarif(codemod: Any) -> Any:
    codemod.write("quant/ä b.py", OLD + "\ng = cacheable(len)\n")
    codemod.write("bad.py", "from afml.cache import cacheable\ndef f(:\n")
    return json.loads(codemod("plan", "--format", "sarif").stdout)


def test_sarif_is_what_code_scanning_reads(sarif: Any) -> None:
    assert sarif["version"] == "2.1.0"
    assert "sarif" in sarif["$schema"] and "2.1.0" in sarif["$schema"]
    (run,) = sarif["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] and driver["rules"]
    rules = {rule["id"] for rule in driver["rules"]}
    assert len(rules) == len(driver["rules"])
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result.get("level", "warning") in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert " " not in uri and "\\" not in uri and not uri.startswith("/")
        assert unquote(uri) in ("quant/ä b.py", "bad.py")
        assert place["region"]["startLine"] >= 1
        assert place["region"].get("startColumn", 1) >= 1


def test_sarif_tells_what_would_change_and_what_is_left(sarif: Any) -> None:
    told = {
        (
            unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]),
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
        ): result["ruleId"]
        for result in sarif["runs"][0]["results"]
    }
    assert told["quant/ä b.py", 8] == "value-use"
    assert told["bad.py", 2] == "syntax-error"
    assert ("quant/ä b.py", 4) in told or ("quant/ä b.py", 5) in told


def test_sarif_of_nothing_is_an_empty_run(codemod: Any) -> None:
    codemod.write("a.py", "1\n")
    (run,) = json.loads(codemod("plan", "--format", "sarif").stdout)["runs"]
    assert run["results"] == []


# Back, without a journal

BACK = """
=== to and fro
from afml.cache import «robust_cacheable→cacheable»

@«robust_cacheable→cacheable»
def f(x): return x + 1
print(f(1))

=== both decorators
import pandas as pd
from afml.cache import «robust_cacheable, time_aware_cacheable→cacheable»

@«robust_cacheable→cacheable»
def f(x): return x + 1

@«time_aware_cacheable→cacheable»()
def g(x: pd.Series): return x.sum()
print(f(1), g(pd.Series([1.0])))

=== through the module
import afml.cache as c

@c.«robust_cacheable→cacheable»
def f(x): return x + 1
print(f(1))

=== with an argument that the old one takes
from afml.cache import «robust_cacheable→cacheable»

@«robust_cacheable→cacheable»(ignore=["y"])
def f(x, y=0): return x + 1
print(f(1, y=2))

=== with arguments that the old one does not take
from afml.cache import «→cacheable, »robust_cacheable

@robust_cacheable(version=2)
def f(x): return x + 1

@«robust_cacheable→cacheable»
def g(x): return x + 2
print(f(1), g(1))

=== a value
from afml.cache import robust_cacheable

f = robust_cacheable(len)
print(f("ab"))

=== another library's | cannot run
from other_library import robust_cacheable

@robust_cacheable
def f(x): return x + 1

=== one that is shadowed
from afml.cache import «robust_cacheable→cacheable»

def shadow(robust_cacheable):
    @robust_cacheable
    def h(x): return x
    return h

@«robust_cacheable→cacheable»
def f(x): return x + 1
print(f(1), shadow(lambda function: function)(2))

=== kept by a comment
from afml.cache import robust_cacheable

@robust_cacheable  # afml: keep
def f(x): return x + 1
print(f(1))
"""


@pytest.mark.parametrize("case", cases(BACK))
def test_a_fresh_clone_goes_back(
    case: Case, codemod: Any, printed_by: Callable[..., tuple[int, str]]
) -> None:
    codemod.write("case.py", case.before)
    said = printed_by(codemod.folder)
    assert (said[0] == 0) == case.runs, said
    codemod("revert", "--to", "cacheable", "--yes")
    assert codemod.read("case.py").decode() == case.after.decode()
    assert not case.runs or printed_by(codemod.folder) == said
    codemod("revert", "--to", "cacheable", "--yes")
    assert codemod.read("case.py").decode() == case.after.decode()


def test_revert_says_that_it_is_not_byte_exact(codemod: Any) -> None:
    codemod.write("a.py", NEW)
    told = codemod("revert", "--to", "cacheable")
    assert codemod.read("a.py").decode() == OLD
    said = " ".join((told.stdout + told.stderr).split())
    assert "byte" in said or "need not be as they were" in said


def test_revert_keeps_bytes_like_the_rest(codemod: Any) -> None:
    marked = (
        "\ufefffrom afml.cache import (\r\n    «robust_cacheable→cacheable»,  # noqa\r\n)\r\n\r\n"
        "@«robust_cacheable→cacheable»  # type: ignore\r\ndef f(x):\r\n\treturn 'é'"
    )
    codemod.write("a.py", before(marked))
    codemod("revert", "--to", "cacheable")
    assert codemod.read("a.py").decode() == after(marked)


def test_revert_asks_before_it_writes_to_a_dirty_tree(codemod: Any) -> None:
    codemod.write("a.py", NEW)
    subprocess.run(["git", "init", "-q"], cwd=codemod.folder, check=True)
    subprocess.run(["git", "add", "."], cwd=codemod.folder, check=True)
    told = codemod("revert", "--to", "cacheable", code=2)
    assert "--yes" in told.stdout + told.stderr
    assert codemod.read("a.py").decode() == NEW
    codemod("revert", "--to", "cacheable", "--yes")
    assert codemod.read("a.py").decode() == OLD


def test_revert_without_anything_to_revert_is_done(codemod: Any) -> None:
    codemod.write("a.py", OLD)
    codemod("revert", "--to", "cacheable")
    assert codemod.read("a.py").decode() == OLD
    assert not (codemod.folder / ".afml-codemod").exists()
