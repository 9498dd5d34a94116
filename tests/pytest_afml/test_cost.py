"""What the plugin costs: nothing where it is not used, little where it is."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HEAVY = ("pandas", "numpy", "joblib", "libcst", "mlflow", "afml_cache")


def test_collecting_tests_loads_nothing_that_is_heavy(pytester, plugin_arguments):
    pytester.makepyfile("def test_it(): pass")
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "pytest",
            *plugin_arguments,
            "--collect-only",
            "-s",
        ],
        capture_output=True,
        text=True,
        cwd=pytester.path,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    imported = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    assert "pytest_afml.options" in imported, "what the plugin imports is seen"
    assert [name for name in imported if name.partition(".")[0] in HEAVY] == []
    assert {name for name in imported if name.startswith("pytest_afml.")} <= {
        "pytest_afml.plugin",
        "pytest_afml.options",
        "pytest_afml.fixtures",
        "pytest_afml.gates",
        "pytest_afml.gates.fixture",
        "pytest_afml.gates.plugin",
        "pytest_afml.compat",
        "pytest_afml.compat.plugin",
        "pytest_afml.record",
        "pytest_afml.record.plugin",
        "pytest_afml.recheck",
        "pytest_afml.recheck.options",
    }


def test_a_run_without_the_flag_loads_nothing_either(pytester, run_in_process):
    pytester.makepyfile(f"""
        import sys
        def test_it():
            assert not set({HEAVY!r}) & set(sys.modules)
    """)
    # Other plugins of this environment may import numpy; the benchmark's does not.
    run_in_process().assert_outcomes(passed=1)


def test_what_tests_of_compatibility_import_is_light(pytester, plugin_arguments):
    pytester.makepyfile("""
        from pytest_afml import AfmlCompat
        from pytest_afml.compat import HITS, MISSES, args
        import pytest
        @pytest.mark.parametrize("pair", [*HITS, *MISSES], ids=str)
        def test_it(pair): pass
    """)
    code = (
        "import sys, pytest\n"
        f"assert not pytest.main([*{plugin_arguments!r}, '--collect-only', '-q'])\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=pytester.path, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_plugin_py_is_a_table_of_contents():
    import pytest_afml.plugin

    assert len(Path(pytest_afml.plugin.__file__).read_text().splitlines()) < 200


def test_a_test_that_makes_no_call_makes_no_store(pytester, run):
    pytester.makepyfile("""
        import pytest
        @pytest.mark.parametrize("number", range(3))
        def test_it(afml_cache, number):
            assert not afml_cache.path.exists()
        def test_nothing_was_made(afml_cache):
            assert list(afml_cache.path.parent.iterdir()) == []
    """)
    run("--afml-cache").assert_outcomes(passed=4)


def test_a_store_a_test_costs_a_small_multiple_of_a_bare_one(tmp_path, record_property):
    """A ratio, measured in turns: an isolated call, and the same on a store made by hand."""
    from types import SimpleNamespace

    from afml_cache import robust_cacheable, use_store
    from pytest_afml.isolation import Run
    from pytest_afml.options import Choices

    @robust_cacheable
    def f(x):
        return x

    cleanups = []
    run = Run(SimpleNamespace(add_cleanup=cleanups.append), Choices(on=True))  # type: ignore[arg-type]
    run.start()
    item = SimpleNamespace(iter_markers=lambda _: [], fixturenames=())
    ours, bare = [], []
    try:
        for number in range(40):
            started = time.perf_counter()
            running = run.running(item)  # type: ignore[arg-type]
            f(number)
            running.stack.close()
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            with use_store(tmp_path / str(number)):
                f(number)
            bare.append(time.perf_counter() - started)
    finally:
        for cleanup in reversed(cleanups):
            cleanup()
    record_property("milliseconds a test", sorted(ours)[20] * 1e3)
    print(f"{sorted(ours)[20] * 1e3:.2f} ms a test, {sorted(bare)[20] * 1e3:.2f} ms bare")
    assert sorted(ours)[20] < 3 * sorted(bare)[20]
