"""Functions of notebook cells: re-run cells, edited cells and kernel restarts."""

from __future__ import annotations

import pytest

pytest.importorskip("IPython", reason="notebook cells are run by IPython itself")

# One kernel: every argument is a cell, run in order.
KERNEL = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance(colors="NoColor")
    shell.run_cell("from afml_cache import robust_cacheable")
    for cell in sys.argv[1:]:
        shell.run_cell(cell, store_history=True).raise_error()
"""

HELPER = "def helper(x):\n    return x * 2"
FUNCTION = "@robust_cacheable\ndef feature(x):\n    print('ran', x)\n    return helper(x) + 1"
EDITED = "def helper(x):\n    return x * 10"


def test_a_cell_that_is_run_again_still_hits(run_python):
    shown = run_python(KERNEL, HELPER, FUNCTION, "feature(1);", FUNCTION, "print(feature(1))")
    assert shown.splitlines() == ["ran 1", "3"]


def test_a_restarted_kernel_hits_what_the_last_one_computed(run_python):
    assert run_python(KERNEL, HELPER, FUNCTION, "print(feature(1))") == "ran 1\n3"
    assert run_python(KERNEL, "pass", HELPER, FUNCTION, "print(feature(1))") == "3"


def test_an_edited_helper_cell_computes_again_and_hits_when_it_is_back(run_python):
    shown = run_python(
        KERNEL,
        *(HELPER, FUNCTION, "feature(1);"),
        *(EDITED, "print(feature(1))"),
        *(HELPER, "print(feature(1))"),
    )
    assert shown.splitlines() == ["ran 1", "ran 1", "11", "3"]


def test_two_functions_of_one_name_neither_collide_nor_flip_flop(run_python):
    other = FUNCTION.replace("+ 1", "+ 5")
    shown = run_python(
        KERNEL,
        *(HELPER, FUNCTION, "one = feature", other, "two = feature"),
        "print(one(1), two(1), one(1), two(1))",
    )
    assert shown.splitlines() == ["ran 1", "ran 1", "3 7 3 7"]
