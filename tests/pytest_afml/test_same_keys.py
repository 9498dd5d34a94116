"""pytest rewrites asserts, also of the packages of this distribution; keys do not change by it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SOURCE = """
from afml_cache import robust_cacheable

def checked(x):
    assert x > 0, "positive"
    return x

@robust_cacheable
def f(x):
    assert isinstance(x, int)
    return checked(x)
"""


@pytest.mark.parametrize("how", [(), ("--assert=plain",), ("-p", "theirs")], ids=str)
def test_what_was_stored_outside_pytest_hits_inside(
    pytester, run_in_process, tmp_path, monkeypatch, how
):
    """Modules named with ``-p``, and conftest files, are rewritten as plugins are."""
    monkeypatch.setenv("AFML_CACHE", str(tmp_path / "kept"))
    (pytester.path / "theirs.py").write_text(SOURCE)
    subprocess.run(
        [sys.executable, "-c", "import theirs; theirs.f(1)"], check=True, cwd=pytester.path
    )
    pytester.makepyfile("""
        import theirs, pytest
        @pytest.mark.afml_cache(mode="frozen")
        def test_it():
            assert theirs.f(1) == 1
    """)
    run_in_process(*how).assert_outcomes(passed=1)


def test_functions_of_this_distribution_keep_their_keys(pytester, run_in_process, tmp_path):
    """The entry point has pytest rewrite all packages of afml-cache."""
    script = """
import sys
from afml_cache import robust_cacheable
from afml_cache.store.active import UseStore
from afml_cache.store.faults import Faults

def key():
    @robust_cacheable(depends_on=[UseStore.store.fget, Faults.ask])
    def f(x):
        return x
    return f.cache_key(1)
"""
    (pytester.path / "script.py").write_text(script)
    code = "import script; print(script.key())"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=pytester.path, capture_output=True, text=True
    )
    pytester.makepyfile(f"""
        import pytest
        import script
        def test_it():
            assert script.key() == {done.stdout.strip()!r}
            import afml_cache.store.active as active
            assert "AssertionRewritingHook" in type(active.__spec__.loader).__name__
    """)
    # What an installed pytest11 entry point does for the packages of its distribution.
    pytester.makeconftest("""
        import sys, pytest
        assert "afml_cache.store.active" not in sys.modules
        pytest.register_assert_rewrite("afml_cache")
    """)
    run_in_process().assert_outcomes(passed=1)
