"""Threads, forks and other processes use one store at the same time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from afml_cache.store.store import Missing, Store

# Forking beside threads is what is tested here; Python 3.12 warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

SECRET = b"a secret of at least thirty-two bytes"


def test_threads_read_and_write_one_store(open_store, digest, claim):
    store = open_store()
    wrong: list[object] = []

    def work(seed: int) -> None:
        for step in range(150):
            number = (seed * 7 + step) % 20
            value = store.get(digest(number))
            if type(value) is Missing:
                if value.reason is not None:
                    wrong.append(value)
                stored = number if number % 2 else np.full(2_000, number)
                if store.put(digest(number), stored, claim()) is not None:
                    wrong.append("put")
            elif np.max(value) != number:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and store.verify() == [] and store.faults() == {}
    assert sum(1 for _ in store.entries()) == 20


def test_processes_that_start_together_on_nothing_all_store(open_store, base, digest, start_python):
    script = """
        import hashlib, sys
        from afml_cache.store.store import Claim, Store
        store = Store(sys.argv[1], secret=b"a secret of at least thirty-two bytes")
        sys.stdin.readline()
        for number in range(40):
            key = hashlib.blake2b(repr((sys.argv[2], number)).encode(), digest_size=16).digest()
            assert store.put(key, (sys.argv[2], number), Claim("f", b"c", b"e", b"a")) is None
            assert store.get(key) == (sys.argv[2], number)
    """
    workers = [start_python(script, str(base), str(number)) for number in range(5)]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.wait() == 0, worker.stderr.read()
    store = open_store()
    for worker in range(5):
        for number in range(40):
            assert store.get(digest((str(worker), number))) == (str(worker), number)
    assert store.verify() == []


def test_a_replacement_by_another_process_is_seen(open_store, base, digest, claim):
    store, other = open_store(), open_store()
    for value in (1, 2, np.arange(2_000.0), np.arange(3_000.0), 3):
        store.put(digest(1), value, claim())
        assert np.array_equal(other.get(digest(1)), value)
        assert np.array_equal(other.get(digest(1)), value)
    store.clear()
    assert type(other.get(digest(1))) is Missing


def test_an_entry_that_arrives_during_a_miss_is_given_out(open_store, digest, claim, monkeypatch):
    store, other = open_store(), open_store()
    store.put(digest("something"), 1, claim())
    look, stored = store._index.body, []

    def look_then_be_overtaken(slot: bytes) -> object:
        found = look(slot)
        if not stored:
            stored.append(other.put(digest(1), "theirs", claim()))
        return found

    monkeypatch.setattr(store._index, "body", look_then_be_overtaken)
    assert store.get(digest(1)) == "theirs"
    assert stored == [None]


def test_a_file_replaced_during_a_hit_is_found_again(open_store, base, digest, claim, monkeypatch):
    store, other = open_store(), open_store()
    store.put(digest(1), np.zeros(9_000), claim())
    look, stored = store._index.body, []

    def look_then_be_overtaken(slot: bytes) -> object:
        found = look(slot)
        if not stored:
            stored.append(other.put(digest(1), np.ones(9_000), claim()))
        return found

    monkeypatch.setattr(store._index, "body", look_then_be_overtaken)
    assert store.get(digest(1))[0] == 1.0
    assert len(list(base.glob("values/*/*"))) == 1


def in_a_fork(work) -> int:
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_uses_the_store_and_so_does_its_parent(open_store, digest, claim):
    store = open_store()
    store.put(digest("parent"), np.arange(9_000.0), claim())
    held = store.get(digest("parent"))

    def child() -> int:
        right = store.get(digest("parent"))[-1] == 8_999 and held[-1] == 8_999
        return 0 if right and store.put(digest("child"), 2, claim()) is None else 1

    for _ in range(3):
        assert in_a_fork(child) == 0
        assert store.get(digest("child")) == 2
        assert store.put(digest("parent"), np.arange(9_000.0), claim()) is None
    assert store.verify() == []


def test_a_fork_while_threads_use_the_store(open_store, digest, claim):
    store = open_store()
    store.put(digest(0), 0, claim())
    stop = threading.Event()

    def use(seed: int) -> None:
        number = seed * 10_000
        while not stop.is_set():
            number += 1
            store.put(digest(number), number, claim())
            assert store.get(digest(number)) == number
            store.flight(digest(number)).try_acquire()

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(1, 4)]
    for thread in threads:
        thread.start()
    try:
        for step in range(10):
            assert in_a_fork(lambda step=step: _put_and_get(store, digest, claim, step)) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert store.verify() == [] and store.faults() == {}
    assert [store.get(digest(("child", step))) for step in range(10)] == list(range(10))


def _put_and_get(store: Store, digest, claim, step: int) -> int:
    stored = store.put(digest(("child", step)), step, claim()) is None
    return 0 if stored and store.get(digest(0)) == 0 else 1


def test_no_connection_crosses_a_fork(open_store, base, digest, claim):
    """SQLite's locks are the parent's: a child that inherits them corrupts the index."""
    store = open_store()
    store.put(digest(1), 1, claim())

    def child() -> int:
        inherited = []
        for number in range(256):
            with contextlib.suppress(OSError):
                inherited.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        return 1 if any(str(base) in name for name in inherited) else 0

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    assert in_a_fork(child) == 0
    assert store.get(digest(1)) == 1


def _store_from_worker(base: str, number: int) -> object:
    with Store(base, secret=SECRET) as store:
        return store.get(number.to_bytes(16, "big"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_workers_hits_what_the_parent_stored(method, open_store, base, claim):
    store = open_store()
    for number in range(6):
        store.put(number.to_bytes(16, "big"), f"value {number}", claim())
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.starmap(_store_from_worker, [(str(base), number) for number in range(6)])
    assert found == [f"value {number}" for number in range(6)]


def test_of_threads_and_processes_that_miss_together_one_computes(
    open_store, base, digest, claim, start_python, tmp_path
):
    script = """
        import sys, threading
        from pathlib import Path
        from afml_cache.store.store import Claim, Missing, Store
        store = Store(sys.argv[1], secret=b"a secret of at least thirty-two bytes")
        key, log = bytes.fromhex(sys.argv[2]), Path(sys.argv[3])

        def call():
            if type(store.get(key)) is not Missing:
                return
            flight = store.flight(key)
            flight.acquire()
            try:
                if type(store.get(key)) is Missing:
                    with log.open("a") as file:
                        file.write("computed\\n")
                    store.put(key, "result", Claim("f", b"c", b"e", b"a"))
            finally:
                flight.release()

        print("ready", flush=True)
        sys.stdin.readline()
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert store.get(key) == "result"
    """
    log = tmp_path / "log"
    workers = [start_python(script, str(base), digest(1).hex(), str(log)) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.wait() == 0, worker.stderr.read()
    assert log.read_text() == "computed\n"
    assert list(base.glob("flights/*")) == []


def test_a_store_can_be_used_after_it_was_closed(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim())
    store.close()
    store.close()
    assert store.get(digest(1)) == 1
    assert store.put(digest(2), 2, claim()) is None


def test_a_store_closed_by_one_thread_serves_another(open_store, digest, claim):
    store = open_store()
    store.put(digest(1), 1, claim())
    ends = time.monotonic() + 0.5
    found: list[object] = []

    def read() -> None:
        while time.monotonic() < ends:
            found.append(store.get(digest(1)))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    while time.monotonic() < ends:
        store.close()
    for thread in threads:
        thread.join()
    assert set(map(str, found)) == {"1"}
