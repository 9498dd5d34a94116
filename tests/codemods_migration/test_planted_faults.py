"""Each criterion catches the fault that is planted for it, and just that function goes back."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow  # each runs the repository's tests four times and more


def check(made: Any, guilty: dict[str, str], *arguments: str) -> str:
    """Migrate: the guilty functions go back for their reasons, the others are kept."""
    before = made.sources()
    done = made.migrate(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    became = made.became()
    assert {name for name, what in became.items() if what == "rolled back"} == set(guilty), done
    assert {"returns", "ranks"} <= {n for n, what in became.items() if what == "migrated"}
    for name, why in guilty.items():
        assert why in made.why(name)
        kept = f"@cacheable\ndef {name}("
        assert (kept in made.sources()["quant.py"].decode()) == (
            kept in before["quant.py"].decode()
        )
        assert kept in made.sources()["quant.py"].decode()
    assert set(made.holds().values()) <= {"holds", "does not apply"}, "the rest was verified again"
    rolled_back = made.codemod("rollback")  # the report stays, to be asked more
    assert rolled_back.returncode == 0, rolled_back.stdout + rolled_back.stderr
    assert made.sources() == before
    return str(done.stdout)


def test_recheck_finds_hidden_state_and_a_changed_argument(repository: Any) -> None:
    made = repository(
        """

_calls = [0]


@cacheable
def momentum(prices):
    _calls[0] += 1
    return prices[-1] / prices[0] + _calls[0]


@cacheable
def cleaned(prices):
    prices.sort()
    return prices[1:-1]
""",
        """

def test_momentum():
    assert quant.momentum(PRICES) > 1


def test_cleaned():
    assert quant.cleaned(list(PRICES)) == [100.0, 101.5]
""",
    )
    shown = check(
        made,
        {
            "momentum": "bodies give what is stored",
            "cleaned": "it changes its argument 'prices' while it runs",
        },
    )
    assert "the result was 2.03" in made.why("momentum"), "the values' difference is told"
    assert "momentum: rolled back" in shown


def test_a_function_that_runs_under_two_names_is_verified_under_both(repository: Any) -> None:
    made = repository(
        tests="""

def test_drifting():
    import twice
    from pkg import twice as the_same

    assert twice.drifting(PRICES) >= 103.0
    assert the_same.drifting(PRICES[:2]) >= 101.5
""",
        more={
            "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = [".", "pkg"]\n',
        },
    )
    package = made.path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "twice.py").write_text(
        "from afml_cache import cacheable\n\n_calls = [0]\n\n\n"
        "@cacheable\ndef drifting(prices):\n"
        "    _calls[0] += 1\n    return max(prices) + _calls[0]\n"
    )
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "A module that is imported as two")
    done = made.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert made.became() == {"drifting": "rolled back", "returns": "migrated", "ranks": "migrated"}
    why = made.why("drifting")
    assert "bodies give what is stored: twice.drifting(" in why
    assert "bodies give what is stored: pkg.twice.drifting(" in why


def test_hit_rates_find_a_function_whose_argument_has_no_exact_key(repository: Any) -> None:
    made = repository(
        """

@cacheable
def tagged(prices, tag):
    return len(prices)
""",
        '''

class Tag:
    """Pickles, so joblib takes it; holds what is nothing by itself."""

    def __init__(self):
        self.nothing = object()


def test_tagged():
    tag = Tag()
    assert quant.tagged(PRICES, tag) == quant.tagged(PRICES, tag) == 4
''',
    )
    check(made, {"tagged": "nothing computed again: quant.tagged ran"})
    assert "hit rates kept or better: quant.tagged was served 100 %" in made.why("tagged")


def test_pairs_find_a_slower_hit(repository: Any) -> None:
    made = repository(
        """

class Slow:
    def __afml_key__(self):
        return sum(range(400_000))


@cacheable
def weighed(prices, slow):
    return len(prices)
""",
        """

def test_weighed():
    assert quant.weighed(PRICES, quant.Slow()) == 4
""",
    )
    check(made, {"weighed": "no slower cached call: a hit of quant.weighed takes"})


def test_results_find_a_function_that_reads_what_the_migration_writes(repository: Any) -> None:
    made = repository(
        """

@cacheable
def version(ticket):
    return SOURCE.count("@robust_cacheable\\ndef ver" + "sion")
""",
        """

def test_version():
    import uuid

    assert quant.version(uuid.uuid4().hex) >= 0
""",
    )
    check(made, {"version": "results are the same: quant.version("})


def test_verify_finds_a_damaged_entry(repository: Any) -> None:
    made = repository(
        """

@cacheable
def large(number):
    return np.full(300_000, float(number))
""",
        """

def test_large():
    import os
    from pathlib import Path

    assert quant.large(3)[0] == 3
    for value in Path(os.environ["AFML_CACHE"], "values").rglob("*"):
        if value.is_file():  # only the new decorators make such files
            data = bytearray(value.read_bytes())
            data[-1] ^= 1
            value.write_bytes(data)
""",
    )
    before = made.sources()
    done = made.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "monitoring is healthy: tampered" in made.why("large")
    # What is damaged stays damaged, and is known by then: the others are kept.
    assert made.became()["large"] == "rolled back"
    assert made.codemod("rollback", "--all").returncode == 0
    assert made.sources() == before


@pytest.mark.whole
def test_a_test_that_breaks_is_bisected_to_its_function(repository: Any) -> None:
    made = repository(
        """

@cacheable
def pinned(prices):
    return max(prices)
""",
        """

def test_the_text_of_the_module():
    assert "@cacheable\\ndef pinned" in quant.SOURCE


def test_pinned():
    assert quant.pinned(PRICES) == 103.0
""",
    )
    check(made, {"pinned": "all existing tests pass: test_quant.py::test_the_text_of_the_module"})


@pytest.mark.whole
def test_backtests_that_are_computed_again_are_bisected_to_the_function(repository: Any) -> None:
    made = repository(
        """

@cacheable
def stamped(prices):
    return min(prices)
""",
        """

def test_study():
    import study

    for window in (2, 3):
        study.run(np.arange(10.0), {"window": window})


def test_stamped():
    assert quant.stamped(PRICES) == 99.25
""",
        more={
            "study.py": """
import pandas as pd

import quant
from afml_cache import cached_backtest

STAMP = "@cacheable\\ndef stamped" in quant.SOURCE


@cached_backtest("stamped study")
def run(data, params):
    metrics = {"total": float(data[: params["window"]].sum()), "stamp": float(STAMP)}
    return metrics, pd.DataFrame({"pnl": [1.0]}), pd.Series([1.0, 2.0])
"""
        },
    )
    check(made, {"stamped": "backtest studies reuse: study.run ran 2 backtests again"})
