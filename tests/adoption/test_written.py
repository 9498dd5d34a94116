"""What a file binds at its top, and when that is the same."""

from __future__ import annotations

import pytest

from afml_cache.adoption.written import LAMBDAS, written

SOURCE = b"""
import math
from .prices import load as load_prices, FEE
K = 1
if K:
    LIMIT = 2
else:
    LIMIT = 3
TABLE = {"a": K}
TABLE["b"] = 2
half = lambda x: x / 2

@cacheable
def f(x, y=K):
    return x + y

class Costs:
    rate = 5
    @cacheable
    def of(self, x):
        return x * self.rate
"""

NAMES = {"load_prices", "FEE", "K", "LIMIT", "TABLE", "half", LAMBDAS, "f", "Costs"}


def test_every_name_is_found_with_where_it_was_imported_from() -> None:
    found = written(SOURCE)
    assert set(found.forms) == NAMES
    assert found.imports == {"load_prices": (1, "prices", "load"), "FEE": (1, "prices", "FEE")}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (b"K = 1", b"K = 2", {"K"}),
        (b"LIMIT = 3", b"LIMIT = 4", {"LIMIT"}),
        (b'TABLE["b"] = 2', b'TABLE["b"] = 3', {"TABLE"}),
        (b"x / 2", b"x / 3", {"half", LAMBDAS}),
        (b"x + y", b"x - y", {"f"}),
        (b"y=K", b"y=2", {"f"}),
        (b"rate = 5", b"rate = 6", {"Costs"}),
        (b"self.rate", b"self.rate + 1", {"Costs"}),
        (b".prices import load as", b".quotes import load as", {"load_prices", "FEE"}),
        (b"class Costs:", b"@frozen\nclass Costs:", {"Costs"}),
        (b"@cacheable\ndef f", b"@retry\n@cacheable\ndef f", {"f"}),
        (b"@cacheable\ndef f", b"@c.robust_cacheable(ttl=5)\ndef f", set()),
        (b"    @cacheable\n", b"    @time_aware_cacheable\n", set()),
        (b"K = 1", b"K = 1  # one", set()),
        (b"return x + y", b"return (x\n        + y)", set()),
        (b"def f(x, y=K):", b'def f(x: int, y=K) -> int:\n    """Sum."""', set()),
        (b"import math", b"import cmath", set()),
    ],
)
def test_an_edit_changes_the_names_that_it_concerns(
    old: bytes, new: bytes, changed: set[str]
) -> None:
    assert SOURCE.count(old) == 1
    before, after = written(SOURCE).forms, written(SOURCE.replace(old, new)).forms
    assert {name for name in NAMES if before[name] != after.get(name)} == changed


@pytest.mark.parametrize("source", [b"def f(:", b"\xff\xfe", b"x = \x00"])
def test_what_is_no_python_raises(source: bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        written(source)
