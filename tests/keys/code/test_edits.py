"""Edit a project, import it anew: what changes the fingerprint of a function, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project

QUANT = '''
"""Signals from prices."""

from __future__ import annotations

import functools
import logging
import math
from dataclasses import dataclass

import numpy as np

import tools
from tools import Fees, scale

log = logging.getLogger(__name__)
WINDOW = 20
LIMITS = {"low": 0.1, "high": [1.0, 2.0]}
WEIGHTS = np.array([0.5, 0.3, 0.2])
UNUSED = 1


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        log.debug("call")
        return function(*args, **kwargs)

    return wrapper


@dataclass
class Trade:
    size: float = 1.0
    side: str = "long"


def smooth(prices, window=5):
    """A moving mean."""
    return [sum(prices[i : i + window]) / window for i in range(len(prices))]


def unused(x):
    return x


@traced
def signal(prices, window=10, *, power=2):
    """The signal.

    Parameters are prices.
    """
    # the comment
    smoothed: list[float] = smooth(prices)
    def centred(values, shift=0.5):
        """Nested."""
        return [v - shift for v in values]

    fees = Fees(0.1)
    bounded = [min(max(v, LIMITS["low"]), 3) for v in centred(smoothed)]
    trade = Trade()
    return scale(bounded, WINDOW), tools.shift(bounded), fees.cost(), WEIGHTS, trade, math.pi**power
'''

TOOLS = '''
"""Tools."""
FACTOR = 3
STEP = 1


def scale(values, window):
    return [v * FACTOR / window for v in values]


def shift(values):
    return values[STEP:]


def other(values):
    return values


class Base:
    rate = 0.01

    def charge(self):
        return self.rate


class Fees(Base):
    fixed = 5

    def __init__(self, minimum):
        self.minimum = minimum

    def cost(self):
        return self.fixed + self._extra()

    def _extra(self):
        return 1

    @property
    def shown(self):
        return f"{self.fixed}"
'''

CHANGES = {
    "a statement of the function": ("quant.py", "fees = Fees(0.1)", "fees = Fees(0.2)"),
    "an operator": ("quant.py", "v - shift for", "v + shift for"),
    "a nested function's default": ("quant.py", "shift=0.5", "shift=0.6"),
    "a parameter's default": ("quant.py", "window=10", "window=11"),
    "a keyword's default": ("quant.py", "power=2", "power=3"),
    "a keyword's default of another type": ("quant.py", "power=2", "power=2.0"),
    "a parameter's name": ("quant.py", "def signal(prices, window=10", "def signal(prices, w=10"),
    "a helper in the same file": ("quant.py", "/ window for i", "/ (window + 1) for i"),
    "a helper's default": ("quant.py", "window=5", "window=6"),
    "an imported helper": ("tools.py", "v * FACTOR / window", "v / window * FACTOR"),
    "a helper through its module": ("tools.py", "values[STEP:]", "values[STEP:-1]"),
    "a constant": ("quant.py", "WINDOW = 20", "WINDOW = 21"),
    "a constant of another type": ("quant.py", "WINDOW = 20", "WINDOW = 20.0"),
    "a constant of a helper": ("tools.py", "FACTOR = 3", "FACTOR = 4"),
    "a value deep in a dict": ("quant.py", "[1.0, 2.0]", "[1.0, 2.5]"),
    "an array": ("quant.py", "[0.5, 0.3, 0.2]", "[0.5, 0.2, 0.3]"),
    "a method of a class that is called": ("tools.py", "return 1\n", "return 2\n"),
    "a class attribute": ("tools.py", "fixed = 5", "fixed = 6"),
    "a method of a base class": ("tools.py", "return self.rate", "return -self.rate"),
    "an attribute of a base class": ("tools.py", "rate = 0.01", "rate = 0.02"),
    "a property": ("tools.py", 'f"{self.fixed}"', 'f"{self.fixed:.2f}"'),
    "the base class": ("tools.py", "class Fees(Base)", "class Fees"),
    "a default of a dataclass": ("quant.py", "size: float = 1.0", "size: float = 2.0"),
    "a field of a dataclass": ("quant.py", 'side: str = "long"', 'direction: str = "long"'),
    "an option of a dataclass": ("quant.py", "@dataclass\n", "@dataclass(order=True)\n"),
    "what a decorator's wrapper does": ("quant.py", 'log.debug("call")', "args = args[:1]"),
    "another installed function": ("quant.py", "math.pi**power", "math.e**power"),
    "which helper a name stands for": (
        "quant.py",
        "from tools import Fees, scale",
        "from tools import Fees, other as scale",
    ),
}

STAYS = {
    "nothing": ("quant.py", "the comment", "the comment"),
    "a comment": ("quant.py", "the comment", "another comment"),
    "a comment more": ("quant.py", "    fees = ", "    # a line more\n\n    fees = "),
    "the docstring": ("quant.py", "The signal.", "Some other words.\n\n    And more."),
    "no docstring": ("quant.py", '    """A moving mean."""\n', ""),
    "a nested docstring": ("quant.py", "Nested.", "Not flat."),
    "a helper's docstring": ("quant.py", "A moving mean.", "A rolling mean."),
    "the module's docstring": ("tools.py", '"""Tools."""', '"""More tools."""'),
    "formatting": ("quant.py", "fees = Fees(0.1)", "fees = Fees(  # why\n        0.1,\n    )"),
    "quotes": ("quant.py", 'LIMITS["low"]', "LIMITS['low']"),
    "a number's notation": ("quant.py", "Fees(0.1)", "Fees(1e-1)"),
    "an annotation": ("quant.py", "smoothed: list[float] =", "smoothed ="),
    "annotated parameters": ("quant.py", "(prices, window=5):", "(prices: list, window: int = 5):"),
    "a return annotation": ("quant.py", "(prices, window=5):", "(prices, window=5) -> list:"),
    "code that is not reached": ("quant.py", "    return x\n", "    return -x\n"),
    "a constant that is not reached": ("quant.py", "UNUSED = 1", "UNUSED = 2"),
    "a helper that is not reached": ("tools.py", "    return values\n", "    return values[1:]\n"),
    "lines above": ("tools.py", "FACTOR = 3", "\n\n\nNEW = 1\nFACTOR = 3"),
    "the order of a dict": (
        "quant.py",
        '{"low": 0.1, "high": [1.0, 2.0]}',
        '{"high": [1.0, 2.0], "low": 0.1}',
    ),
    "the logger's name": ("quant.py", "getLogger(__name__)", 'getLogger("quant.signals")'),
    "a string used as a comment": ("quant.py", "    fees = ", '    "so be it"\n    fees = '),
    "a superfluous pass": (
        "tools.py",
        "    return values[STEP:]",
        "    pass\n    return values[STEP:]",
    ),
}


@pytest.fixture
def quant(project: Project) -> Project:
    project.write("quant.py", QUANT)
    project.write("tools.py", TOOLS)
    return project


@pytest.mark.parametrize("edit", CHANGES.values(), ids=CHANGES)
def test_the_fingerprint_changes_with(edit: tuple[str, str, str], quant: Project) -> None:
    before = quant.fingerprint()
    quant.edit(*edit)
    after = quant.fingerprint()
    assert after.code != before.code
    assert after.parts != before.parts, "explain() could not say what changed"
    assert before.edited == after.edited == ()


@pytest.mark.parametrize("edit", STAYS.values(), ids=STAYS)
def test_the_fingerprint_stays_with(edit: tuple[str, str, str], quant: Project) -> None:
    before = quant.fingerprint()
    quant.edit(*edit)
    after = quant.fingerprint()
    assert after == before


def test_going_back_gives_the_first_fingerprint_again(quant: Project) -> None:
    first = quant.fingerprint()
    quant.edit("tools.py", "FACTOR = 3", "FACTOR = 4")
    second = quant.fingerprint()
    quant.edit("tools.py", "FACTOR = 4", "FACTOR = 3")
    assert quant.fingerprint() == first != second


def test_only_the_edited_part_is_told_apart(quant: Project) -> None:
    before = quant.fingerprint()
    quant.edit("tools.py", "values[STEP:]", "values[STEP:-1]")
    after = quant.fingerprint()
    assert {name for name in before.parts if before.parts[name] != after.parts[name]} == {
        "tools.shift"
    }


def test_moving_a_helper_to_another_module_changes_nothing(project: Project) -> None:
    project.write("quant.py", "from tools import scale\ndef signal(x): return scale(x)\n")
    project.write("tools.py", "def scale(x): return 2 * x\n")
    before = project.fingerprint()
    project.write("more.py", "def scale(x): return 2 * x\n")
    project.edit("quant.py", "from tools", "from more")
    assert project.fingerprint().code == before.code


def test_exchanging_two_helpers_is_a_change(project: Project) -> None:
    project.write(
        "quant.py",
        """
        def fast(x): return x
        def slow(x): return -x
        first, second = fast, slow
        def signal(x): return first(x) - 2 * second(x)
        """,
    )
    before = project.fingerprint()
    project.edit("quant.py", "first, second = fast, slow", "first, second = slow, fast")
    after = project.fingerprint()
    assert after.code != before.code
    assert after.parts["quant.signal"] != before.parts["quant.signal"]


DECORATORS = [
    "",
    "@cacheable",
    "@robust_cacheable",
    "@robust_cacheable(ttl='1 d')",
    "@time_aware_cacheable(ignore=())",
]


@pytest.mark.parametrize("decorator", DECORATORS)
def test_replacing_the_caches_decorator_changes_nothing(decorator: str, project: Project) -> None:
    """Migrating must not recompute: neither a function, nor those that call it or hold it."""
    source = """
        from afml_cache import cacheable, robust_cacheable, time_aware_cacheable
        @cacheable
        def helper(x): return x + 1
        class Model:
            @cacheable
            def run(self): return helper(1)
        TABLE = {"h": helper}
        @cacheable
        def signal(x):
            @cacheable
            def inner(y): return y
            return inner(helper(x)) + Model().run() + TABLE["h"](x)
        """
    project.write("quant.py", source)
    before = project.fingerprint()
    project.write("quant.py", source.replace("@cacheable", decorator))
    assert project.fingerprint() == before
