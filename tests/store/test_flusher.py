"""What is counted is written soon, although no call follows; no thread stays, none is forked."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time

import pytest

from afml_cache import configure, robust_cacheable, use_store
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.store import Store


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "afml-cache counts"]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline, "nothing happened within half a minute"
        time.sleep(0.005)


@robust_cacheable
def plain(number):
    return number


IDLE = """
    import sys
    from afml_cache import cacheable, robust_cacheable

    @robust_cacheable
    def r(x):
        return x

    @cacheable
    def c(x):
        return x

    for i in range(300):
        r(i % 2), c(i % 2)
    print("done", flush=True)
    sys.stdin.read()
"""


def calls(counters):
    return {name: (one.hits, one.computed) for name, one in counters.items()}


def test_a_process_that_falls_idle_keeps_nothing_to_itself_even_if_it_is_killed(
    store, start_python
):
    process = start_python(IDLE)
    assert process.stdout.readline() == "done\n"
    expected = {"script.r": (298, 2), "script.c": (298, 2)}
    wait_until(lambda: calls(store.counters()) == expected)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert calls(store.counters()) == expected


def test_only_the_old_decorator_is_enough(store, start_python):
    process = start_python(IDLE.replace("r(i % 2), ", ""))
    assert process.stdout.readline() == "done\n"
    wait_until(lambda: calls(store.counters()) == {"script.c": (298, 2)})


@pytest.mark.slow
def test_hits_alone_are_written_again_and_again(store):
    plain(1)
    other = Store(store.directory, read_only=True)
    for round_ in range(1, 4):
        for _ in range(10):
            plain(1)
        wait_until(lambda: calls(other.counters()) == {plain.identity: (10 * round_, 1)})  # noqa: B023
        wait_until(lambda: not writers())
    other.close()


def test_the_thread_ends_with_what_is_to_be_written(store):
    plain(1)
    assert len(writers()) == 1 and writers()[0].daemon
    wait_until(lambda: not writers())
    plain(1)
    assert len(writers()) == 1
    store.flush()
    assert not writers()
    plain(1)
    store.close()
    assert not writers()


def test_no_thread_outlives_the_use_of_a_store(tmp_path):
    with use_store(tmp_path / "named"):
        plain(1), plain(1)
        assert len(writers()) == 1
    assert not writers()
    with Store(tmp_path / "given") as given:
        with use_store(given):
            plain(1), plain(1)
        assert not writers()


def test_a_store_that_may_not_be_written_to_has_no_thread(store):
    plain(1)
    store.close()
    configure(mode="readonly")
    for _ in range(5):
        plain(1)
    assert not writers()


def test_threads_that_count_while_it_ends_and_begins_lose_nothing(open_store, digest, claim):
    store, other = open_store(), open_store()
    for i in range(4):
        store.put(digest(i), i, claim("f"))
    other_sees = lambda: other.counters().get("f")
    total = 0

    def count(i):
        for _ in range(200):
            store.get(digest(i))
            store.count("f", Outcome.COMPUTED, Reason.ARGUMENT, seconds=0.001)
            if i == 0:
                store.flush()

    for _ in range(3):
        threads = [threading.Thread(target=count, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total += 800
        wait_until(lambda: other_sees().computed == total)  # noqa: B023
    assert other_sees().reasons == {"argument": 2_400}


def test_a_removed_directory_is_neither_brought_back_nor_told_of(tmp_path, capfd):
    with use_store(tmp_path / "gone"):
        plain(1)
        shutil.rmtree(tmp_path / "gone")
        wait_until(lambda: not writers())
        assert not (tmp_path / "gone").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_an_index_that_is_held_by_another_is_written_when_it_is_free(store, open_store):
    plain(1)
    store.flush()
    other = open_store(store.directory)

    def hold(cursor):
        plain(1)
        (writer,) = writers()
        tried = store.ledger.due
        wait_until(lambda: store.ledger.due > tried)  # it has tried, in vain
        return writer

    writer = other._index.write(hold)
    assert store.ledger.counters()[plain.identity].hits == 1
    wait_until(lambda: calls(other.counters()) == {plain.identity: (1, 1)})
    writer.join(30.0)
    assert not writer.is_alive()


def test_a_fork_finds_no_thread_and_counts_once(store):
    plain(1)
    plain(1)
    assert len(writers()) == 1
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            plain(1)
            alone = threading.active_count() == 2  # its own one, and that which writes
            store.close()
            os.write(writer, b"y" if alone else b"n")
        finally:
            os._exit(0)
    assert not writers()  # it ended before the fork
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"y"
    os.close(reader), os.close(writer)
    plain(1)
    assert len(writers()) == 1
    store.flush()
    assert calls(store.counters()) == {plain.identity: (3, 1)}


def test_forking_while_threads_count_ends_and_adds_up(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim("f"))
    stop, counted = threading.Event(), []

    def count():
        times = 0
        while not stop.is_set():
            store.count("f", Outcome.COMPUTED, Reason.ARGUMENT, seconds=0.001)
            times += 1
        counted.append(times)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        child = os.fork()
        if not child:
            try:
                store.count("f", Outcome.COMPUTED, Reason.CODE, seconds=0.001)
                store.close()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    store.flush()
    reasons = open_store().counters()["f"].reasons
    assert reasons == {"argument": sum(counted), "code": 10}


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise SystemExit", "1 / 0"])
def test_a_program_ends_at_once_and_quietly_with_all_written(store, start_python, ending):
    process = start_python(
        f"""
        import sys
        from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x):
            return x

        for _ in range(10):
            f(1)
        {ending}
        """
    )
    _, errors = process.communicate(timeout=60)
    assert ("ZeroDivisionError" in errors) if ending == "1 / 0" else errors == ""
    assert calls(store.counters()) == {"script.f": (9, 1)}


POOL = """
    import multiprocessing, sys, time
    from afml_cache import cacheable, get_cache_stats, robust_cacheable

    @robust_cacheable
    def r(x):
        return x

    @cacheable
    def c(x):
        return x

    def work(n):
        for i in range(n):
            r(0), c(0)

    def total():
        # A spawned worker stores c of @cacheable under joblib's name for it, which nobody calls.
        called = {name: one["hits"] + one["misses"] for name, one in get_cache_stats().items()}
        return {name: calls for name, calls in called.items() if calls}

    if __name__ == "__main__":
        r(0), c(0)
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pool.map(work, [50] * 4, chunksize=1)
            deadline = time.monotonic() + 30.0
            while set(total().values()) != {201} and time.monotonic() < deadline:
                time.sleep(0.01)
        print(total())
"""


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_of_a_pool_that_ends_them_by_a_signal_have_written(start_python, method):
    process = start_python(POOL, method)
    out, errors = process.communicate(timeout=120)
    assert out == "{'script.c': 201, 'script.r': 201}\n", errors


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python warns from 3.12 on")
def test_python_does_not_warn_of_a_fork_with_threads(run_python):
    out = run_python(
        """
        import os, warnings
        warnings.simplefilter("error")
        from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x):
            return x

        f(1), f(1)
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        print("quiet")
        """
    )
    assert out == "quiet\n"
