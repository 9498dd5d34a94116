"""Cells whose decorator was edited: joblib names a cell after its text, and that has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

pytest.importorskip("IPython", reason="notebook cells are run by IPython itself")

KERNEL = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance(colors="NoColor")
    shell.run_cell("from afml_cache import cacheable, robust_cacheable")
    for cell in sys.argv[1:]:
        shell.run_cell(cell, store_history=True).raise_error()
"""
ALONE = "@{}\ndef f(x):\n    print('ran', x)\n    return x * 10"
WITH_A_CONSTANT = "K = {}\n@{}\ndef f(x):\n    print('ran', x)\n    return x * K"
CALLS = "print([f(3), f(4)])"

Run = Callable[..., str]


def test_a_function_that_reaches_nothing_of_its_notebook_is_adopted(run_python: Run) -> None:
    old, new = ALONE.format("cacheable"), ALONE.format("robust_cacheable")
    assert run_python(KERNEL, old, CALLS).split("\n") == ["ran 3", "ran 4", "[30, 40]"]
    assert run_python(KERNEL, new, CALLS) == "[30, 40]"
    assert run_python(KERNEL, "pass", new, CALLS, "print(f.cache_info().adopted)") == "[30, 40]\n2"
    assert run_python(KERNEL, old, CALLS) == "[30, 40]"  # and back


def test_results_of_another_state_of_the_notebook_are_not(run_python: Run) -> None:
    run_python(KERNEL, WITH_A_CONSTANT.format(10, "cacheable"), CALLS)
    run_python(KERNEL, WITH_A_CONSTANT.format(2000, "cacheable"), "f(3)")
    migrated = WITH_A_CONSTANT.format(2000, "robust_cacheable")
    told = run_python(KERNEL, migrated, CALLS, "print(f.explain(5).reason)")
    assert told.split("\n") == ["ran 3", "ran 4", "[6000, 8000]", "argument"]


def test_results_of_another_notebook_are_not(run_python: Run) -> None:
    for constant in (10, 2000):
        run_python(KERNEL, WITH_A_CONSTANT.format(constant, "cacheable"), CALLS)
    for constant in (10, 2000):
        migrated = WITH_A_CONSTANT.format(constant, "robust_cacheable")
        told = run_python(KERNEL, migrated, CALLS).split("\n")
        assert told[-1] == str([3 * constant, 4 * constant])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from numpy import mean as agg", "from numpy import median as agg"),
        ("import numpy as xp", "import math as xp"),
        ("from operator import add as agg", "from operator import mul as agg"),
    ],
)
def test_a_name_that_another_notebook_binds_otherwise_keeps_results_out(
    run_python: Run, before: str, after: str
) -> None:
    body = {"agg": "agg(2, 5)", "xp": "xp.floor(x)"}
    name = next(name for name in body if before.endswith(name))
    if "mean" in before:
        body["agg"] = "agg([1, 2, 9])"
    cell = "@{}\ndef f(x):\n    print('ran')\n    return float(" + body[name] + ")"
    run_python(KERNEL, before, cell.format("cacheable"), "f(3)")
    told = run_python(KERNEL, after, cell.format("robust_cacheable"), "f(3)")
    assert told.startswith("ran")


def test_packages_under_their_usual_names_do_not(run_python: Run) -> None:
    cell = "@{}\ndef f(x):\n    print('ran')\n    return float(np.sqrt(x))"
    run_python(KERNEL, "import numpy as np", cell.format("cacheable"), "f(4)")
    new = cell.format("robust_cacheable")
    assert run_python(KERNEL, "import numpy as np", new, "print(f(4))") == "2.0"
