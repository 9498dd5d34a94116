"""Results of an experiment_run block in a notebook belong to its cell and what that names."""

from __future__ import annotations

import pytest

pytest.importorskip("IPython", reason="notebook cells are run by IPython itself")

KERNEL = """
    import sys, warnings
    from IPython.core.interactiveshell import InteractiveShell

    warnings.simplefilter("ignore")  # that MLflow is not installed, where it is not
    shell = InteractiveShell.instance(colors="NoColor")
    for cell in sys.argv[1:]:
        shell.run_cell(cell, store_history=True).raise_error()
"""
FIRST = "from afml_cache import get_mlflow_cache\ncache = get_mlflow_cache()"
HELPER = "def score(depth):\n    print('ran')\n    return depth * 2"
BLOCK = """depth = 3
with cache.experiment_run("tune") as run:
    found = run.get_cached(depth)
    if found is None:
        found = run.cache_result(depth, score(depth))
print(found)
"""


@pytest.mark.slow
def test_a_cell_that_is_run_again_hits_until_it_or_its_helper_is_edited(run_python):
    other_helper, other_block = HELPER.replace("* 2", "* 5"), BLOCK.replace("h))", "h) + 1)")
    shown = run_python(
        KERNEL,
        *(FIRST, HELPER, BLOCK, "# another cell", BLOCK),
        *(other_helper, BLOCK, HELPER, BLOCK, other_block),
    )
    assert shown.split() == ["ran", "6", "6", "ran", "15", "6", "ran", "7"]
