"""How the cache speaks: through logging, through loguru where a program uses it, once a cause."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from afml_cache import CacheWarning, notices

ROOT = Path(__file__).parent.parent

SCRIPT = """
    import sys
    {before}
    from afml_cache import robust_cacheable

    @robust_cacheable
    def double(x):
        return x * 2

    double(1), double(1)
    {after}
"""


def test_a_program_that_never_heard_of_loguru_sees_nothing(run_python):
    assert run_python(SCRIPT.format(before="sys.stderr = sys.stdout", after="")) == ""


def test_a_program_with_basic_logging_sees_nothing_below_warning(run_python):
    before = "import logging; logging.basicConfig(stream=sys.stdout)"
    assert run_python(SCRIPT.format(before=before, after="")) == ""


def test_the_guides_loguru_file_shows_what_the_cache_does(run_python, tmp_path):
    pytest.importorskip("loguru")
    before = "from loguru import logger; logger.add('cache_debug.log', level='DEBUG')"
    run_python(SCRIPT.format(before=before, after=""))
    text = (tmp_path / "cache_debug.log").read_text()
    assert "computed script.double (first_call)" in text
    assert "hit script.double" in text


def test_a_plain_script_is_told_once_and_not_twice(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "from afml_cache import robust_cacheable\n"
        "@robust_cacheable\n"
        "def f(x):\n"
        "    return 1\n"
        "f(i for i in range(3))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.count("is a generator") == 1
    assert f"{script}:5: CacheWarning" in done.stderr  # the user's own line


def test_a_cause_is_told_once():
    with pytest.warns(CacheWarning, match="full") as told:
        assert notices.warn_once("disk", "the disk is full")
        assert not notices.warn_once("disk", "the disk is full")
        notices.forget_causes()
        assert notices.warn_once("disk", "the disk is full")
    assert len(told) == 2
    assert told[0].filename == __file__
