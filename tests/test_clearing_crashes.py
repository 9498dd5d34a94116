"""Whoever is killed while clearing or restoring loses nothing, and others may go on calling."""

from __future__ import annotations

import pytest

from afml_cache import clear_afml_cache, list_cleared, restore_cleared

pytestmark = pytest.mark.slow  # it starts, or kills, many processes

#: Copies a filled cache, does something to the copy in a forked process that is killed at its
#: nth event, and asks another process what is left. Prints how many instants there were.
DRIVER = """
    import os, shutil, signal, sys, traceback
    from pathlib import Path
    import numpy as np
    import afml_cache
    from afml_cache import cacheable, clear_afml_cache, restore_cleared, robust_cacheable

    from afml_cache.joblib_memory.cleared import forget_checked_functions
    from afml_cache.store.active import active

    base = Path(os.environ["AFML_CACHE"])
    EVENTS = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.utime", "open",
              "shutil.rmtree", "sqlite3.connect", "sqlite3.connect/handle", "fcntl.flock",
              "os.scandir"}
    ran = []

    @robust_cacheable
    def large(n):
        ran.append(n)
        return np.full(3_000, n)

    @robust_cacheable
    def small(n):
        ran.append(n)
        return n

    @cacheable
    def old(n):
        ran.append(n)
        return n

    def call(*numbers):
        for n in numbers:
            assert large(n)[0] == n and small(n) == n and old(n) == n

    def in_a_child(work, copy, kill_at=None):
        child = os.fork()
        if child:
            return os.waitpid(child, 0)[1]
        try:
            left = kill_at

            def count(event, arguments):
                nonlocal left
                if event in EVENTS:
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            with afml_cache.use_store(copy):
                if kill_at is not None:
                    sys.addaudithook(count)
                work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def check_it_goes_on():
        call(1, 2, 3)

    def check_nothing_is_lost():
        ran.clear()
        restore_cleared("all")
        assert not afml_cache.list_cleared()
        counts = afml_cache.get_cache_stats()["script.small"]
        call(1, 2)
        assert ran == [], ran
        assert counts["computed"] == COMPUTED, counts
        assert active().verify() == []

    def check_it_can_be_cleared_again():
        clear_afml_cache(warn=False)
        check_nothing_is_lost()

    def prepare_to_clear():
        call(1, 2)

    def prepare_to_restore():
        call(1, 2)
        clear_afml_cache(warn=False)
        call(2)

    def clear():
        clear_afml_cache(warn=False)

    def restore():
        restore_cleared()

    prepare, work = globals()["prepare_to_" + sys.argv[1]], globals()[sys.argv[1]]
    COMPUTED = {"clear": 2, "restore": 3}[sys.argv[1]]
    with afml_cache.use_store(base.with_name("elsewhere")):
        call(1)  # so that no child has to import what is needed
    forget_checked_functions()
    assert in_a_child(prepare, base) == 0
    instants, seen = 0, None
    while True:
        copy = base.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(base, copy, symlinks=True)
        status = in_a_child(work, copy, instants + 1)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        instants += 1
        state = {(str(path.relative_to(copy)).split("Z-")[-1][4:], path.lstat().st_size)
                 for path in copy.rglob("*")}
        if state == seen:
            continue  # nothing has happened since the instant before
        seen = state
        checks = (check_it_goes_on, check_nothing_is_lost, check_it_can_be_cleared_again)
        for check in checks if sys.argv[2] == "all" else [checks[instants % 3]]:
            checked = base.with_name("checked")
            shutil.rmtree(checked, ignore_errors=True)
            shutil.copytree(copy, checked, symlinks=True)
            assert in_a_child(check, checked) == 0, (instants, check.__name__)
    print(instants)
"""


@pytest.mark.parametrize("checks", ["one in turn", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("work", ["clear", "restore"])
def test_killed_at_any_instant_it_loses_nothing(work, checks, run_python):
    assert int(run_python(DRIVER, work, checks)) >= 30


CALLER = """
    import sys, time
    import numpy as np
    from afml_cache import cacheable, robust_cacheable

    @robust_cacheable
    def large(n):
        return np.full(3_000, n)

    @robust_cacheable
    def small(n):
        return n

    @cacheable
    def old(n):
        return n

    calls = 0
    print("ready", flush=True)
    while not sys.stdin.closed:
        for n in range(20):
            assert large(n)[-1] == n and small(n) == n and old(n) == n
            calls += 1
        if calls >= int(sys.argv[1]):
            break
    print(calls)
"""


def test_others_go_on_calling_while_the_cache_is_cleared_and_restored(start_python, store):
    callers = [start_python(CALLER, "3000") for _ in range(2)]
    for caller in callers:
        assert caller.stdout.readline() == "ready\n"
    cleared = 0
    while any(caller.poll() is None for caller in callers):
        cleared += bool(clear_afml_cache(warn=False))
        assert restore_cleared().conflicts == ()
    for caller in callers:
        out, complaints = caller.communicate()
        assert (out, caller.returncode) == ("3000\n", 0), complaints
        assert "CacheWarning: Entries" not in complaints, complaints
    assert cleared > 3
    assert store.verify() == []
    assert list_cleared() == []
    assert len(list(store.entries("script.small"))) == 20
