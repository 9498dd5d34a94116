"""Counters add up exactly, over threads and processes, and a hit writes nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import pytest

from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.store import Counters, Store

# Forking beside threads is what is tested here; Python 3.12 warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def test_outcomes_reasons_and_seconds_are_counted_by_function(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim("f", seconds=2.0))
    for _ in range(3):
        assert store.get(digest(1)) == 1
        store.tally("f").hits += 1
    store.count("f", Outcome.COMPUTED, Reason.FIRST_CALL, seconds=2.0)
    store.count("f", Outcome.COMPUTED, Reason.CODE, seconds=0.5)
    store.count("f", Outcome.COMPUTED, Reason.CODE)
    store.count("f", Outcome.ADOPTED, seconds=4.0)
    store.count("g", Outcome.HIT)
    expected = {
        "f": Counters(
            3, 1, 3, {"first_call": 1, "code": 2}, 2.5, 3 * 2.0 + 4.0, computed_untimed=1
        ),
        "g": Counters(hits=1, hits_unpriced=1),
    }
    assert store.counters() == expected  # before they are written
    store.flush()
    assert store.counters() == expected  # and after
    store.close()
    assert open_store().counters() == expected
    assert open_store().counters("g") == {"g": Counters(hits=1, hits_unpriced=1)}
    assert open_store().counters("h") == {"h": Counters()}


def test_a_hit_writes_nothing(open_store, base, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim())
    store.get(digest(1))
    log = base / "index.sqlite-wal"
    before = log.stat().st_size, log.stat().st_mtime_ns
    for _ in range(1_000):
        store.get(digest(1))
        store.tally("f").hits += 1
    assert (log.stat().st_size, log.stat().st_mtime_ns) == before


def test_a_use_is_remembered_with_the_entry(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim())
    put = store.entry(digest(1))
    store.get(digest(1))
    store.flush()
    used = store.entry(digest(1))
    assert used.used > put.used and used.created == put.created


def test_threads_count_exactly(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim("f", seconds=1.0))

    def call() -> None:
        for number in range(2_000):
            store.get(digest(1))
            store.tally("f").hits += 1
            if number % 10 == 0:
                store.count("f", Outcome.COMPUTED, Reason.ARGUMENT)
            if number % 500 == 0:
                store.flush()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    counters = open_store().counters()["f"]
    assert (counters.hits, counters.computed) == (8_000, 800)
    assert counters.reasons == {"argument": 800}
    assert counters.seconds_saved == 8_000.0


WORK = """
    import sys
    from afml_cache.outcomes import Outcome, Reason
    from afml_cache.store.store import Store
    store = Store(sys.argv[1], secret=b"a secret of at least thirty-two bytes")
    for number in range(300):
        store.tally("f").hits += 1
        if number % 30 == 0:
            store.count("f", Outcome.COMPUTED, Reason.CODE)
            store.flush()
"""


def test_processes_add_up_and_write_what_is_left_when_they_end(open_store, base, start_python):
    workers = [start_python(WORK, str(base)) for _ in range(4)]
    for worker in workers:
        assert worker.wait() == 0, worker.stderr.read()
    counters = open_store().counters()["f"]
    assert (counters.hits, counters.computed, counters.reasons) == (1_200, 40, {"code": 40})


def _count_in_worker(store: Store) -> None:
    store.get(b"0123456789abcdef")
    store.tally("f").hits += 5


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_write_their_own_counts_once(method, open_store, base):
    store = open_store()
    store.tally("f").hits += 100
    context = multiprocessing.get_context(method)
    target, given = (_count_in_worker, store) if method == "fork" else (_open_and_count, str(base))
    workers = [context.Process(target=target, args=(given,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    store.close()
    assert open_store().counters()["f"].hits == 115


def _open_and_count(base: str) -> None:
    _count_in_worker(Store(base, secret=b"a secret of at least thirty-two bytes"))


def test_a_killed_process_loses_only_what_it_had_not_written(open_store, base, start_python):
    script = (
        WORK
        + """
    print("written", flush=True)
    store.tally("f").hits += 1_000_000
    sys.stdin.readline()
"""
    )
    worker = start_python(script, str(base))
    assert worker.stdout.readline() == "written\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert 270 <= open_store().counters()["f"].hits <= 300


def test_counting_does_not_bring_back_a_store_that_was_removed(open_store, base, digest, claim):
    import shutil

    store = open_store()
    store.put(digest(1), 1, claim())
    store.tally("f").hits += 1
    shutil.rmtree(base)
    store.flush()
    store.close()
    assert not base.exists()


def test_counts_alone_make_a_store(open_store, base):
    with open_store() as store:
        store.count("f", Outcome.COMPUTED, Reason.UNKEYABLE)
    assert open_store().counters()["f"].computed == 1
