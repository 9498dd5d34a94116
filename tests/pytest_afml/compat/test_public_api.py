"""The public names of a module as text: what stands in it, and when a snapshot is written."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

from pytest_afml.compat.public_api import api_diff, api_text
from pytest_afml.compat.snapshots import Snapshots

SOURCE = '''
import enum, os
from dataclasses import dataclass
from afml_cache import robust_cacheable

WINDOW = 20
_HIDDEN = 1
marker = object()

class Side(enum.Enum):
    BUY = 1
    SELL = -1

@dataclass
class Trade:
    """A trade."""
    price: float
    size: int = 1

    def value(self, fee=0.0):
        return self.price * self.size - fee

    @property
    def side(self): ...

    @classmethod
    def empty(cls): ...

    def _own(self): ...

class Swap(Trade):
    pass

@robust_cacheable
def labels(prices, *, window: int = WINDOW, marker=marker):
    return prices

async def quote(symbol): ...

def _helper(): ...
'''


def module(source: str) -> types.ModuleType:
    found = sys.modules["trades_t"] = types.ModuleType("trades_t")
    exec(compile(source, "trades_t.py", "exec", dont_inherit=True), vars(found))
    return sys.modules.pop("trades_t")


def test_each_public_name_has_its_lines():
    assert api_text(module(SOURCE)).splitlines() == [
        "# public names of trades_t",
        "class Side(Enum)",
        "    BUY = 1",
        "    SELL = -1",
        "class Swap(Trade)",
        "class Trade",
        "    def __init__(self, price: float, size: int = 1) -> None",
        "    classmethod empty()",
        "    price",
        "    property side",
        "    size: int = 1",
        "    def value(self, fee=0.0)",
        "WINDOW: int = 20",
        "def labels(prices, *, window: int = 20, marker=<object object>)",
        "marker: object",
        "async def quote(symbol)",
    ]


def test_a_decorator_does_not_change_what_callers_see():
    plain = SOURCE.replace("@robust_cacheable\n", "")
    assert api_text(module(plain)) == api_text(module(SOURCE))


def test_where_all_is_given_it_says_what_is_public():
    text = api_text(module(SOURCE + "\n__all__ = ['labels', 'robust_cacheable']"))
    assert [line.split("(")[0] for line in text.splitlines()[1:]] == [
        "def labels",
        "def robust_cacheable",
    ]


def test_a_package_has_what_its_own_modules_define(tmp_path, monkeypatch):
    package = tmp_path / "shop_t"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from __future__ import annotations\n"
        "import os\n"
        "from typing import Any, Optional\n"
        "from collections import OrderedDict\n"
        "from shop_t._impl import Price, labels, _hidden\n"
    )
    (package / "_impl.py").write_text(
        "class Price: ...\n\ndef labels(prices): ...\n\ndef _hidden(): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.import_module("shop_t")
    for name in ("shop_t", "shop_t._impl"):
        sys.modules.pop(name)
    assert api_text(found).splitlines()[1:] == ["class Price", "def labels(prices)"]


@pytest.mark.parametrize("source", ["", "__all__ = []", "from os.path import join"])
def test_a_module_without_a_public_name_proves_nothing(source):
    with pytest.raises(AssertionError, match="trades_t has no public name, which proves nothing"):
        api_text(module(source))


CONSTANTS = """
import datetime, enum, functools, logging, pathlib
from decimal import Decimal

class Side(enum.Enum):
    BUY = 1

def _scaled(x, by): ...

WINDOWS = (5, 20)
FEES = {"ES": 1.5, Side.BUY: [None, b"x"]}
NAMES = frozenset(["c", "a", "b"])
TICK = Decimal("0.25")
START = datetime.date(2024, 1, 1)
ONE = (object(), int)
HERE = pathlib.Path("/somewhere")
log = logging.getLogger("trades")
doubled = functools.partial(_scaled, by=2)

class Feed:
    DAYS = (1, 2)
    LIMIT = 5
    symbol: str
    async def quote(self): ...
    @classmethod
    async def opened(cls): ...
    async def ticks(self):
        yield 1
"""


def test_constants_and_what_is_to_be_awaited_are_shown():
    assert api_text(module(CONSTANTS)).splitlines()[1:] == [
        "FEES: dict = {'ES': 1.5, Side.BUY: [None, b'x']}",
        "class Feed",
        "    DAYS: tuple = (1, 2)",
        "    LIMIT: int = 5",
        "    async classmethod opened()",
        "    async def quote(self)",
        "    symbol",
        "    async def ticks(self)",
        "HERE: PosixPath",
        "NAMES: frozenset = {'a', 'b', 'c'}",
        "ONE: tuple = (<object>, int)",
        "START: date = datetime.date(2024, 1, 1)",
        "class Side(Enum)",
        "    BUY = 1",
        "TICK: Decimal = Decimal('0.25')",
        "WINDOWS: tuple = (5, 20)",
        "def doubled(x, *, by=2)",
    ]


def test_a_cached_coroutine_function_is_shown_as_one():
    source = "from afml_cache import robust_cacheable\n@robust_cacheable\nasync def quote(x): ..."
    assert api_text(module(source)).splitlines()[1:] == ["async def quote(x)"]


def test_a_name_in_all_that_is_not_there_is_told():
    assert "gone: missing" in api_text(module("__all__ = ['gone']"))


def test_the_diff_is_a_unified_one():
    assert api_diff("a\nb\n", "a\nc\n", "x.txt").splitlines() == [
        "--- x.txt",
        "+++ now",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
    ]


@pytest.fixture
def told() -> list[str]:
    return []


def snapshots(tmp_path, told, update: bool) -> Snapshots:
    return Snapshots(tmp_path, update=update, told=told.append)


def test_a_snapshot_is_written_only_when_asked_for(tmp_path, told, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    file = tmp_path / "afml_snapshots" / "trades.txt"
    why = snapshots(tmp_path, told, update=False).why_different("trades", "a\n")
    assert why is not None
    assert "write it with --afml-update-snapshots" in why
    assert not file.exists()
    assert snapshots(tmp_path, told, update=True).why_different("trades", "a\n") is None
    assert file.read_text() == "a\n"
    assert snapshots(tmp_path, told, update=False).why_different("trades", "a\n") is None
    why = snapshots(tmp_path, told, update=False).why_different("trades", "b\n")
    assert why is not None
    assert why.splitlines()[-2:] == ["-a", "+b"]
    assert file.read_text() == "a\n"
    assert told == [f"wrote {file}"]


@pytest.mark.parametrize(("ci", "is_written"), [("true", False), ("1", False), ("false", True)])
def test_in_ci_nothing_is_written(tmp_path, told, monkeypatch, ci, is_written):
    monkeypatch.setenv("CI", ci)
    why = snapshots(tmp_path, told, update=True).why_different("trades", "a\n")
    assert (why is None) == is_written
    assert (tmp_path / "afml_snapshots").exists() == is_written
    assert why is None or "is not written in CI" in why
